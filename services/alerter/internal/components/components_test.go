package components_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"weir/pkg/read/promread"
	"weir/pkg/read/promread/readtest"
	"weir/services/alerter/internal/components"
)

// parts are parts of which the store breaks after 5 seconds.
func parts(began time.Time) components.Check {
	return func(context.Context) map[string]bool {
		return map[string]bool{components.Ingest: true, components.Store: time.Since(began) < 5*time.Second}
	}
}

func TestQueriesOverParts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		w := components.NewWatch(t.Context(), parts(began))
		defer w.Stop()
		other := readtest.New(promread.Series{Labels: labels.FromStrings(model.MetricNameLabel, "up", "job", "x"), T: []int64{began.UnixMilli()}, V: []float64{1}})
		r := &components.Reader{Watch: w, Rest: other}
		time.Sleep(9500 * time.Millisecond)
		for _, row := range []struct{ query, want string }{
			{`weir_component_up`, "ingest=1 store=0"},
			{`weir_component_up{component="store"}`, "store=0"},
			{`weir_component_up{component="store"} offset 6s`, "store=1"},
			{`count_over_time(weir_component_up[1h])`, "ingest=10 store=10"},
			{`avg_over_time(weir_component_up{component="store"}[1h])`, "store=0.5"},
			{`up`, "=1"},
			{`{__name__=~"weir_component_up|up"}`, "=1 ingest=1 store=0"},
			{`{__name__=~".+",__name__!="weir_component_up"}`, "=1"},
			{`absent(weir_component_up{component="tractor"})`, "tractor=1"},
		} {
			if got := evaluate(t, r, row.query); got != row.want {
				t.Errorf("%s: %s, expected %s", row.query, got, row.want)
			}
		}
		for _, req := range other.Seen() {
			for _, m := range req.Matchers {
				if m.Type == labels.MatchEqual && m.Value == components.Name {
					t.Errorf("the other reader was asked for %v", req.Matchers)
				}
			}
		}
		if up := w.Up(); !up[components.Ingest] || up[components.Store] {
			t.Errorf("up %v", up)
		}
		// A tenant sees none of it.
		mine := promread.Restrict(r, labels.MustNewMatcher(labels.MatchEqual, "service", "factory"))
		if got := evaluate(t, mine, `weir_component_up`); got != "" {
			t.Errorf("a tenant sees %s", got)
		}
	})
}

func evaluate(t *testing.T, r promread.Reader, query string) string {
	t.Helper()
	q, err := promread.NewEngine(promread.EngineConfig{}).NewInstantQuery(t.Context(), &promread.Queryable{Reader: r, Lookback: 5 * time.Minute}, nil, query, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	result := q.Exec(t.Context())
	v, err := result.Vector()
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, s := range v {
		all = append(all, fmt.Sprintf("%s=%g", s.Metric.Get(components.Label), s.F))
	}
	slices.Sort(all)
	text := fmt.Sprint(all)
	return text[1 : len(text)-1]
}

func TestLabelsOfParts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := components.NewWatch(t.Context(), parts(time.Now()))
		defer w.Stop()
		r := &components.Reader{Watch: w, Rest: readtest.New()}
		req := promread.LabelsRequest{From: 0, To: time.Now().UnixMilli()}
		names, err := r.LabelNames(t.Context(), req)
		if err != nil || !slices.Equal(names, []string{model.MetricNameLabel, components.Label}) {
			t.Errorf("names %v, %v", names, err)
		}
		values, err := r.LabelValues(t.Context(), components.Label, req)
		if err != nil || !slices.Equal(values, []string{components.Ingest, components.Store}) {
			t.Errorf("values %v, %v", values, err)
		}
	})
}

func TestSamplesAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := components.NewWatch(t.Context(), parts(time.Now()))
		defer w.Stop()
		time.Sleep(time.Hour)
		r := &components.Reader{Watch: w, Rest: readtest.New()}
		if got := evaluate(t, r, `count_over_time(weir_component_up{component="ingest"}[1h])`); got != "ingest=601" && got != "ingest=600" {
			t.Errorf("samples %s", got)
		}
	})
}
