package live

import (
	"slices"
	"strings"

	"weir/pkg/schema"
)

// clashPrefix comes before a label that has the name of one of ours, as
// Prometheus does with what it scrapes.
const clashPrefix = "exported_"

// Labels returns the labels of a source's live series, ascending by name, without
// __name__: of is the labels of its series with history, ascending.
func Labels(kind schema.Kind, id string, of []schema.Label) []schema.Label {
	all := make([]schema.Label, 0, len(of)+2)
	all = append(all, schema.Label{Name: schema.LiveKindLabel, Value: kind.String()}, schema.Label{Name: schema.LiveSourceLabel, Value: id})
	for _, l := range of {
		if reserved(l.Name) {
			for l.Name = clashPrefix + l.Name; has(of, l.Name); {
				l.Name = clashPrefix + l.Name
			}
		}
		all = append(all, l)
	}
	slices.SortFunc(all, func(a, b schema.Label) int { return strings.Compare(a.Name, b.Name) })
	return all
}

func reserved(name string) bool {
	return name == schema.LiveKindLabel || name == schema.LiveSourceLabel || name == schema.LiveFieldLabel
}

func has(labels []schema.Label, name string) bool {
	return slices.ContainsFunc(labels, func(l schema.Label) bool { return l.Name == name })
}

// value returns a label's value, "" if there is none.
func value(of []schema.Label, name string) string {
	for i := range of {
		if of[i].Name == name {
			return of[i].Value
		}
	}
	return ""
}

// insert appends labels to to, with one more where it belongs in the order.
func insert(to, of []schema.Label, l schema.Label) []schema.Label {
	at := 0
	for at < len(of) && of[at].Name < l.Name {
		at++
	}
	to = append(to, of[:at]...)
	to = append(to, l)
	return append(to, of[at:]...)
}
