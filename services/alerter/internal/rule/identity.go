package rule

import (
	"slices"
	"strings"

	"github.com/prometheus/common/model"

	"weir/services/alerter/internal/alert"
)

// identity tells a rule's alerts apart: a hash of an alert's labels. It is a sum over
// the labels, so that they need neither be sorted nor put together for it, which would
// be most of the work of an evaluation in which nothing changes.
type identity uint64

// byIdentity returns the alerts by their identity.
func byIdentity(alerts []*alert.Alert) map[identity]*alert.Alert {
	all := make(map[identity]*alert.Alert, len(alerts))
	for _, a := range alerts {
		var id identity
		for name, value := range a.Labels {
			id += identityOf(string(name), string(value))
		}
		all[id] = a
	}
	return all
}

// own is what the rule's labels make of each of its alerts' identities.
type own struct {
	fixed     identity // of the labels that are the same for all alerts
	templates []*text
	names     map[model.LabelName]bool // that the result's labels do not count under
}

func (e *evaluation) ownLabels() own {
	o := own{names: map[model.LabelName]bool{model.MetricNameLabel: true, model.AlertNameLabel: true}}
	o.fixed = identityOf(model.AlertNameLabel, e.rule.Name)
	for i := range e.labels {
		t := &e.labels[i]
		if t.name == model.AlertNameLabel {
			continue
		}
		o.names[t.name] = true
		switch {
		case t.fixed():
			o.fixed += identityOf(string(t.name), t.source)
		case t.source != "":
			o.templates = append(o.templates, t)
		}
	}
	return o
}

// identify returns the identity of the alert that a sample raises: what byIdentity
// would return for labelsOf.
func (e *evaluation) identify(s Sample, o own) identity {
	id := o.fixed
	for name, value := range s.Labels {
		if value != "" && !o.names[name] {
			id += identityOf(string(name), string(value))
		}
	}
	for _, t := range o.templates {
		e.buffer = e.labelValue(e.buffer[:0], t, s)
		if len(e.buffer) > 0 {
			id += identityOf(string(t.name), string(e.buffer))
		}
	}
	return id
}

// identityOf is a label's part: FNV-1a, and MurmurHash3's finalizer, without which
// the sums of similar labels could be the same.
func identityOf(name, value string) identity {
	const prime = 1099511628211
	h := uint64(14695981039346656037)
	for i := range len(name) {
		h = (h ^ uint64(name[i])) * prime
	}
	h = (h ^ 0xff) * prime // in no UTF-8
	for i := range len(value) {
		h = (h ^ uint64(value[i])) * prime
	}
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return identity(h ^ h>>33)
}

// isSeries reports whether series is labels without __name__.
func isSeries(series, labels model.LabelSet) bool {
	n := 0
	for name, value := range labels {
		if name == model.MetricNameLabel {
			continue
		}
		if other, ok := series[name]; !ok || other != value {
			return false
		}
		n++
	}
	return n == len(series)
}

// sortTransitions puts transitions into the order of their alerts' labels, those of
// one alert as they are.
func sortTransitions(all []alert.Transition) {
	if len(all) < 2 {
		return
	}
	type keyed struct {
		key string
		t   alert.Transition
	}
	sorted := make([]keyed, len(all))
	for i := range all {
		sorted[i] = keyed{all[i].Alert.Labels.String(), all[i]}
	}
	slices.SortStableFunc(sorted, func(a, b keyed) int { return strings.Compare(a.key, b.key) })
	for i := range sorted {
		all[i] = sorted[i].t
	}
}
