package mapping

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"weir/pkg/schema"
	"weir/pkg/schema/decode/seriesname"
)

// Explain says in words what becomes of a message: the mapping that is for its
// topic, its tenant, and each source with its series and their values, or why it
// is rejected.
func (s *Set) Explain(topic string, payload []byte) string {
	m, ok := s.Match(topic)
	if !ok {
		return fmt.Sprintf("no mapping is for the topic %s: it is carried to its subscribers, and nothing else happens\n", quote(topic))
	}
	var b strings.Builder
	line(&b, "mapping", "%s (%s)", m.Mapping.Match, m.Mapping.origin())
	if m.Fault == "" {
		line(&b, "tenant", "service %s, subservice %s", m.Tenant.Service, m.Tenant.Subservice)
	}
	readings, rejection := New().Decode(&m, payload)
	if rejection != nil {
		line(&b, "rejected", "%v", rejection)
		return b.String()
	}
	if m.Mapping.Interval > 0 {
		line(&b, "expected", "every %s", m.Mapping.Interval)
	}
	b.WriteString(Describe(readings))
	return b.String()
}

// Describe shows readings of named values, whoever decoded them, as Explain does:
// each source, its time, its series with their labels and values.
func Describe(readings []schema.Reading) string {
	var b strings.Builder
	for i := range readings {
		describe(&b, &readings[i])
	}
	return b.String()
}

func (m *Mapping) origin() string {
	if m.Shipped {
		return m.Payload + ", comes with weir"
	}
	return m.Payload
}

func line(b *strings.Builder, what, format string, args ...any) {
	fmt.Fprintf(b, "%-10s %s\n", what, fmt.Sprintf(format, args...))
}

func describe(b *strings.Builder, r *schema.Reading) {
	line(b, "source", "%s %s", r.Kind, r.ID)
	if r.Clock == schema.ClockNone {
		line(b, "time", "when it is received")
	} else {
		line(b, "time", "%s", time.Unix(0, r.Time).UTC().Format(time.RFC3339Nano))
	}
	for _, v := range r.Named {
		line(b, "series", "%s %s%s", seriesText(v.Name, r.Dims), number(v.Value), about(&v))
	}
	for _, a := range r.Attributes {
		line(b, "attribute", "%s %s", a.Name, strconv.Quote(a.Value))
	}
}

// seriesText shows a series as PromQL writes it: names with other characters than
// the classic ones in quotes, that of the metric among the labels then.
func seriesText(name string, labels []schema.Label) string {
	var all []string
	if !classic(name) {
		all, name = append(all, strconv.Quote(name)), ""
	}
	for _, l := range labels {
		label := l.Name
		if !classic(label) {
			label = strconv.Quote(label)
		}
		all = append(all, label+"="+strconv.Quote(l.Value))
	}
	if len(all) == 0 {
		return name
	}
	return name + "{" + strings.Join(all, ", ") + "}"
}

// classic reports whether PromQL takes a name without quotes.
func classic(name string) bool {
	return seriesname.Valid(name) && !strings.ContainsFunc(name, func(c rune) bool { return c >= utf8.RuneSelf })
}

func number(v float64) string {
	if math.Abs(v) < 1e15 && v == math.Trunc(v) {
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// about shows what is known of a series beside its value.
func about(v *schema.NamedValue) string {
	var all []string
	for _, text := range []string{string(v.Type), v.Unit, v.Help} {
		if text != "" {
			all = append(all, text)
		}
	}
	if len(all) == 0 {
		return ""
	}
	return "  (" + strings.Join(all, ", ") + ")"
}
