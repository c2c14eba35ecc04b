package rule_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/model"

	"weir/services/alerter/internal/alert"
	"weir/services/alerter/internal/rule"
)

// step is one evaluation, an acknowledgement, or weir's return.
type step struct {
	at     string // since the start, "5m"
	result string // "node=1 81, node=2 90"
	data   string // the series that the data expression has besides the result's: "node=1, node=2"; "!" for an error
	ack    string // the labels of the alert that a person acknowledges instead
	away   string // since when, after the start, weir was away that returns instead
	want   string // the transitions: "node=1 inactive>pending, node=1 firing>resolved no_data"
	err    error
}

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// play plays the steps, and returns the state after them.
func play(t *testing.T, r *rule.Rule, steps []step) *alert.State {
	t.Helper()
	s := alert.NewState()
	var listening time.Time
	var seen map[alert.ID]time.Time
	for _, step := range steps {
		d, err := model.ParseDuration(step.at)
		if err != nil {
			t.Fatal(err)
		}
		at := start.Add(time.Duration(d))
		var out rule.Output
		switch {
		case step.away != "":
			from, err := model.ParseDuration(step.away)
			if err != nil {
				t.Fatal(err)
			}
			listening, seen = at, nil // a process that begins anew knows nothing
			out.Transitions = rule.Returned(active(s, r), rule.Away{From: start.Add(time.Duration(from)), To: at})
		case step.ack != "":
			for _, a := range s.ByRule[r.Key] {
				if shown(a.Labels) == step.ack {
					out.Transitions = append(out.Transitions, rule.Acknowledge(a, alert.Ack{By: "ann", At: at}))
				}
			}
		default:
			in := input(t, r, s, step, at)
			in.Listening, in.Lookback, in.Seen = listening, 5*time.Minute, seen
			if out, err = r.Evaluate(in); !errors.Is(err, step.err) {
				t.Fatalf("at %s: error %v, want %v", step.at, err, step.err)
			}
			seen = out.Seen
		}
		var got []string
		for _, tr := range out.Transitions {
			text := fmt.Sprintf("%s %s>%s", shown(tr.Alert.Labels), tr.From, tr.Alert.Status)
			if tr.Reason != "" {
				text += " " + string(tr.Reason)
			}
			got = append(got, strings.TrimSpace(text))
			s.Apply(alert.Event{At: at, Transition: &tr})
		}
		for _, f := range out.Refreshed {
			s.Refresh(f.ID, f.Value, f.Annotations)
		}
		if text := strings.Join(got, ", "); text != step.want {
			t.Fatalf("at %s:\ngot  %s\nwant %s", step.at, text, step.want)
		}
	}
	return s
}

func active(s *alert.State, r *rule.Rule) []*alert.Alert {
	return slices.Collect(maps.Values(s.ByRule[r.Key]))
}

func input(t *testing.T, r *rule.Rule, s *alert.State, step step, at time.Time) rule.Input {
	t.Helper()
	in := rule.Input{At: at, Result: samples(t, step.result), Active: active(s, r)}
	in.Data = func() (map[model.Fingerprint]bool, error) {
		if step.data == "!" {
			return nil, errors.New("the history cannot be read")
		}
		there := slices.Clone(in.Result)
		for _, l := range split(step.data) {
			there = append(there, rule.Sample{Labels: labelsOf(t, l)})
		}
		return rule.Known(there), nil
	}
	return in
}

func split(list string) []string {
	if list == "" {
		return nil
	}
	return strings.Split(list, ", ")
}

// samples reads "node=1/zone=a 81, node=2 3".
func samples(t *testing.T, text string) []rule.Sample {
	t.Helper()
	var all []rule.Sample
	for _, one := range split(text) {
		labels, value, _ := strings.Cut(one, " ")
		f, err := strconv.ParseFloat(value, 64)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, rule.Sample{Labels: labelsOf(t, labels), Value: f})
	}
	return all
}

func labelsOf(t *testing.T, text string) model.LabelSet {
	t.Helper()
	l := model.LabelSet{}
	for pair := range strings.SplitSeq(text, "/") {
		if name, value, ok := strings.Cut(pair, "="); ok {
			l[model.LabelName(name)] = model.LabelValue(value)
		}
	}
	return l
}

// shown shows an alert's labels but alertname.
func shown(l model.LabelSet) string {
	var all []string
	for name, value := range l {
		if name != model.AlertNameLabel {
			all = append(all, string(name)+"="+string(value))
		}
	}
	slices.Sort(all)
	return strings.Join(all, "/")
}

const minute = time.Minute

func TestEvaluationsOverTime(t *testing.T) {
	tests := []struct {
		what  string
		rule  rule.Rule
		steps []step
	}{
		{"without for, an alert fires at once", rule.Rule{}, []step{
			{at: "0s", result: "node=1 81", want: "node=1 inactive>firing"},
			{at: "1s", result: "node=1 82"},
			{at: "2s", data: "node=1", want: "node=1 firing>resolved"},
			{at: "3s", data: "node=1"},
		}},
		{"with for, it is pending until then", rule.Rule{For: 5 * minute}, []step{
			{at: "0s", result: "node=1 81", want: "node=1 inactive>pending"},
			{at: "4m59s", result: "node=1 81"},
			{at: "5m", result: "node=1 81", want: "node=1 pending>firing"},
			{at: "6m", data: "node=1", want: "node=1 firing>resolved"},
		}},
		{"a pending alert whose condition becomes false is forgotten, and begins anew", rule.Rule{For: 5 * minute}, []step{
			{at: "0s", result: "node=1 81", want: "node=1 inactive>pending"},
			{at: "4m", data: "node=1", want: "node=1 pending>inactive"},
			{at: "5m", result: "node=1 81", want: "node=1 inactive>pending"},
			{at: "9m", result: "node=1 81"},
			{at: "10m", result: "node=1 81", want: "node=1 pending>firing"},
		}},
		{"each label set has its own alert", rule.Rule{For: 2 * minute}, []step{
			{at: "0s", result: "node=1 81", want: "node=1 inactive>pending"},
			{at: "1m", result: "node=1 81, node=2 99", want: "node=2 inactive>pending"},
			{at: "2m", result: "node=1 81, node=2 99", want: "node=1 pending>firing"},
			{at: "3m", result: "node=2 99", data: "node=1", want: "node=1 firing>resolved, node=2 pending>firing"},
		}},
		{"an alert that fires again is another one", rule.Rule{}, []step{
			{at: "0s", result: "node=1 81", want: "node=1 inactive>firing"},
			{at: "1s", data: "node=1", want: "node=1 firing>resolved"},
			{at: "2s", result: "node=1 81", want: "node=1 inactive>firing"},
		}},
		{"keep_firing_for holds an alert whose condition became false", rule.Rule{KeepFiringFor: 5 * minute}, []step{
			{at: "0s", result: "node=1 81", want: "node=1 inactive>firing"},
			{at: "1m", data: "node=1", want: "node=1 firing>firing"},
			{at: "5m59s", data: "node=1"},
			{at: "6m", data: "node=1", want: "node=1 firing>resolved"},
		}},
		{"keep_firing_for begins anew when the condition was true between", rule.Rule{KeepFiringFor: 5 * minute}, []step{
			{at: "0s", result: "node=1 81", want: "node=1 inactive>firing"},
			{at: "1m", data: "node=1", want: "node=1 firing>firing"},
			{at: "2m", result: "node=1 81", want: "node=1 firing>firing"},
			{at: "3m", data: "node=1", want: "node=1 firing>firing"},
			{at: "7m", data: "node=1"},
			{at: "8m", data: "node=1", want: "node=1 firing>resolved"},
		}},
		{"keep_firing_for holds no pending alert", rule.Rule{For: 5 * minute, KeepFiringFor: 5 * minute}, []step{
			{at: "0s", result: "node=1 81", want: "node=1 inactive>pending"},
			{at: "1m", data: "node=1", want: "node=1 pending>inactive"},
		}},
		{"keep_firing_for ends in time when the data end meanwhile: the last that was known is that all is well", rule.Rule{KeepFiringFor: 5 * minute}, []step{
			{at: "0s", result: "node=1 81", want: "node=1 inactive>firing"},
			{at: "1m", data: "node=1", want: "node=1 firing>firing"},
			{at: "2m"},
			{at: "6m", want: "node=1 firing>resolved"},
		}},
		{"a firing alert without data fires until its data say otherwise", rule.Rule{}, []step{
			{at: "0s", result: "node=1 81", want: "node=1 inactive>firing"},
			{at: "1m", want: "node=1 firing>firing no_data"},
			{at: "48h"},
			{at: "49h", data: "node=1", want: "node=1 firing>resolved"},
		}},
		{"a node whose firmware's label changed goes on in another series, which speaks for it", rule.Rule{}, []step{
			{at: "0s", result: "node=1/version=1 81", want: "node=1/version=1 inactive>firing"},
			{at: "1m", data: "node=1/version=2", want: "node=1/version=1 firing>resolved replaced"},
		}},
		{"a node whose label changed and whose condition is still true is another alert", rule.Rule{}, []step{
			{at: "0s", result: "node=1/version=1 81", want: "node=1/version=1 inactive>firing"},
			{at: "1m", result: "node=1/version=2 82", want: "node=1/version=1 firing>resolved replaced, node=1/version=2 inactive>firing"},
		}},
		{"another node, and another of the measures that a board tells apart by labels, speak for nobody else", rule.Rule{}, []step{
			{at: "0s", result: "node=1/version=1 81, device=1/probe=a 81", want: "device=1/probe=a inactive>firing, node=1/version=1 inactive>firing"},
			{at: "1m", data: "node=2/version=1, device=1/probe=b", want: "device=1/probe=a firing>firing no_data, node=1/version=1 firing>firing no_data"},
		}},
		{"a firing alert without data whose condition is true again", rule.Rule{}, []step{
			{at: "0s", result: "node=1 81", want: "node=1 inactive>firing"},
			{at: "1m", want: "node=1 firing>firing no_data"},
			{at: "2m", result: "node=1 95", want: "node=1 firing>firing data"},
			{at: "3m", result: "node=1 95"},
			{at: "4m", want: "node=1 firing>firing no_data"},
		}},
		{"data that come back during keep_firing_for", rule.Rule{KeepFiringFor: 5 * minute}, []step{
			{at: "0s", result: "node=1 81", want: "node=1 inactive>firing"},
			{at: "1m", want: "node=1 firing>firing no_data"},
			{at: "2m", data: "node=1", want: "node=1 firing>firing data"},
			{at: "7m", data: "node=1", want: "node=1 firing>resolved"},
		}},
		{"a pending alert without data cannot fire", rule.Rule{For: 5 * minute}, []step{
			{at: "0s", result: "node=1 81", want: "node=1 inactive>pending"},
			{at: "1m", want: "node=1 pending>pending no_data"},
			{at: "10m"},
			{at: "11m", result: "node=1 81", want: "node=1 pending>pending data"},
			{at: "14m", result: "node=1 81"},
			{at: "14m30s", want: "node=1 pending>pending no_data"},
			{at: "20m30s", result: "node=1 81", want: "node=1 pending>pending data"},
			{at: "20m59s", result: "node=1 81"},
			{at: "21m", result: "node=1 81", want: "node=1 pending>firing"},
		}},
		{"a pending alert without data is dropped after an hour", rule.Rule{For: 5 * minute}, []step{
			{at: "0s", result: "node=1 81", want: "node=1 inactive>pending"},
			{at: "1m", want: "node=1 pending>pending no_data"},
			{at: "1h59s"},
			{at: "1h1m", want: "node=1 pending>inactive no_data"},
		}},
		{"a pending alert without data whose condition turns out to be false", rule.Rule{For: 5 * minute}, []step{
			{at: "0s", result: "node=1 81", want: "node=1 inactive>pending"},
			{at: "1m", want: "node=1 pending>pending no_data"},
			{at: "2m", data: "node=1", want: "node=1 pending>inactive"},
		}},
		{"resolve_on_absent resolves an alert without data", rule.Rule{ResolveOnAbsent: true}, []step{
			{at: "0s", result: "node=1 81, node=2 82", want: "node=1 inactive>firing, node=2 inactive>firing"},
			{at: "1m", data: "node=2", want: "node=1 firing>resolved absent, node=2 firing>resolved"},
		}},
		{"resolve_on_absent keeps to keep_firing_for", rule.Rule{ResolveOnAbsent: true, KeepFiringFor: minute}, []step{
			{at: "0s", result: "node=1 81", want: "node=1 inactive>firing"},
			{at: "1m", want: "node=1 firing>firing absent"},
			{at: "2m", want: "node=1 firing>resolved"},
		}},
		{"resolve_on_absent resolves even if nothing can be told of the data", rule.Rule{ResolveOnAbsent: true}, []step{
			{at: "0s", result: "node=1 81", want: "node=1 inactive>firing"},
			{at: "1m", data: "!", want: "node=1 firing>resolved absent", err: rule.ErrData},
		}},
		{"where absence is looked for, it ends an alert as in Prometheus", rule.Rule{Data: "-"}, []step{
			{at: "0s", result: "job=x 1", want: "job=x inactive>firing"},
			{at: "1m", data: "!", want: "job=x firing>resolved"},
		}},
		{"if nothing can be told of the data, what has vanished stays, and the others go on", rule.Rule{}, []step{
			{at: "0s", result: "node=1 81", want: "node=1 inactive>firing"},
			{at: "1m", result: "node=2 81", data: "!", want: "node=2 inactive>firing", err: rule.ErrData},
			{at: "2m", result: "node=2 81", data: "node=1", want: "node=1 firing>resolved"},
		}},
		{"acknowledging marks an alert with data", rule.Rule{}, []step{
			{at: "0s", result: "node=1 81", want: "node=1 inactive>firing"},
			{at: "1m", ack: "node=1", want: "node=1 firing>firing acknowledged"},
			{at: "2m", result: "node=1 81"},
			{at: "3m", want: "node=1 firing>firing no_data"},
			{at: "4m", data: "node=1", want: "node=1 firing>resolved"},
		}},
		{"acknowledging resolves an alert without data", rule.Rule{}, []step{
			{at: "0s", result: "node=1 81", want: "node=1 inactive>firing"},
			{at: "1m", want: "node=1 firing>firing no_data"},
			{at: "2m", ack: "node=1", want: "node=1 firing>resolved acknowledged"},
			{at: "3m"},
			{at: "4m", result: "node=1 81", want: "node=1 inactive>firing"},
		}},
		{"acknowledging forgets a pending alert without data", rule.Rule{For: minute}, []step{
			{at: "0s", result: "node=1 81", want: "node=1 inactive>pending"},
			{at: "1m", want: "node=1 pending>pending no_data"},
			{at: "2m", ack: "node=1", want: "node=1 pending>inactive acknowledged"},
		}},
		{"the rule's labels are the alert's", rule.Rule{Labels: model.LabelSet{"severity": "warning", "zone": "b", "rack": ""}}, []step{
			{at: "0s", result: "node=1/zone=a/rack=7/__name__=cpu 81", want: "node=1/severity=warning/zone=b inactive>firing"},
			{at: "1m", data: "node=1/zone=a/rack=7", want: "node=1/severity=warning/zone=b firing>resolved"},
		}},
		{"labels may be templates, and an alert of another label is another alert", rule.Rule{For: minute, Labels: model.LabelSet{"of": "{{ $labels.node }}-{{ $value }}"}}, []step{
			{at: "0s", result: "node=1 81", want: "node=1/of=1-81 inactive>pending"},
			{at: "1m", result: "node=1 82", want: "node=1/of=1-81 pending>inactive, node=1/of=1-82 inactive>pending"},
		}},
		{"labels that are templates stay the same as long as what they say does", rule.Rule{Labels: model.LabelSet{"of": "n{{ $labels.node }}", "node": "", "none": "{{ $labels.none }}"}}, []step{
			{at: "0s", result: "node=1 81, node=2 3", want: "of=n1 inactive>firing, of=n2 inactive>firing"},
			{at: "1m", result: "node=1 82, node=2 4"},
			{at: "2m", result: "node=2 4", want: "of=n1 firing>firing no_data"},
			{at: "3m", result: "node=2 4", data: "node=1", want: "of=n1 firing>resolved"},
		}},
		{"the rule's name stands above every label of its name", rule.Rule{Labels: model.LabelSet{"alertname": "Other"}}, []step{
			{at: "0s", result: "node=1/alertname=Third 81", want: "node=1 inactive>firing"},
			{at: "1m", result: "node=1/alertname=Third 81"},
			{at: "2m", data: "node=1/alertname=Third", want: "node=1 firing>resolved"},
		}},
		{"metrics of different names are the same alert, which is an error that changes nothing", rule.Rule{}, []step{
			{at: "0s", result: "__name__=a/node=1 1", want: "node=1 inactive>firing"},
			{at: "1m", result: "__name__=a/node=1 1, __name__=b/node=1 1", err: rule.ErrSameAlerts},
			{at: "2m", data: "node=1", want: "node=1 firing>resolved"},
		}},
		{"labels that make two alerts the same are an error", rule.Rule{Labels: model.LabelSet{"node": "all"}}, []step{
			{at: "0s", result: "node=1 1, node=2 1", err: rule.ErrSameAlerts},
		}},
		{"up to the limit there may be alerts", rule.Rule{Limit: 2}, []step{
			{at: "0s", result: "node=1 1, node=2 1", want: "node=1 inactive>firing, node=2 inactive>firing"},
		}},
		{"beyond the limit all alerts end, and none begins", rule.Rule{Limit: 2, For: minute}, []step{
			{at: "0s", result: "node=1 1", want: "node=1 inactive>pending"},
			{at: "1m", result: "node=1 1, node=2 1", want: "node=1 pending>firing, node=2 inactive>pending"},
			{at: "2m", result: "node=1 1, node=2 1, node=3 1", want: "node=1 firing>resolved limit, node=2 pending>inactive limit", err: rule.ErrLimit},
			{at: "3m", result: "node=1 1", want: "node=1 inactive>pending"},
		}},
		{"alerts without data count towards the limit", rule.Rule{Limit: 1}, []step{
			{at: "0s", result: "node=1 1", want: "node=1 inactive>firing"},
			{at: "1m", result: "node=2 1", want: "node=1 firing>resolved limit", err: rule.ErrLimit},
		}},
		{"a number is an alert without labels", rule.Rule{}, []step{
			{at: "0s", result: " 1", want: "inactive>firing"},
		}},
	}
	for _, test := range tests {
		t.Run(test.what, func(t *testing.T) {
			test.rule.Name, test.rule.Key, test.rule.Expr = "Hot", "f;g;Hot", "cpu > 80"
			switch test.rule.Data {
			case "":
				test.rule.Data = "cpu"
			case "-":
				test.rule.Data = ""
			}
			play(t, &test.rule, test.steps)
		})
	}
}

func TestWhatAnAlertHas(t *testing.T) {
	r := &rule.Rule{
		Key: "f;g;Hot", Name: "Hot", Expr: "cpu > 80", Data: "cpu", For: minute,
		Labels: model.LabelSet{"severity": "warning"}, Annotations: model.LabelSet{"summary": "{{ $labels.node }} of {{.Labels.__name__}} is at {{ $value }}{{ $labels.nothing }}"},
	}
	in := rule.Input{At: start, Result: samples(t, "__name__=cpu/node=1 81.5"), ExternalURL: "https://weir.example/x/"}
	out, err := r.Evaluate(in)
	if err != nil {
		t.Fatal(err)
	}
	labels := model.LabelSet{"alertname": "Hot", "severity": "warning", "node": "1"}
	want := []alert.Transition{{From: alert.Inactive, Alert: alert.Alert{
		ID: alert.NewID("f;g;Hot", labels, start), Rule: "f;g;Hot", Labels: labels, Series: model.LabelSet{"node": "1"},
		Annotations:  model.LabelSet{"summary": "1 of cpu is at 81.5"},
		GeneratorURL: "https://weir.example/x/graph?g0.expr=cpu+%3E+80&g0.tab=1",
		Status:       alert.Pending, Value: 81.5, ActiveAt: start,
	}}}
	if diff := cmp.Diff(want, out.Transitions); diff != "" {
		t.Fatal(diff)
	}
	first := out.Transitions[0].Alert

	in.At, in.Active, in.Result = start.Add(30*time.Second), []*alert.Alert{&first}, samples(t, "__name__=cpu/node=1 82")
	out, _ = r.Evaluate(in)
	if diff := cmp.Diff(rule.Output{Refreshed: []rule.Refresh{{ID: first.ID, Value: 82, Annotations: model.LabelSet{"summary": "1 of cpu is at 82"}}}}, out); diff != "" {
		t.Errorf("a changed value is no news: %s", diff)
	}
	in.Result = samples(t, "__name__=temperature/node=1 82")
	if out, _ = r.Evaluate(in); len(out.Refreshed) != 1 || out.Refreshed[0].Annotations["summary"] != "1 of temperature is at 82" {
		t.Errorf("another name gives %+v", out)
	}
	in.Result = samples(t, "__name__=cpu/node=1 81.5")
	if out, _ = r.Evaluate(in); !cmp.Equal(out, rule.Output{}) {
		t.Errorf("the same value gives %+v", out)
	}

	in.At, in.Result = start.Add(time.Minute), samples(t, "__name__=cpu/node=1 83")
	out, _ = r.Evaluate(in)
	firing := first
	firing.Status, firing.FiredAt, firing.Value, firing.Annotations = alert.Firing, in.At, 83, model.LabelSet{"summary": "1 of cpu is at 83"}
	if diff := cmp.Diff([]alert.Transition{{From: alert.Pending, Alert: firing}}, out.Transitions); diff != "" {
		t.Error(diff)
	}

	at := start.Add(time.Hour)
	resolved := firing
	resolved.Status, resolved.ResolvedAt = alert.Resolved, at
	gone := first
	gone.Status = alert.Inactive
	wantRemoved := []alert.Transition{
		{From: alert.Firing, Reason: alert.ReasonRuleRemoved, Alert: resolved},
		{From: alert.Pending, Reason: alert.ReasonRuleRemoved, Alert: gone},
	}
	got := rule.Removed([]*alert.Alert{&firing, &first}, at)
	slices.SortFunc(got, func(a, b alert.Transition) int { return strings.Compare(string(a.From), string(b.From)) })
	if diff := cmp.Diff(wantRemoved, got); diff != "" {
		t.Error(diff)
	}
}

func TestTheDataAreAskedForOnlyIfAnAlertVanished(t *testing.T) {
	r := &rule.Rule{Key: "k", Name: "Hot", Expr: "cpu > 80", Data: "cpu", Labels: model.LabelSet{"v": "{{ $value }}"}}
	asked := 0
	in := rule.Input{At: start, Result: samples(t, "node=1 81, node=2 81"), Data: func() (map[model.Fingerprint]bool, error) {
		asked++
		return nil, nil
	}}
	out, err := r.Evaluate(in)
	if err != nil || len(out.Transitions) != 2 {
		t.Fatal(out, err)
	}
	for _, tr := range out.Transitions {
		in.Active = append(in.Active, &tr.Alert)
	}
	in.Result = samples(t, "node=1 82, node=2 83") // other labels, but the series are there
	if out, err = r.Evaluate(in); err != nil || len(out.Transitions) != 4 || asked != 0 {
		t.Errorf("asked %d times, error %v, %d transitions", asked, err, len(out.Transitions))
	}
	in.Result = nil
	if out, err = r.Evaluate(in); err != nil || len(out.Transitions) != 2 || asked != 1 {
		t.Errorf("asked %d times, error %v, %d transitions", asked, err, len(out.Transitions))
	}
}

func TestRecording(t *testing.T) {
	tests := []struct {
		what     string
		rule     rule.Rule
		result   string
		previous string
		want     []string
		ended    []string
		err      error
	}{
		{what: "a series gets the rule's name and labels", rule: rule.Rule{Labels: model.LabelSet{"zone": "b", "x": "{{ $value }}"}},
			result: "__name__=cpu/node=2 1, __name__=cpu/node=1/zone=a 2",
			want:   []string{"__name__=job:cpu/node=1/x={{ $value }}/zone=b 2", "__name__=job:cpu/node=2/x={{ $value }}/zone=b 1"}},
		{what: "an empty label takes one away", rule: rule.Rule{Labels: model.LabelSet{"zone": ""}}, result: "node=1/zone=a 2", want: []string{"__name__=job:cpu/node=1 2"}},
		{what: "a number is a series without labels", result: " 3", want: []string{"__name__=job:cpu 3"}},
		{what: "what is there no more has ended", result: "node=2 1", previous: "__name__=job:cpu/node=1 3, __name__=job:cpu/node=2 3",
			want: []string{"__name__=job:cpu/node=2 1"}, ended: []string{"__name__=job:cpu/node=1"}},
		{what: "up to the limit there may be series", rule: rule.Rule{Limit: 1}, result: "node=1 1", want: []string{"__name__=job:cpu/node=1 1"}},
		{what: "beyond the limit nothing is recorded", rule: rule.Rule{Limit: 1}, result: "node=1 1, node=2 1", previous: "__name__=job:cpu/node=1 3", err: rule.ErrLimit},
		{what: "two series must not become the same", result: "__name__=a/node=1 1, __name__=b/node=1 1", err: rule.ErrSameSeries},
	}
	for _, test := range tests {
		t.Run(test.what, func(t *testing.T) {
			test.rule.Record, test.rule.Name = true, "job:cpu"
			out, err := test.rule.Evaluate(rule.Input{At: start, Result: samples(t, test.result), Previous: samples(t, test.previous)})
			if !errors.Is(err, test.err) {
				t.Fatalf("error %v, want %v", err, test.err)
			}
			var got, ended []string
			for _, s := range out.Samples {
				got = append(got, fmt.Sprint(shown(s.Labels), " ", s.Value))
			}
			for _, l := range out.Ended {
				ended = append(ended, shown(l))
			}
			if diff := cmp.Diff(test.want, got) + cmp.Diff(test.ended, ended); diff != "" {
				t.Error(diff)
			}
			if len(out.Transitions) > 0 {
				t.Errorf("a recording rule has transitions: %v", out.Transitions)
			}
		})
	}
}
