// Package pulltopic is what ingest's pulling side and the decoders agree on: the
// topics of pulled events with their parameters, the line that stands before a
// pulled body, and the results of a probe.
//
// A topic is a path with a query whose parameters are sorted, so that what is
// pulled from one place always has the same topic:
//
//	/scrape?instance=10.0.0.7%3A8080&interval=1m0s&job=boards&label.zone=a&service=factory&subservice=line1
//	/datamgmt/health?interval=30s&node=dn-1&service=factory&subservice=line1
//	/datamgmt/stats?…                      as health
//	/spore?gateway=gw-1&interval=30s&…     a gateway's document, or a node's resources
//	/spore/status?gateway=gw-1&…           a node's /api/node/status: its labels
//	/probe?interval=1m0s&name=site&service=…&subservice=…&target=https%3A%2F%2Fexample.org%2F
//
// The payload of a probe is a ProbeResult as JSON; that of all others a Report
// and behind it the body as it came, decompressed, or packed if the report says so.
package pulltopic

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"weir/pkg/schema"
)

// Kind says what was pulled.
type Kind uint8

// The kinds.
const (
	Scrape         Kind = 1 // exposition text
	DataNodeHealth Kind = 2 // a DataMgmt node's /health
	DataNodeStats  Kind = 3 // a DataMgmt node's /network/stats
	Spore          Kind = 4 // a SPORE gateway's aggregate, or a node's resources
	SporeStatus    Kind = 5 // a SPORE node's status, which has its labels
	Probe          Kind = 6 // an uptime check
)

// kinds are the paths, and the parameter that names the source.
var kinds = [...]struct{ path, name string }{
	Scrape:         {"/scrape", "instance"},
	DataNodeHealth: {"/datamgmt/health", "node"},
	DataNodeStats:  {"/datamgmt/stats", "node"},
	Spore:          {"/spore", "gateway"},
	SporeStatus:    {"/spore/status", "gateway"},
	Probe:          {"/probe", "name"},
}

// String returns the kind's path, such as "/scrape".
func (k Kind) String() string {
	if k == 0 || int(k) >= len(kinds) {
		return fmt.Sprintf("kind_%d", uint8(k))
	}
	return kinds[k].path
}

// MaxValue is the longest value of a parameter, in bytes.
const MaxValue = 1024

// Topic says where an event was pulled, and how its payload is to be read.
type Topic struct {
	Kind   Kind
	Tenant schema.Tenant
	Name   string // of the source: the instance, the node, the gateway, the probe

	Interval time.Duration  // between two pulls; 0 unknown
	Labels   []schema.Label // to be added to each series, ascending by name, no value empty

	Job    string // of a scrape
	Target string // of a probe: "https://…", "tcp://host:port" or "tls://host:port"

	// DropNone leaves out the samples all of whose labels are "None".
	DropNone bool
	// CounterTolerance is by how much a counter may fall without having been
	// restarted: boards have counters that can be decreased.
	CounterTolerance float64
	// HonorLabels says that where a sample has a label of the target's, the
	// sample's stands; else it becomes "exported_" and the name.
	HonorLabels bool
	// IgnoreTimestamps says that the samples' own times do not count.
	IgnoreTimestamps bool
}

// labelPrefix stands before the name of a label.
const labelPrefix = "label."

// String returns the topic as it stands in an event.
func (t *Topic) String() string {
	q := url.Values{}
	set := func(name, value string) {
		if value != "" {
			q.Set(name, value)
		}
	}
	set("service", t.Tenant.Service)
	set("subservice", t.Tenant.Subservice)
	set(kinds[t.Kind].name, t.Name)
	set("job", t.Job)
	set("target", t.Target)
	if t.Interval > 0 {
		set("interval", t.Interval.String())
	}
	if t.CounterTolerance != 0 {
		set("counter_tolerance", strconv.FormatFloat(t.CounterTolerance, 'g', -1, 64))
	}
	for name, on := range map[string]bool{"drop_none": t.DropNone, "honor_labels": t.HonorLabels, "ignore_timestamps": t.IgnoreTimestamps} {
		if on {
			set(name, "1")
		}
	}
	for _, l := range t.Labels {
		set(labelPrefix+l.Name, l.Value)
	}
	return t.Kind.String() + "?" + q.Encode()
}

// Is reports whether a topic's path is one of those that Parse reads.
func Is(topic string) bool {
	_, ok := kindOf(topic)
	return ok
}

func kindOf(topic string) (Kind, bool) {
	path, _, _ := strings.Cut(topic, "?")
	for k := Scrape; int(k) < len(kinds); k++ {
		if kinds[k].path == path {
			return k, true
		}
	}
	return 0, false
}

// Parse reads a topic that String wrote. Its error says which parameter is wrong
// and what was expected.
func Parse(topic string) (Topic, error) {
	kind, ok := kindOf(topic)
	if !ok {
		return Topic{}, fmt.Errorf("the path of %q is that of nothing that is pulled", topic)
	}
	_, query, _ := strings.Cut(topic, "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		return Topic{}, fmt.Errorf("the parameters of %q cannot be read: %w", topic, err)
	}
	t := Topic{Kind: kind}
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if len(values[name]) > 1 {
			faults = append(faults, fmt.Errorf("%s stands there twice", name))
		} else if err := t.set(name, values[name][0]); err != nil {
			faults = append(faults, err)
		}
	}
	return t, errors.Join(append(faults, t.missing()...)...)
}

// missing returns what a topic must have and this one does not.
func (t *Topic) missing() (faults []error) {
	must := func(name, value string) {
		if value == "" {
			faults = append(faults, fmt.Errorf("%s is missing", name))
		}
	}
	must("service", t.Tenant.Service)
	must("subservice", t.Tenant.Subservice)
	must(kinds[t.Kind].name, t.Name)
	switch t.Kind {
	case Scrape:
		must("job", t.Job)
	case Probe:
		must("target", t.Target)
	}
	return faults
}

// set takes one parameter.
func (t *Topic) set(name, value string) (err error) {
	if value == "" || len(value) > MaxValue && name != "subservice" {
		return fmt.Errorf("%s has %d bytes: expected 1 to %d", name, len(value), MaxValue)
	}
	if label, is := strings.CutPrefix(name, labelPrefix); is && label != "" {
		t.Labels = append(t.Labels, schema.Label{Name: label, Value: value}) // in the order of the names, since theirs is
		return nil
	}
	switch name {
	case "service":
		t.Tenant.Service, err = service(value)
	case "subservice":
		t.Tenant.Subservice, err = subservice(value)
	case kinds[t.Kind].name:
		t.Name = value
	case "job":
		t.Job = value
	case "target":
		t.Target = value
	case "interval":
		t.Interval, err = interval(value)
	case "counter_tolerance":
		t.CounterTolerance, err = tolerance(value)
	case "drop_none":
		t.DropNone, err = flag(name, value)
	case "honor_labels":
		t.HonorLabels, err = flag(name, value)
	case "ignore_timestamps":
		t.IgnoreTimestamps, err = flag(name, value)
	default:
		err = fmt.Errorf("%s is not a parameter of %s", name, t.Kind)
	}
	return err
}

func service(value string) (string, error) {
	if !schema.ValidTenantName(value) {
		return "", fmt.Errorf("service is %q: expected 1 to %d ASCII letters, digits, '_', '-' or '.'", value, schema.MaxTenantName)
	}
	return value, nil
}

func subservice(value string) (string, error) {
	if !schema.ValidSubservice(value) {
		return "", fmt.Errorf("subservice is %q: expected names of 1 to %d ASCII letters, digits, '_', '-' or '.' with '/' between them", value, schema.MaxTenantName)
	}
	return value, nil
}

func interval(value string) (time.Duration, error) {
	d, err := time.ParseDuration(value)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("interval is %q: expected a duration such as 1m0s", value)
	}
	return d, nil
}

func tolerance(value string) (float64, error) {
	f, err := strconv.ParseFloat(value, 64)
	if err != nil || !(f >= 0) || math.IsInf(f, 0) {
		return 0, fmt.Errorf("counter_tolerance is %q: expected a number, 0 or more", value)
	}
	return f, nil
}

func flag(name, value string) (bool, error) {
	if value != "1" {
		return false, fmt.Errorf("%s is %q: expected 1", name, value)
	}
	return true, nil
}
