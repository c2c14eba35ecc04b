package alert

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
)

// What an alert may take, in bytes: with all of it the alert fits into an event,
// whatever its texts become in JSON.
const (
	MaxLabels      = 16 << 10 // names and values
	MaxAnnotations = 48 << 10 // names and values
	MaxURL         = 8 << 10
	MaxComment     = 4 << 10 // of an acknowledgement: who, and what they say
)

// Bytes returns how many bytes the names and values have.
func Bytes(ls model.LabelSet) int {
	n := 0
	for name, value := range ls {
		n += len(name) + len(value)
	}
	return n
}

// Bounded returns the alert with what it says about itself within bounds.
func (a Alert) Bounded() Alert {
	a.Annotations = BoundAnnotations(a.Annotations)
	if len(a.GeneratorURL) > MaxURL { // half an address leads nowhere
		a.GeneratorURL = ""
	}
	return a
}

// BoundAnnotations returns the annotations, shortened to MaxAnnotations if they
// are longer: a text about an alert may grow with a fleet, and the alert has to
// be told of all the same. The longest values are cut, each to the same length.
func BoundAnnotations(all model.LabelSet) model.LabelSet {
	if Bytes(all) <= MaxAnnotations {
		return all
	}
	names := slices.SortedFunc(maps.Keys(all), func(a, b model.LabelName) int {
		return cmp.Or(cmp.Compare(len(all[a]), len(all[b])), strings.Compare(string(a), string(b)))
	})
	left := MaxAnnotations
	names = slices.DeleteFunc(names, func(name model.LabelName) bool {
		if len(name) > left {
			return true
		}
		left -= len(name)
		return false
	})
	bounded := make(model.LabelSet, len(names))
	for i, name := range names { // what a short value does not need is for the longer ones
		value := shortened(string(all[name]), left/(len(names)-i))
		bounded[name] = model.LabelValue(value)
		left -= len(value)
	}
	return bounded
}

// shortened returns a text of at most n bytes that ends with an ellipsis if it
// was cut.
func shortened(text string, n int) string {
	const ellipsis = "…"
	switch {
	case len(text) <= n:
		return text
	case n < len(ellipsis):
		return ""
	}
	return strings.ToValidUTF8(text[:n-len(ellipsis)], "") + ellipsis
}
