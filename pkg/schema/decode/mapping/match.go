package mapping

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"weir/pkg/schema"
)

// Match is a topic that a mapping is for, and all that the topic says. It does
// not change: who reads a topic again keeps its Match.
type Match struct {
	Mapping *Mapping
	Tenant  schema.Tenant // zero if there is a Fault
	Device  string        // "" if the payload says it
	// Fault says what is wrong with the topic, if it names no tenant or no device:
	// its messages are rejected with schema.ReasonBadTopic.
	Fault string

	mapping       *mapping
	before, after string         // what stands around a field's name in a series'
	labels        []schema.Label // that the topic gives, ascending by name
}

// Match returns the first mapping that is for a topic, with what the topic says;
// false if there is none.
func (s *Set) Match(topic string) (Match, bool) {
	var room [16]string
	for _, m := range s.mappings {
		if captures, ok := m.pattern.find(topic, room[:0]); ok {
			return s.match(m, captures), true
		}
	}
	return Match{}, false
}

func (s *Set) match(m *mapping, captures []string) Match {
	match := Match{Mapping: m.Mapping, mapping: m}
	if match.Tenant, match.Fault = s.tenant(m, captures); match.Fault != "" {
		return match
	}
	if m.device.path == nil {
		match.Device, _ = m.device.template.expand(captures)
		if fault := idFault(match.Device); fault != "" {
			return Match{Mapping: m.Mapping, mapping: m, Fault: fmt.Sprintf("the device %s: expected %s", fault, m.Match)}
		}
	}
	match.before, match.after = m.name.expand(captures)
	match.before = m.Prefix + match.before
	for _, l := range m.labels {
		if l.value.path != nil {
			continue
		}
		if value, _ := l.value.template.expand(captures); value != "" {
			match.labels = append(match.labels, schema.Label{Name: l.name, Value: cut(value)})
		}
	}
	return match
}

// tenant returns whose a topic is.
func (s *Set) tenant(m *mapping, captures []string) (t schema.Tenant, fault string) {
	if m.APIKey != "" {
		key, _ := m.apiKey.expand(captures)
		if t, known := s.keys[key]; known {
			return t, ""
		}
		if key == "" {
			return t, fmt.Sprintf("the API key is empty: expected %s", m.Match)
		}
		return schema.Tenant{Service: UnknownService, Subservice: tenantName(key)}, ""
	}
	t.Service, _ = m.service.expand(captures)
	t.Subservice, _ = m.subservice.expand(captures)
	for _, n := range []struct {
		what, name string
		valid      func(string) bool
	}{{"service", t.Service, schema.ValidTenantName}, {"subservice", t.Subservice, schema.ValidSubservice}} {
		if !n.valid(n.name) {
			return schema.Tenant{}, fmt.Sprintf("the %s is %s: expected 1 to %d ASCII letters, digits, '_', '-' or '.', as in %s",
				n.what, quote(n.name), schema.MaxTenantName, m.Match)
		}
	}
	return t, ""
}

// tenantName makes a text the name of a subservice.
func tenantName(text string) string {
	valid := []byte(text[:min(len(text), schema.MaxTenantName)])
	for i := range valid {
		if !schema.ValidTenantName(string(valid[i : i+1])) {
			valid[i] = '_'
		}
	}
	return string(valid)
}

// idFault says what keeps a text from naming a device, "" if nothing does.
func idFault(id string) string {
	switch {
	case id == "":
		return "is empty"
	case len(id) > MaxName:
		return fmt.Sprintf("has %d bytes, and may have %d", len(id), MaxName)
	case !utf8.ValidString(id):
		return "is not valid UTF-8"
	case strings.ContainsFunc(id, unicode.IsControl):
		return fmt.Sprintf("is %s, with a control character", quote(id))
	}
	return ""
}

// cut returns a label's or an attribute's text: valid UTF-8, at most MaxText bytes.
func cut(s string) string {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	if len(s) <= MaxText {
		return s
	}
	end := MaxText
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}

// quote quotes what is shown of a text, at most its beginning.
func quote(s string) string {
	const most = 40
	if len(s) > most {
		return strconv.QuoteToASCII(s[:most]) + "…"
	}
	return strconv.QuoteToASCII(s)
}

// with returns labels with further ones, ascending by name. What a payload calls
// like a label of its mapping is prefixed "exported_", as Prometheus does.
func with(own, payload []schema.Label) []schema.Label {
	if len(own) == 0 {
		return payload
	}
	all := slices.Concat(own, payload)
	for i := len(own); i < len(all); i++ {
		for slices.ContainsFunc(all[:len(own)], func(l schema.Label) bool { return l.Name == all[i].Name }) {
			all[i].Name = "exported_" + all[i].Name
		}
	}
	slices.SortStableFunc(all, func(a, b schema.Label) int { return strings.Compare(a.Name, b.Name) })
	return slices.CompactFunc(all, func(a, b schema.Label) bool { return a.Name == b.Name })
}
