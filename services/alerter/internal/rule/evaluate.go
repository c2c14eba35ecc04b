package rule

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/util/strutil"

	"weir/services/alerter/internal/alert"
)

// PendingWithoutData is how long a pending alert is kept of which nothing is
// known any more.
const PendingWithoutData = time.Hour

// ReasonLimit is why a rule's alerts end that has more of them than its group's
// limit allows.
const ReasonLimit alert.Reason = "limit"

// The errors of Evaluate.
var (
	// ErrSameAlerts: two alerts of the rule have the same labels. Nothing changes.
	ErrSameAlerts = errors.New("vector contains metrics with the same labelset after applying alert labels")
	// ErrSameSeries: two recorded series have the same labels. Nothing is recorded.
	ErrSameSeries = errors.New("vector contains metrics with the same labelset after applying rule labels")
	// ErrLimit: the rule has more alerts or series than its group's limit, or than
	// MaxAlerts. All its
	// alerts end, nothing is recorded.
	ErrLimit = errors.New("exceeded limit")
	// ErrData: it cannot be told whether alerts that are not in the result have
	// data. They stay as they are; the Output has what follows for the others.
	ErrData = errors.New("data expression")
)

// Evaluate returns what follows from a rule's result. What is in the Output holds
// even if there is an error.
func (r *Rule) Evaluate(in Input) (Output, error) {
	if r.Record {
		return r.record(in)
	}
	if limit := r.limit(); len(in.Result) > limit {
		return exceeded(in, limit, len(in.Result))
	}
	e := evaluation{rule: r, Input: in, active: byIdentity(in.Active), labels: prepare(r.Labels), annotations: prepare(r.Annotations)}
	found, err := e.identified()
	if err != nil {
		return Output{Warnings: e.out.Warnings, Seen: in.Seen}, err
	}
	for i, s := range in.Result {
		e.found(found[i], s)
	}
	err = e.missing(found)
	if limit := r.limit(); e.count > limit {
		return exceeded(in, limit, e.count)
	}
	sortTransitions(e.out.Transitions)
	return e.out, err
}

// SeriesOf returns the labels without __name__, which alerts do not have.
func SeriesOf(labels model.LabelSet) model.LabelSet {
	if _, ok := labels[model.MetricNameLabel]; !ok {
		return labels
	}
	series := labels.Clone()
	delete(series, model.MetricNameLabel)
	return series
}

// evaluation is one evaluation of an alerting rule.
type evaluation struct {
	rule *Rule
	Input
	active      map[identity]*alert.Alert
	labels      []text
	annotations []text
	buffer      []byte
	out         Output
	count       int // of the alerts that are pending or firing after it

	asked  bool                       // for the sources
	there  map[model.Fingerprint]bool // the sources
	unsaid error                      // why they are not known
}

// identified returns the identities of the alerts that the result's elements raise.
func (e *evaluation) identified() ([]identity, error) {
	all := make([]identity, len(e.Result))
	seen := make(map[identity]int, len(e.Result))
	own := e.ownLabels()
	for i, s := range e.Result {
		all[i] = e.identify(s, own)
		if other, ok := seen[all[i]]; ok {
			return nil, fmt.Errorf("%w: %s from %s and %s", ErrSameAlerts, e.labelsOf(s), e.Result[other].Labels, s.Labels)
		}
		seen[all[i]] = i
	}
	return all, nil
}

// labelsOf are the result's, and over them the rule's; an empty one is none.
func (e *evaluation) labelsOf(s Sample) model.LabelSet {
	all := make(model.LabelSet, len(s.Labels)+len(e.labels)+1)
	for name, value := range s.Labels {
		if value != "" && name != model.MetricNameLabel {
			all[name] = value
		}
	}
	for i := range e.labels {
		t := &e.labels[i]
		if value := e.labelValue(e.buffer[:0], t, s); len(value) > 0 {
			all[t.name] = model.LabelValue(value)
		} else {
			delete(all, t.name)
		}
	}
	all[model.AlertNameLabel] = model.LabelValue(e.rule.Name)
	return all
}

// annotationsOf returns the annotations for a sample: old itself if they are the same.
func (e *evaluation) annotationsOf(s Sample, old model.LabelSet) model.LabelSet {
	if len(e.annotations) == 0 {
		return nil
	}
	values := make([]model.LabelValue, len(e.annotations))
	same, size := len(old) == len(values), 0
	for i := range e.annotations {
		t := &e.annotations[i]
		e.buffer = e.within(&size, e.expand(e.buffer[:0], t, s))
		before, ok := old[t.name]
		if same = same && ok && string(before) == string(e.buffer); same {
			values[i] = before
		} else {
			values[i] = model.LabelValue(e.buffer)
		}
	}
	if same {
		return old
	}
	all := make(model.LabelSet, len(values))
	for i, v := range values {
		all[e.annotations[i].name] = v
	}
	return all
}

// found takes care of an element of the result: its condition is true.
func (e *evaluation) found(id identity, s Sample) {
	e.count++
	old := e.active[id]
	if old == nil {
		e.begin(s)
		return
	}
	now := *old
	if !isSeries(old.Series, s.Labels) {
		now.Series = SeriesOf(s.Labels)
	}
	now.Value, now.Annotations = alert.Value(s.Value), e.annotationsOf(s, old.Annotations)
	now.KeepFiringSince, now.NoDataSince = time.Time{}, time.Time{}
	news := false
	if old.NoData() {
		if old.Status == alert.Pending {
			// Of that time nobody knows that the condition was true: it does not count.
			now.ActiveAt = now.ActiveAt.Add(max(e.At.Sub(old.NoDataSince), 0))
		}
		e.transition(old.Status, alert.ReasonData, now)
		news = true
	} else if !old.KeepFiringSince.IsZero() {
		e.transition(old.Status, alert.ReasonCondition, now)
		news = true
	}
	certain := e.see(old)
	if now.Status == alert.Pending && e.At.Sub(now.ActiveAt) >= e.rule.For && certain {
		now.Status, now.FiredAt = alert.Firing, e.At
		e.transition(alert.Pending, alert.ReasonCondition, now)
		news = true
	}
	if !news && (!sameValue(old.Value, now.Value) || !old.Annotations.Equal(now.Annotations)) {
		e.out.Refreshed = append(e.out.Refreshed, Refresh{now.ID, now.Value, now.Annotations})
	}
}

// begin begins an occurrence.
func (e *evaluation) begin(s Sample) {
	labels := e.labelsOf(s)
	a := alert.Alert{
		ID:   alert.NewID(e.rule.Key, labels, e.At),
		Rule: e.rule.Key, Labels: labels, Annotations: e.annotationsOf(s, nil), Series: SeriesOf(s.Labels),
		GeneratorURL: GeneratorURL(e.ExternalURL, e.rule.Expr),
		Status:       alert.Pending, Value: alert.Value(s.Value), ActiveAt: e.At,
	}
	if e.rule.For <= 0 {
		a.Status, a.FiredAt = alert.Firing, e.At
	}
	e.transition(alert.Inactive, alert.ReasonCondition, a)
}

// exceeded ends all alerts, and begins none.
func exceeded(in Input, limit, count int) (Output, error) {
	var out Output
	for _, a := range in.Active {
		out.Transitions = append(out.Transitions, end(a, ReasonLimit, in.At))
	}
	sortTransitions(out.Transitions)
	return out, fmt.Errorf("%w of %d with %d alerts", ErrLimit, limit, count)
}

func (e *evaluation) transition(from alert.Status, why alert.Reason, a alert.Alert) {
	e.out.Transitions = append(e.out.Transitions, alert.Transition{From: from, Reason: why, Alert: a})
}

func sameValue(a, b alert.Value) bool {
	return math.Float64bits(float64(a)) == math.Float64bits(float64(b))
}

// GeneratorURL links to an expression in the interface at externalURL; it is ""
// if there is none, or if the expression is too long for a link.
func GeneratorURL(externalURL, expr string) string {
	if externalURL == "" || len(expr) > maxLink {
		return ""
	}
	return strings.TrimSuffix(externalURL, "/") + strutil.TableLinkForExpression(expr)
}
