package rollout_test

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"weir/pkg/golden"
	"weir/pkg/schema"
	"weir/services/query/internal/rollout"
)

const (
	second = 1000
	start  = 1767323045 * second // 2026-01-02T03:04:05Z
	cpu    = "spore_node_cpu_usage_percent"
	memory = "spore_node_memory_usage_percent"
	uptime = "spore_node_uptime_seconds"
	sent   = "spore_node_network_sent_bytes_total"
)

var stale = math.Float64frombits(0x7ff0000000000002)

// labelsOf makes the labels of a series of factory/line1.
func labelsOf(name, node, version string) []schema.Label {
	all := []schema.Label{{Name: "__name__", Value: name}, {Name: "node", Value: node},
		{Name: "service", Value: "factory"}, {Name: "subservice", Value: "line1"}}
	if version != "" {
		all = append(all, schema.Label{Name: "version", Value: version})
	}
	return all
}

// every returns times, one in 10 s from the n-th on.
func every(n, count int) []int64 {
	t := make([]int64, count)
	for i := range t {
		t[i] = start + int64(n+i)*10*second
	}
	return t
}

// report compares the series that add adds and shows them for a window.
func report(add func(*rollout.Fleet)) []byte {
	f := rollout.New("version")
	add(f)
	return rollout.Append(nil, "version", rollout.Window{From: start - 1, To: start + 3600*second}, f.Report())
}

// updated is three nodes: a goes from 1.9.0 to 1.10.0, b goes there and back, c
// stays.
func updated(f *rollout.Fleet) {
	f.Add(labelsOf(cpu, "a", "1.9.0"), every(0, 4), []float64{10, 20, 30, stale})
	f.Add(labelsOf(uptime, "a", "1.9.0"), every(0, 3), []float64{100, 5, 15})
	f.Add(labelsOf(cpu, "a", "1.10.0"), every(3, 2), []float64{40, 42})
	f.Add(labelsOf(uptime, "a", "1.10.0"), every(3, 2), []float64{1, 11})

	f.Add(labelsOf(cpu, "b", "1.9.0"), append(every(0, 2), every(4, 1)...), []float64{50, 60, 70})
	f.Add(labelsOf(cpu, "b", "1.10.0"), every(2, 2), []float64{90, 100})
	f.Add(labelsOf(sent, "b", "1.9.0"), append(every(0, 2), every(4, 1)...), []float64{1000, 2000, 10})

	f.Add(labelsOf(cpu, "c", "1.9.0"), every(0, 2), []float64{0, 0})
	f.Add(labelsOf(memory, "c", "1.9.0"), every(5, 1), []float64{12.25})
}

func TestReport(t *testing.T) {
	for name, row := range map[string]struct {
		file string
		add  func(*rollout.Fleet)
	}{
		"no node at all":                             {"empty.json", func(*rollout.Fleet) {}},
		"updates and a rollback":                     {"updated.json", updated},
		"nodes of one name in two tenants are two":   {"tenants.json", twoTenants},
		"a node whose other labels change is one":    {"relabelled.json", relabelled},
		"what is measured only before or only after": {"half.json", half},
		"series that do not count":                   {"empty.json", others},
	} {
		t.Run(name, func(t *testing.T) { golden.JSON(t, row.file, report(row.add)) })
	}
}

func twoTenants(f *rollout.Fleet) {
	f.Add(labelsOf(cpu, "a", "1"), every(0, 1), []float64{1})
	elsewhere := labelsOf(cpu, "a", "2")
	elsewhere[2].Value = "garden"
	f.Add(elsewhere, every(1, 1), []float64{2})
}

func relabelled(f *rollout.Fleet) {
	f.Add(append(labelsOf(cpu, "a", "1"), schema.Label{Name: "zone", Value: "1"}), every(0, 2), []float64{1, 2})
	f.Add(append(labelsOf(cpu, "a", "1"), schema.Label{Name: "zone", Value: "2"}), every(2, 2), []float64{3, 4})
}

func half(f *rollout.Fleet) {
	f.Add(labelsOf(cpu, "a", "1"), every(0, 1), []float64{1})
	f.Add(labelsOf(memory, "a", "2"), every(1, 1), []float64{2})
}

func others(f *rollout.Fleet) {
	f.Add(labelsOf(cpu, "a", ""), every(0, 1), []float64{1})
	f.Add(labelsOf("proplet_cpu_usage_percent", "a", "1"), every(0, 1), []float64{1})
	f.Add(labelsOf(cpu, "a", "1"), nil, nil)
	f.Add(labelsOf(cpu, "a", "1"), every(0, 1), []float64{stale})
}

// recorded is a call of Add.
type recorded struct {
	labels []schema.Label
	t      []int64
	v      []float64
}

func TestTheOrderOfTheSeriesDoesNotMatter(t *testing.T) {
	series := []recorded{
		{labelsOf(cpu, "a", "1"), every(0, 2), []float64{0.1, 0.2}},
		{labelsOf(memory, "a", "1"), every(0, 2), []float64{5, 6}},
		{labelsOf(cpu, "a", "2"), every(2, 2), []float64{0.3, 0.4}},
		{labelsOf(cpu, "b", "1"), every(0, 3), []float64{1e9, 0.7, -1e9}},
		{labelsOf(sent, "b", "1"), every(0, 3), []float64{3, 2, 1}},
		{labelsOf(cpu, "b", "2"), every(3, 1), []float64{7}},
	}
	var want []byte
	for shift := range series {
		got := report(func(f *rollout.Fleet) {
			for i := range series {
				s := series[(i+shift)%len(series)]
				f.Add(s.labels, slices.Clone(s.t), slices.Clone(s.v))
			}
		})
		if want == nil {
			want = got
		}
		if string(got) != string(want) {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func TestVersionsAreInTheirOrder(t *testing.T) {
	want := []string{"1", "1.9.0", "1.9.0-rc1", "01.10.0", "1.10.0", "2.0", "2.0.1", "10", "a", "a2", "a10", "b"}
	f := rollout.New("version")
	for i, v := range slices.Backward(want) {
		f.Add(labelsOf(cpu, v, v), every(i, 1), []float64{1})
	}
	var got []string
	for _, v := range f.Report().Versions {
		got = append(got, v.Version)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestAnyLabelCanBeCompared(t *testing.T) {
	f := rollout.New("zone")
	f.Add(append(labelsOf(cpu, "a", "1"), schema.Label{Name: "zone", Value: "north"}), every(0, 1), []float64{1})
	if got := f.Report().Versions; len(got) != 1 || got[0].Version != "north" {
		t.Errorf("got %+v", got)
	}
}

func TestTheLabelsAreTheCallersAgain(t *testing.T) {
	f := rollout.New("version")
	l := labelsOf(cpu, "a", "1")
	f.Add(l, every(0, 1), []float64{1})
	for i := range l {
		l[i].Value = strings.Repeat("x", 9)
	}
	if got := f.Report().Versions; len(got) != 1 || got[0].Version != "1" {
		t.Errorf("got %+v", got)
	}
}

func TestNumbersStayFinite(t *testing.T) {
	doc := report(func(f *rollout.Fleet) {
		f.Add(labelsOf(cpu, "a", "1"), every(0, 3), []float64{-math.MaxFloat64, -math.MaxFloat64, -math.MaxFloat64})
		f.Add(labelsOf(cpu, "a", "2"), every(3, 3), []float64{math.MaxFloat64, math.MaxFloat64, math.MaxFloat64})
	})
	if !json.Valid(doc) || strings.Contains(string(doc), "null") {
		t.Errorf("got %s", doc)
	}
}

func TestNamesAreOfSeries(t *testing.T) {
	for _, name := range rollout.Names() {
		if !strings.HasPrefix(name, schema.KindSporeNode.String()+"_") {
			t.Errorf("%s is no series of a node", name)
		}
	}
}

// BenchmarkReport compares 1,000 nodes, of which a tenth changes its version, by
// five metrics each minute of a day: 7 million samples.
func BenchmarkReport(b *testing.B) {
	const minutes = 24 * 60
	times := make([]int64, minutes)
	for i := range times {
		times[i] = start + int64(i)*60*second
	}
	for b.Loop() {
		f := rollout.New("version")
		for n := range 1000 {
			node := "node-" + string(rune('a'+n%26)) + strings.Repeat("x", n/26)
			for _, name := range rollout.Names()[:5] {
				values := make([]float64, minutes)
				for i := range values {
					values[i] = float64((i*7919 + n*104729) % 10007)
				}
				if n%10 > 0 {
					f.Add(labelsOf(name, node, "1"), slices.Clone(times), values)
					continue
				}
				f.Add(labelsOf(name, node, "1"), slices.Clone(times[:600]), values[:600])
				f.Add(labelsOf(name, node, "2"), slices.Clone(times[600:]), values[600:])
			}
		}
		if r := f.Report(); len(r.Versions) != 2 || r.Changes[0].Nodes != 100 {
			b.Fatal(r)
		}
	}
}
