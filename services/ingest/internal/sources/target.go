package sources

import (
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"weir/pkg/schema/pulltopic"
)

// Target is what is scraped, with all that is said of it.
type Target struct {
	Topic   pulltopic.Topic
	URL     string
	Address string // host:port
	Timeout time.Duration
}

// ID names the target: its tenant, job and instance, which are the source that
// its series belong to. Another with the same would end the series of this one.
func (t *Target) ID() string {
	id := pulltopic.Topic{Kind: t.Topic.Kind, Tenant: t.Topic.Tenant, Name: t.Topic.Name, Job: t.Topic.Job}
	return id.String()
}

// The labels of targets that say how they are scraped. The first five are
// Prometheus', the last two ours.
const (
	schemeLabel    = "__scheme__"
	pathLabel      = "__metrics_path__"
	intervalLabel  = "__scrape_interval__"
	timeoutLabel   = "__scrape_timeout__"
	paramPrefix    = "__param_"
	toleranceLabel = "__counter_tolerance__"
	dropNoneLabel  = "__drop_none_series__"
)

// Targets makes the targets of groups, which may be the static ones or any that
// were discovered. A target that cannot be made is left out, and said why; one
// that is there twice counts once.
//
// Labels work as in Prometheus: job and instance replace the job's name and the
// address, __scheme__, __metrics_path__, __scrape_interval__, __scrape_timeout__
// and __param_… the job's settings; others that begin with __ are dropped. The
// labels service and subservice are the target's tenant; __counter_tolerance__
// and __drop_none_series__ replace the job's settings of these names.
func (s *Scrape) Targets(groups []Group) (targets []Target, dropped []error) {
	seen := map[string]*Target{}
	for i := range groups {
		for _, address := range groups[i].Targets {
			t, err := s.target(address, groups[i].Labels)
			if err != nil {
				dropped = append(dropped, fmt.Errorf("target %q: %w", address, err))
				continue
			}
			switch other := seen[t.ID()]; {
			case other == nil:
				seen[t.ID()] = &t
				targets = append(targets, t)
			case Fingerprint(other) != Fingerprint(t):
				dropped = append(dropped, fmt.Errorf("target %q: %s has the same tenant, job and instance", address, other.URL))
			}
		}
	}
	return targets, dropped
}

func (s *Scrape) target(address string, labels map[string]string) (t Target, err error) {
	if t.Address, err = s.address(address, labels); err != nil {
		return t, err
	}
	if t.URL, err = s.url(address, labels); err != nil {
		return t, err
	}
	t.Topic = pulltopic.Topic{
		Kind: pulltopic.Scrape, Tenant: s.Tenant(), Name: address, Job: s.JobName,
		HonorLabels: s.HonorLabels, IgnoreTimestamps: !s.HonorTimestamps,
		DropNone: s.DropNoneSeries, CounterTolerance: s.CounterTolerance,
	}
	if err := s.times(&t, labels); err != nil {
		return t, err
	}
	if err := t.choices(labels); err != nil {
		return t, err
	}
	return t, t.names(labels)
}

func override(value string, labels map[string]string, name string) string {
	if v := labels[name]; v != "" {
		return v
	}
	return value
}

// address returns the target's host and port.
func (s *Scrape) address(address string, labels map[string]string) (string, error) {
	if strings.ContainsAny(address, "/?#@ ") || address == "" {
		return "", fmt.Errorf("expected host or host:port, without a scheme and a path")
	}
	given := address
	if _, _, err := net.SplitHostPort(address); err != nil {
		port := "80"
		if override(s.Scheme, labels, schemeLabel) == "https" {
			port = "443"
		}
		address = net.JoinHostPort(strings.Trim(address, "[]"), port)
	}
	if faults := hostPortFaults("it", address); len(faults) > 0 {
		return "", fmt.Errorf("%s", faults[0])
	}
	if _, err := url.Parse("http://" + given); err != nil {
		return "", fmt.Errorf("it is %q: expected host:port", given)
	}
	return address, nil
}

func (s *Scrape) url(address string, labels map[string]string) (string, error) {
	scheme, path := override(s.Scheme, labels, schemeLabel), override(s.MetricsPath, labels, pathLabel)
	if scheme != "http" && scheme != "https" {
		return "", fmt.Errorf("%s is %q: expected http or https", schemeLabel, scheme)
	}
	params := url.Values{}
	for name, values := range s.Params {
		params[name] = slices.Clone(values)
	}
	for _, label := range slices.Sorted(maps.Keys(labels)) {
		name, is := strings.CutPrefix(label, paramPrefix)
		if !is || name == "" {
			continue
		}
		if len(params[name]) > 0 {
			params[name][0] = labels[label]
		} else {
			params.Set(name, labels[label])
		}
	}
	// Only a query that is asked for: boards answer 404 to any.
	path, query, _ := strings.Cut(path, "?")
	if more := params.Encode(); more != "" {
		query = strings.Trim(query+"&"+more, "&")
	}
	u := url.URL{Scheme: scheme, Host: address, Path: path, RawQuery: query}
	return u.String(), nil
}

func (s *Scrape) times(t *Target, labels map[string]string) error {
	interval, timeout := s.Interval, s.Timeout
	for name, d := range map[string]*Duration{intervalLabel: &interval, timeoutLabel: &timeout} {
		if text := labels[name]; text != "" {
			v, err := model.ParseDuration(text)
			if err != nil || v == 0 {
				return fmt.Errorf("%s is %q: expected a duration such as 15s", name, text)
			}
			*d = v
		}
	}
	if interval == 0 { // the job itself is still being checked
		interval = Duration(DefaultInterval)
	}
	if labels[timeoutLabel] == "" {
		timeout = min(timeout, interval)
	}
	if faults := timing(&interval, &timeout, DefaultInterval, DefaultTimeout); len(faults) > 0 {
		return fmt.Errorf("%s", faults[0])
	}
	t.Topic.Interval, t.Timeout = time.Duration(interval), time.Duration(timeout)
	return nil
}

// choices takes what labels say of counters and of series named None.
func (t *Target) choices(labels map[string]string) error {
	if text := labels[toleranceLabel]; text != "" {
		v, err := strconv.ParseFloat(text, 64)
		if err != nil || !(v >= 0) || v > 1e300 {
			return fmt.Errorf("%s is %q: expected a number, 0 or more", toleranceLabel, text)
		}
		t.Topic.CounterTolerance = v
	}
	if text := labels[dropNoneLabel]; text != "" {
		v, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("%s is %q: expected true or false", dropNoneLabel, text)
		}
		t.Topic.DropNone = v
	}
	return nil
}

// names takes the tenant, the names and the labels.
func (t *Target) names(labels map[string]string) error {
	t.Topic.Tenant.Service = override(t.Topic.Tenant.Service, labels, "service")
	t.Topic.Tenant.Subservice = override(t.Topic.Tenant.Subservice, labels, "subservice")
	t.Topic.Job = override(t.Topic.Job, labels, "job")
	t.Topic.Name = override(t.Topic.Name, labels, "instance")
	rest := map[string]string{}
	for name, value := range labels {
		if !strings.HasPrefix(name, "__") && name != "service" && name != "subservice" && name != "job" && name != "instance" {
			rest[name] = value
		}
	}
	o := Owner{t.Topic.Tenant.Service, t.Topic.Tenant.Subservice}
	faults := append(o.faults(), nameFaults("instance", t.Topic.Name)...)
	faults = append(faults, nameFaults("job", t.Topic.Job)...)
	if len(t.Topic.Job)+len(t.Topic.Name) >= MaxName { // together, with a slash, they name the source
		faults = append(faults, fmt.Sprintf("job and instance have more than %d bytes together", MaxName-1))
	}
	if faults = append(faults, labelFaults(rest)...); len(faults) > 0 {
		return fmt.Errorf("%s", strings.Join(faults, "; "))
	}
	t.Topic.Labels = Labels(rest)
	return nil
}
