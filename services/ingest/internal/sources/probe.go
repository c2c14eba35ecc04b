package sources

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"weir/pkg/schema/pulltopic"
	"weir/pkg/strictyaml"
	"weir/services/ingest/internal/jsonpath"
)

// Probe is an uptime check of an HTTP or a TCP server.
type Probe struct {
	strictyaml.At
	Name     string   `yaml:"name"`     // the target, if it is left out
	Target   string   `yaml:"target"`   // http://…, https://…, tcp://host:port or tls://host:port
	Interval Duration `yaml:"interval"` // 1m
	Timeout  Duration `yaml:"timeout"`  // 10s
	Owner    `yaml:",inline"`
	Labels   map[string]string `yaml:"labels"`
	Client   `yaml:",inline"`

	// What follows is for HTTP alone. The keys are the blackbox exporter's where it
	// has them.
	Method          string            `yaml:"method"` // GET
	Headers         map[string]string `yaml:"headers"`
	Body            string            `yaml:"body"`
	FollowRedirects bool              `yaml:"follow_redirects"`   // true
	StatusCodes     []int             `yaml:"valid_status_codes"` // any 2xx
	Matches         []Regexp          `yaml:"fail_if_body_matches_regexp"`
	NotMatches      []Regexp          `yaml:"fail_if_body_not_matches_regexp"`
	Fields          []BodyField       `yaml:"body_fields"`
	FailIfSSL       bool              `yaml:"fail_if_ssl"`
	FailIfNotSSL    bool              `yaml:"fail_if_not_ssl"`
}

// BodyField is what a field of a JSON body must be.
type BodyField struct {
	Path    jsonpath.Path `yaml:"path"`    // status, components.blockchain, $.nodes[0].state
	Equals  *string       `yaml:"equals"`  // the text of the value; if it is left out, the field must be there
	Matches *Regexp       `yaml:"matches"` // or what its text must match
}

// Validate returns what is wrong with it.
func (b *BodyField) Validate() []string {
	switch {
	case b.Path.String() == "":
		return []string{"path is missing"}
	case b.Equals != nil && b.Matches != nil:
		return []string{"equals and matches exclude each other"}
	}
	return nil
}

// Regexp is a regular expression of RE2. It matches anywhere in a text.
type Regexp struct{ *regexp.Regexp }

// UnmarshalText compiles it.
func (r *Regexp) UnmarshalText(text []byte) (err error) {
	if r.Regexp, err = regexp.Compile(string(text)); err != nil {
		return fmt.Errorf("%q is not a regular expression: %w", text, err)
	}
	return nil
}

// SetDefaults makes it follow redirects with GET.
func (p *Probe) SetDefaults() { p.Method, p.FollowRedirects = "GET", true }

// HTTP reports whether an HTTP server is checked.
func (p *Probe) HTTP() bool { return strings.HasPrefix(p.Target, "http") }

// Validate completes it and returns what is wrong with it.
func (p *Probe) Validate() []string {
	faults := p.targetFaults()
	if p.Name == "" {
		p.Name = p.Target
	}
	if len(faults) == 0 {
		faults = nameFaults("name", p.Name)
	}
	faults = append(faults, timing(&p.Interval, &p.Timeout, DefaultInterval, DefaultTimeout)...)
	faults = append(faults, p.Owner.faults()...)
	faults = append(faults, labelFaults(p.Labels)...)
	faults = append(faults, p.httpFaults()...)
	return append(faults, p.Client.faults()...)
}

func (p *Probe) targetFaults() []string {
	u, err := url.Parse(p.Target)
	switch {
	case p.Target == "":
		return []string{"target is missing"}
	case len(p.Target) > pulltopic.MaxValue:
		return []string{fmt.Sprintf("target has %d bytes: expected at most %d", len(p.Target), pulltopic.MaxValue)}
	case err == nil && (u.Scheme == "http" || u.Scheme == "https"):
		return httpFaults("target", p.Target, true)
	case err == nil && (u.Scheme == "tcp" || u.Scheme == "tls") && u.Path+u.RawQuery+u.Fragment == "" && u.User == nil:
		return hostPortFaults("target", u.Host)
	}
	return []string{fmt.Sprintf("target is %q: expected http://…, https://…, tcp://host:port or tls://host:port", hidePassword(p.Target))}
}

func (p *Probe) httpFaults() []string {
	var faults []string
	if !slices.Contains(methods, p.Method) {
		faults = append(faults, fmt.Sprintf("method is %q: expected %s", p.Method, strings.Join(methods, ", ")))
	}
	for _, code := range p.StatusCodes {
		if code < 100 || code > 599 {
			faults = append(faults, fmt.Sprintf("valid_status_codes: %d is not a status of HTTP", code))
		}
	}
	if p.FailIfSSL && p.FailIfNotSSL {
		faults = append(faults, "fail_if_ssl and fail_if_not_ssl exclude each other")
	}
	if !p.HTTP() && p.Target != "" && (len(p.StatusCodes)+len(p.Matches)+len(p.NotMatches)+len(p.Fields)+len(p.Headers) > 0 || p.Body != "") {
		faults = append(faults, "a status, a body and headers can be expected of http:// and https:// only")
	}
	return faults
}
