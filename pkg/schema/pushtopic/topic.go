// Package pushtopic is what ingest's HTTP intake and the decoders agree on: the
// topics of events that were pushed over HTTP.
//
// A topic is a path with a query whose parameters are sorted, so that what is
// pushed in one way for one tenant always has the same topic:
//
//	/notices?path=%2Fline1&service=factory        a FIWARE notification; a path for each entity: %2Fa%2C%2Fb
//	/metrics/job/backup/instance/db1?method=PUT&service=factory&subservice=line1     of the Pushgateway's API
//	/api/v1/write?service=factory&subservice=line1&version=2                         Prometheus' remote write
//	/write?precision=ms&service=factory&subservice=line1                             InfluxDB's line protocol
//
// The payload is the request's body: that of a remote write as it came, of all
// others decompressed. Before that of a pushed group stands a Head.
package pushtopic

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"weir/pkg/schema"
)

// Kind says what was pushed.
type Kind uint8

// The kinds.
const (
	Notice      Kind = 1 // a notification of a FIWARE context broker
	Push        Kind = 2 // a group of metrics, as the Pushgateway takes them
	RemoteWrite Kind = 3 // Prometheus' remote write
	Influx      Kind = 4 // InfluxDB's line protocol
)

// paths are the paths of the kinds; below that of Push there is the group.
var paths = [...]string{Notice: "/notices", Push: GroupPath, RemoteWrite: "/api/v1/write", Influx: "/write"}

// GroupPath begins the paths of pushed groups.
const GroupPath = "/metrics/"

// String returns the kind's path, such as "/notices".
func (k Kind) String() string {
	if k == 0 || int(k) >= len(paths) {
		return fmt.Sprintf("kind_%d", uint8(k))
	}
	return paths[k]
}

// The forms of a pushed group's metrics.
const (
	FormatText        = "" // Prometheus' text format
	FormatOpenMetrics = "openmetrics"
	FormatProtobuf    = "protobuf" // io.prometheus.client.MetricFamily, each behind its length
)

// Topic says how an event was pushed, and how its payload is to be read.
type Topic struct {
	Kind Kind
	// Tenants are whose event it is. There is one; a notification's is the first,
	// and if there are several, each is that of one entity.
	Tenants []schema.Tenant

	Group  []schema.Label // of Push: its grouping key, ascending by name, "job" among them
	Method string         // of Push: PUT replaces the group, POST adds to it, DELETE ends it
	Format string         // of Push

	Version   int    // of RemoteWrite: 1 or 2
	Precision string // of Influx: of the times: ns, us, ms or s, "" for ns; also m and h
}

// Tenant returns whom the event is accounted to.
func (t *Topic) Tenant() schema.Tenant { return t.Tenants[0] }

// String returns the topic as it stands in an event.
func (t *Topic) String() string {
	q := url.Values{"service": {t.Tenants[0].Service}}
	set := func(name, value string) {
		if value != "" {
			q.Set(name, value)
		}
	}
	path := t.Kind.String()
	if t.Kind == Notice {
		set("path", joinPaths(t.Tenants))
		return path + "?" + q.Encode()
	}
	set("subservice", t.Tenants[0].Subservice)
	switch t.Kind {
	case Push:
		path = groupPath(t.Group)
		set("method", t.Method)
		set("format", t.Format)
	case RemoteWrite:
		set("version", strconv.Itoa(t.Version))
	case Influx:
		set("precision", t.Precision)
	}
	return path + "?" + q.Encode()
}

// Is reports whether a topic's path is one of those that Parse reads.
func Is(topic string) bool {
	_, _, ok := cut(topic)
	return ok
}

func cut(topic string) (kind Kind, path string, ok bool) {
	path, _, _ = strings.Cut(topic, "?")
	for kind := Notice; int(kind) < len(paths); kind++ {
		if path == paths[kind] && kind != Push || kind == Push && strings.HasPrefix(path, GroupPath) {
			return kind, path, true
		}
	}
	return 0, path, false
}

// Parse reads a topic that String wrote. Its error says what is wrong and what
// was expected.
func Parse(topic string) (Topic, error) {
	kind, path, ok := cut(topic)
	if !ok {
		return Topic{}, fmt.Errorf("the path of %q is that of nothing that is pushed", topic)
	}
	_, query, _ := strings.Cut(topic, "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		return Topic{}, fmt.Errorf("the parameters of %q cannot be read: %w", topic, err)
	}
	t := Topic{Kind: kind}
	p := parser{t: &t, values: values}
	p.tenants()
	switch kind {
	case Push:
		t.Group, err = ParseGroup(path)
		p.fault(err)
		t.Method = p.oneOf("method", "PUT", "POST", "DELETE")
		t.Format = p.oneOf("format", FormatText, FormatOpenMetrics, FormatProtobuf)
	case RemoteWrite:
		t.Version, _ = strconv.Atoi(p.oneOf("version", "1", "2"))
	case Influx:
		t.Precision = p.oneOf("precision", "", "ns", "us", "ms", "s", "m", "h")
	}
	p.rest()
	if len(p.faults) > 0 {
		return Topic{}, errors.Join(p.faults...)
	}
	return t, nil
}

// parser takes a topic's parameters one by one.
type parser struct {
	t      *Topic
	values url.Values
	faults []error
}

func (p *parser) fault(err error) {
	if err != nil {
		p.faults = append(p.faults, err)
	}
}

func (p *parser) take(name string) string {
	all := p.values[name]
	delete(p.values, name)
	switch len(all) {
	case 0:
		return ""
	case 1:
		return all[0]
	}
	p.fault(fmt.Errorf("%s stands there twice", name))
	return ""
}

func (p *parser) oneOf(name string, values ...string) string {
	v := p.take(name)
	if !slices.Contains(values, v) {
		p.fault(fmt.Errorf("%s is %q: expected %s", name, v, strings.Join(slices.DeleteFunc(slices.Clone(values), func(s string) bool { return s == "" }), ", ")))
	}
	return v
}

func (p *parser) tenants() {
	service := p.take("service")
	if p.t.Kind == Notice {
		tenants, err := FiwareTenants(service, p.take("path"))
		p.fault(err)
		p.t.Tenants = tenants
		return
	}
	t := schema.Tenant{Service: service, Subservice: p.take("subservice")}
	p.fault(CheckTenant(t))
	p.t.Tenants = []schema.Tenant{t}
}

// rest finds fault with the parameters that nobody took.
func (p *parser) rest() {
	for _, name := range slices.Sorted(maps.Keys(p.values)) {
		p.fault(fmt.Errorf("%s is not a parameter of %s", name, p.t.Kind))
	}
}
