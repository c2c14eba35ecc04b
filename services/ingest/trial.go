package ingest

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"weir/pkg/schema"
	"weir/pkg/schema/decode"
	"weir/pkg/schema/decode/mapping"
	"weir/services/ingest/internal/sources"
)

// MapTest says what becomes of a message on an MQTT topic: its tenant, its sources
// and their series with the values, or the reason why it is rejected. sources is
// the path of a sources file, "" for none. An error is one of the sources file, or of
// what is no topic.
func MapTest(file, topic, payload string, out io.Writer) error {
	if topic == "" || strings.ContainsAny(topic, "+#\x00") {
		return fmt.Errorf("%q is no topic of a message: expected one without wildcards", topic)
	}
	set := mapping.Shipped()
	if file != "" {
		f, err := sources.Load(file, sources.Options{Mappings: checkMappings})
		if err != nil {
			return err
		}
		if set, err = mappingsOf(f.Mappings); err != nil {
			return err
		}
	}
	text := ""
	if own, ours := decode.ParseTopic(topic); ours {
		text = explain(own, payload)
	} else {
		text = set.Explain(topic, []byte(payload))
	}
	_, err := io.WriteString(out, text)
	return err
}

// explain does for a topic of our own shapes what mapping.Set's Explain does.
func explain(topic decode.Topic, payload string) string {
	var b strings.Builder
	line := func(what, format string, args ...any) {
		fmt.Fprintf(&b, "%-10s %s\n", what, fmt.Sprintf(format, args...))
	}
	if topic.Kind == decode.TopicBad {
		line("topic", "nearly one that weir knows by itself")
	} else {
		line("topic", "%s, which weir knows by itself", strings.ReplaceAll(topic.Kind.String(), "_", " "))
		line("tenant", "service %s, subservice %s", topic.Tenant.Service, topic.Tenant.Subservice)
	}
	readings, rejection := decode.New().Decode(topic, []byte(payload))
	if rejection != nil {
		line("rejected", "%v", rejection)
		return b.String()
	}
	if len(readings) == 0 {
		line("accepted", "it has no readings")
	}
	b.WriteString(mapping.Describe(named(readings)))
	return b.String()
}

// named returns readings whose fields are values with names, and whose own labels
// stand with the others.
func named(readings []schema.Reading) []schema.Reading {
	all := slices.Clone(readings)
	for i := range all {
		r := &all[i]
		for _, f := range r.Fields {
			at, _ := slices.BinarySearchFunc(schema.Fields, f.Field, func(i schema.FieldInfo, f schema.Field) int { return cmp.Compare(i.Field, f) })
			info := &schema.Fields[at]
			r.Named = append(slices.Clip(r.Named), schema.NamedValue{Name: info.Name, Type: info.Type, Unit: info.Unit, Value: f.Value})
		}
		r.Dims = slices.Concat(r.Labels, r.Dims)
		slices.SortStableFunc(r.Dims, func(a, b schema.Label) int { return strings.Compare(a.Name, b.Name) })
	}
	return all
}

// CheckSources checks a sources file and says what is in it. The error says all that
// is wrong with the file, a line each.
func CheckSources(path string, out io.Writer) error {
	f, err := sources.Load(path, sources.Options{Mappings: checkMappings})
	if err != nil {
		return err
	}
	set, err := mappingsOf(f.Mappings)
	if err != nil {
		return err
	}
	own := 0
	for _, m := range set.Mappings() {
		if !m.Shipped {
			own++
		}
	}
	counts := map[string]int{"scrape_configs": len(f.Scrapes), "datamgmt_nodes": len(f.DataNodes), "probes": len(f.Probes), "spore_gateways": len(f.Gateways), "topic_mappings": own}
	var b strings.Builder
	fmt.Fprintf(&b, "%s is good\n", filepath.Clean(path))
	for _, section := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(&b, "%-15s %d\n", section, counts[section])
	}
	if t := f.RemoteWrite.Tenant(); t != (schema.Tenant{}) {
		fmt.Fprintf(&b, "%-15s %s\n", "remote_write", t)
	}
	_, err = io.WriteString(out, b.String())
	return err
}
