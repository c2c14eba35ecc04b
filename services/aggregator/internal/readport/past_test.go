package readport

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"weir/services/aggregator/internal/foldtest"

	"weir/pkg/schema"
)

// was is a source as the tests look at it.
type was struct {
	Host, Zone string
	At         int64
	CPU        float64
}

func seen(sources []schema.Source) (all []was) {
	for i := range sources {
		cpu, _ := sources[i].Value(schema.SporeCPUUsagePercent)
		all = append(all, was{sources[i].ID, sources[i].Label("zone"), sources[i].ReadingTime, cpu})
	}
	return all
}

func TestTheFleetAsItWas(t *testing.T) {
	b := newBench(t, nil)
	f := &fleet{Rand: foldtest.Rand(foldtest.Seed(t))}
	f.send(b, 2500)
	b.checkpoint(t)
	f.send(b, 500)
	for range 40 {
		moment := at(f.IntN(17_000) - 1000)
		last := map[string]was{}
		for _, s := range f.all {
			if l, found := last[s.host]; s.at <= moment && (!found || s.at >= l.At) {
				last[s.host] = was{s.host, s.zone, s.at, s.cpu}
			}
		}
		zone := []string{"", "east", "west"}[f.IntN(3)]
		q := schema.SourcesRequest{Kinds: []schema.Kind{schema.KindSporeNode}, At: moment}
		if zone != "" {
			q.Labels = map[string]string{"zone": zone}
		}
		var want []was
		for host := range 4 {
			if w, found := last[fmt.Sprintf("n%d", host)]; found && (zone == "" || w.Zone == zone) {
				want = append(want, w)
			}
		}
		if diff := gocmp.Diff(want, seen(b.sourcesAt(t, q)), cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("at %s in %q (-want +got):\n%s", foldtest.Stamp(moment), zone, diff)
		}
	}
}

func TestANodeThenHasTheAddressThatIsKnownNow(t *testing.T) {
	b := newBench(t, nil)
	for i := range 3 {
		b.fold(node(farm, "n", "east", 1, at(10*i)))
	}
	all := b.sourcesAt(t, schema.SourcesRequest{Kinds: []schema.Kind{schema.KindSporeNode}, At: at(10)})
	if len(all) != 1 || all[0].Attribute(schema.NodeIPAttribute) != "10.0.0.5" || len(all[0].Attributes) != 1 {
		t.Errorf("%+v", all)
	}
}

func TestASourceThatFellSilentLongAgoIsFound(t *testing.T) {
	b := newBench(t, nil)
	b.fold(node(farm, "a", "z", 7, at(0)))
	b.fold(node(farm, "b", "z", 8, at(3*86_400)))
	b.checkpoint(t)
	q := schema.SourcesRequest{At: at(3*86_400 + 1)}
	if diff := gocmp.Diff([]was{{"a", "z", at(0), 7}, {"b", "z", at(3 * 86_400), 8}}, seen(b.sourcesAt(t, q))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	q.At = at(-1)
	if got := b.sourcesAt(t, q); len(got) != 0 {
		t.Errorf("before everything: %+v", got)
	}
}

func TestTasksAreWithThePropletTheyWereOn(t *testing.T) {
	b := newBench(t, nil)
	for i := range 20 {
		b.fold(task(farm, "t", []string{"p", "q"}[i/10], float64(i), at(10*i), at(10*i)))
	}
	ask := func(parent string, seconds int) []schema.Source {
		return b.sourcesAt(t, schema.SourcesRequest{Kinds: []schema.Kind{schema.KindTask}, Parent: parent, At: at(seconds)})
	}
	if got := ask("p", 95); len(got) != 1 || got[0].Parent != "p" || got[0].ReadingTime != at(90) {
		t.Errorf("on p at first: %+v", got)
	}
	if got := ask("q", 95); len(got) != 0 {
		t.Errorf("on q at first: %+v", got)
	}
	if got := ask("q", 500); len(got) != 1 || got[0].Readings != 20 || len(got[0].Fields) != 10 {
		t.Errorf("on q at last: %+v", got)
	}
	if got := ask("p", 500); len(got) != 0 {
		t.Errorf("on p at last: %+v", got)
	}
	var refusal *refused
	if err := b.ask(t, schema.ReadSourcesAt, schema.SourcesRequest{}, func([]byte) error { return nil }); !errors.As(err, &refusal) || refusal.code != "400" {
		t.Errorf("without a moment: %v", err)
	}
}

func TestNamesAndValuesOfLabels(t *testing.T) {
	b := newBench(t, nil)
	for n := range 5 {
		b.fold(node(farm, fmt.Sprintf("n%d", n), fmt.Sprintf("zone-%d", n%2), 1, at(100*n)))
	}
	b.fold(task(plant, "t", "p", 1, at(1000), at(1000)))
	east := []schema.Matcher{equal("zone", "zone-1")}
	for _, test := range []struct {
		name, label string
		q           schema.LabelNamesRequest
		want        []string
	}{
		{"all names", "", schema.LabelNamesRequest{}, []string{"__name__", "node", "proplet_id", "service", "subservice", "task_id", "type", "version", "zone"}},
		{"the names of some series", "", schema.LabelNamesRequest{Matchers: []schema.Matcher{equal("task_id", "t")}}, []string{"__name__", "proplet_id", "service", "subservice", "task_id"}},
		{"the names of a time", "", schema.LabelNamesRequest{From: ms(900)}, []string{"__name__", "proplet_id", "service", "subservice", "task_id"}},
		{"the first names", "", schema.LabelNamesRequest{Limit: 2}, []string{"__name__", "node"}},
		{"all values", "node", schema.LabelNamesRequest{}, []string{"n0", "n1", "n2", "n3", "n4"}},
		{"the values of some series", "node", schema.LabelNamesRequest{Matchers: east}, []string{"n1", "n3"}},
		{"the values of a time", "node", schema.LabelNamesRequest{From: ms(100), To: ms(200)}, []string{"n1", "n2"}},
		{"the values up to a time", "node", schema.LabelNamesRequest{To: ms(150)}, []string{"n0", "n1"}},
		{"the first values", "node", schema.LabelNamesRequest{Limit: 3}, []string{"n0", "n1", "n2"}},
		{"the values of no label", "rack", schema.LabelNamesRequest{}, nil},
		{"names of metrics", "__name__", schema.LabelNamesRequest{Matchers: []schema.Matcher{{Type: schema.MatchRegexp, Name: "__name__", Value: "proplet_task_(disk|net).*"}}},
			[]string{"proplet_task_disk_read_bytes_total", "proplet_task_disk_write_bytes_total", "proplet_task_network_received_bytes_total", "proplet_task_network_sent_bytes_total"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			if test.label == "" {
				got = b.texts(t, schema.ReadLabelNames, test.q)
			} else {
				got = b.texts(t, schema.ReadLabelValues, schema.LabelValuesRequest{Name: test.label, LabelNamesRequest: test.q})
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
	var refusal *refused
	if err := b.ask(t, schema.ReadLabelValues, schema.LabelValuesRequest{}, func([]byte) error { return nil }); !errors.As(err, &refusal) || refusal.code != "400" {
		t.Errorf("values of no name: %v", err)
	}
}

func TestCardinalityIsThatOfTheIndex(t *testing.T) {
	b := newBench(t, nil)
	for n := range 15 {
		b.fold(node(farm, fmt.Sprintf("n%d", n), "z", 1, at(n)))
	}
	for _, test := range []struct {
		name    string
		request any
		entries int
	}{
		{"ten entries", nil, 10},
		{"as many as asked for", schema.CardinalityRequest{Limit: 3}, 3},
		{"all", schema.CardinalityRequest{Limit: 1 << 60}, 17},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got schema.Cardinality
			err := b.ask(t, schema.ReadCardinality, test.request, func(data []byte) error { return json.Unmarshal(data, &got) })
			if err != nil || got.Tracks != 15 || got.Series != 15*17 || len(got.SeriesByMetric) != test.entries || got.SeriesByMetric[0].Count != 15 {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}
