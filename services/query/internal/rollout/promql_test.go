package rollout_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"

	"weir/pkg/read/promread"
	"weir/services/query/internal/rollout"
)

// history is series for PromQL.
type history []recorded

var _ promread.Reader = history(nil)

func (h history) Select(_ context.Context, req promread.SelectRequest, visit func(labels.Labels, []int64, []float64)) error {
	for _, s := range h {
		b := labels.NewScratchBuilder(len(s.labels))
		for _, l := range s.labels {
			b.Add(l.Name, l.Value)
		}
		b.Sort()
		l := b.Labels()
		if !promread.Matches(req.Matchers, l) {
			continue
		}
		from, _ := slices.BinarySearch(s.t, req.From)
		to, _ := slices.BinarySearch(s.t, req.To+1)
		if from < to {
			visit(l, slices.Clone(s.t[from:to]), slices.Clone(s.v[from:to]))
		}
	}
	return nil
}

func (history) LabelNames(context.Context, promread.LabelsRequest) ([]string, error) { return nil, nil }

func (history) LabelValues(context.Context, string, promread.LabelsRequest) ([]string, error) {
	return nil, nil
}

func (history) Cardinality(context.Context, int) (promread.Cardinality, error) {
	return promread.Cardinality{}, nil
}

// window is the one of these tests: an hour, w.From exclusive.
var window = rollout.Window{From: start, To: start + 3600*second}

// ask evaluates an expression at the window's end and returns its values by
// version.
func (h history) ask(t *testing.T, expression string) map[string]float64 {
	t.Helper()
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 1e7, Timeout: time.Minute, Parser: parser.NewParser(parser.Options{})})
	defer engine.Close()
	q, err := engine.NewInstantQuery(t.Context(), &promread.Queryable{Reader: h}, nil, expression, time.UnixMilli(window.To))
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	vector, err := q.Exec(t.Context()).Vector()
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	values := map[string]float64{}
	for _, s := range vector {
		values[s.Metric.Get("version")] = s.F
	}
	return values
}

// compare gives the same samples to a Fleet, as the read port would.
func (h history) compare() map[string]map[string]rollout.Stats {
	f := rollout.New("version")
	for _, s := range h {
		from, _ := slices.BinarySearch(s.t, window.From+1)
		to, _ := slices.BinarySearch(s.t, window.To+1)
		f.Add(s.labels, slices.Clone(s.t[from:to]), slices.Clone(s.v[from:to]))
	}
	all := map[string]map[string]rollout.Stats{}
	for _, v := range f.Report().Versions {
		all[v.Version] = map[string]rollout.Stats{"": {Count: uint64(v.Nodes)}}
		for _, m := range v.Metrics {
			all[v.Version][m.Name] = m.Stats
		}
	}
	return all
}

// randomFleet is nodes that update once, report in their own times, beyond the
// window too, restart, and fall silent.
func randomFleet(r *rand.Rand, nodes int) (h history) {
	for n := range nodes {
		node := fmt.Sprint("node-", n)
		versions := []string{fmt.Sprint("1.", r.IntN(3)), fmt.Sprint("2.", r.IntN(2))}
		t, up := window.From-r.Int64N(600*second), 100.0
		update := window.From + r.Int64N(window.To-window.From)
		for i, version := range versions {
			c := recorded{labels: labelsOf(cpu, node, version)}
			u := recorded{labels: labelsOf(uptime, node, version)}
			end := update
			if i == 1 {
				end = window.To + 60*second
			}
			for ; t < end; t += 1 + r.Int64N(60*second) {
				c.t, c.v = append(c.t, t), append(c.v, math.Round(r.NormFloat64()*1e4)/100)
				if up += 10; r.IntN(20) == 0 {
					up = 0
				}
				u.t, u.v = append(u.t, t), append(u.v, up)
			}
			if len(c.t) > 0 && r.IntN(2) == 0 {
				c.t, c.v = append(c.t, t), append(c.v, stale)
				t++
			}
			h = append(h, c, u)
		}
	}
	return h
}

func TestTheNumbersArePromQL(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for _, nodes := range []int{1, 2, 40} {
		h := randomFleet(r, nodes)
		report := h.compare()
		for expression, of := range map[string]func(map[string]rollout.Stats) float64{
			`count by (version) (count by (version, node, service, subservice) (last_over_time({__name__=~"spore_node_.*"}[1h])))`: func(m map[string]rollout.Stats) float64 { return float64(m[""].Count) },
			`sum by (version) (sum_over_time(` + cpu + `[1h])) / sum by (version) (count_over_time(` + cpu + `[1h]))`:              func(m map[string]rollout.Stats) float64 { return m[cpu].Mean },
			`sum by (version) (count_over_time(` + cpu + `[1h]))`:                                                                  func(m map[string]rollout.Stats) float64 { return float64(m[cpu].Count) },
			`avg by (version) (resets(` + uptime + `[1h]))`:                                                                        func(m map[string]rollout.Stats) float64 { return m[rollout.Restarts].Mean },
			`quantile by (version) (0.95, resets(` + uptime + `[1h]))`:                                                             func(m map[string]rollout.Stats) float64 { return m[rollout.Restarts].P95 },
		} {
			expectSame(t, expression, h.ask(t, expression), report, of)
		}
		pooled, expression := h.pool(), `quantile_over_time(0.95, `+cpu+`[10y])`
		expectSame(t, expression, pooled.ask(t, expression), report, func(m map[string]rollout.Stats) float64 { return m[cpu].P95 })
	}
}

func expectSame(t *testing.T, expression string, want map[string]float64, report map[string]map[string]rollout.Stats, of func(map[string]rollout.Stats) float64) {
	t.Helper()
	if len(want) != len(report) || len(want) == 0 {
		t.Errorf("%s: PromQL has %d versions, the report %d", expression, len(want), len(report))
	}
	for version, w := range want {
		if got := of(report[version]); math.Abs(got-w) > 1e-9*(1+math.Abs(w)) {
			t.Errorf("%s: version %s has %v, PromQL says %v", expression, version, got, w)
		}
	}
}

// pool makes one series of each version's CPU samples in the window, at times of
// its own: what PromQL cannot do.
func (h history) pool() history {
	byVersion := map[string]*recorded{}
	for _, s := range h {
		version := s.labels[len(s.labels)-1].Value
		if s.labels[0].Value != cpu {
			continue
		}
		for i, at := range s.t {
			if at <= window.From || at > window.To || math.IsNaN(s.v[i]) {
				continue
			}
			p := byVersion[version]
			if p == nil {
				p = &recorded{labels: labelsOf(cpu, "all", version)}
				byVersion[version] = p
			}
			p.t, p.v = append(p.t, window.To-1_000_000+int64(len(p.t))), append(p.v, s.v[i])
		}
	}
	var pooled history
	for _, p := range byVersion {
		pooled = append(pooled, *p)
	}
	return pooled
}
