package schema_test

import (
	"bytes"
	"fmt"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/pkg/golden"
	"weir/pkg/schema"
	"weir/pkg/schema/wire"
)

// stale is Prometheus' staleness marker.
var stale = math.Float64frombits(0x7ff0000000000002)

func parts() []schema.SeriesPart {
	return []schema.SeriesPart{
		{Series: 0, First: true, Last: true, Labels: []schema.Label{{Name: "__name__", Value: "spore_node_cpu_usage_percent"}, {Name: "node", Value: "a"}},
			T: []int64{1767323045_000, 1767323060_000, 1767323075_017, 1767324075_017}, V: []float64{1, 12.25, math.Copysign(0, -1), stale}},
		{Series: 1, First: true, Labels: []schema.Label{{Name: "__name__", Value: "spore_node_cpu_usage_percent"}}, T: []int64{-5}, V: []float64{math.Inf(1)}},
		{Series: 1, Last: true, T: []int64{0, 1 << 40}, V: []float64{5e-324, math.NaN()}},
		{Series: 300, First: true, Last: true, Labels: []schema.Label{{Name: "__name__", Value: "x"}}},
	}
}

// sameFloats compares floats by their bits.
var sameFloats = cmp.Comparer(func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) })

func TestSeriesPartsComeBackAsTheyWere(t *testing.T) {
	for i, p := range parts() {
		data := p.AppendBinary(nil)
		var got schema.SeriesPart
		r := wire.NewReader(data)
		if got.ReadBinary(r); r.Done() != nil {
			t.Fatalf("part %d: %v", i, r.Done())
		}
		if diff := cmp.Diff(p, got, sameFloats); diff != "" {
			t.Errorf("part %d (-want +got):\n%s", i, diff)
		}
		for n := range data {
			r := wire.NewReader(data[:n])
			if got.ReadBinary(r); r.Done() == nil {
				t.Errorf("part %d cut to %d of %d bytes still reads", i, n, len(data))
			}
		}
	}
}

func TestAFurtherPartIsAppended(t *testing.T) {
	all := parts()
	var got schema.SeriesPart
	for i := range 3 {
		got.ReadBinary(wire.NewReader(all[i].AppendBinary(nil)))
	}
	want := schema.SeriesPart{Series: 1, Last: true, Labels: all[1].Labels, T: []int64{-5, 0, 1 << 40}, V: []float64{math.Inf(1), 5e-324, math.NaN()}}
	if diff := cmp.Diff(want, got, sameFloats); diff != "" {
		t.Errorf("series (-want +got):\n%s", diff)
	}
}

func TestSeriesPartsAreWrittenAsTheGoldenFileSays(t *testing.T) {
	var text bytes.Buffer
	for _, p := range parts() {
		fmt.Fprintf(&text, "%x\n", p.AppendBinary(nil))
	}
	golden.Check(t, "seriesparts.hex", text.Bytes())
}

func TestPartsThatContradictThemselvesAreRefused(t *testing.T) {
	head := []byte{0, 2} // series 0, last
	for name, body := range map[string][]byte{
		"values that are no multiple of 8 bytes": {7, 0, 0, 0, 0, 0, 0, 0, 1, 1},
		"fewer times than values":                {16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1},
		"more times than values":                 {8, 0, 0, 0, 0, 0, 0, 0, 0, 2, 1, 1},
		"a time that does not end":               {8, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x80},
		"a length beyond the end":                {0xff, 0xff, 0xff, 0xff, 0x0f},
	} {
		t.Run(name, func(t *testing.T) {
			var p schema.SeriesPart
			r := wire.NewReader(append(head, body...))
			if p.ReadBinary(r); r.Err() == nil {
				t.Errorf("it reads as %+v", p)
			}
		})
	}
}

func FuzzSeriesPart(f *testing.F) {
	for _, p := range parts() {
		f.Add(p.AppendBinary(nil))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var p, again schema.SeriesPart
		r := wire.NewReader(data)
		if p.ReadBinary(r); r.Err() != nil {
			return
		}
		if len(p.T) != len(p.V) {
			t.Fatalf("%d times and %d values", len(p.T), len(p.V))
		}
		r = wire.NewReader(p.AppendBinary(nil))
		if again.ReadBinary(r); r.Done() != nil {
			t.Fatalf("what was read is written wrongly: %v", r.Done())
		}
		if diff := cmp.Diff(p.T, again.T); diff != "" {
			t.Errorf("times (-first +again):\n%s", diff)
		}
		if diff := cmp.Diff(p.V, again.V, sameFloats); diff != "" {
			t.Errorf("values (-first +again):\n%s", diff)
		}
	})
}

func BenchmarkReadSeriesPart(b *testing.B) {
	p := schema.SeriesPart{First: true, Last: true}
	for i := range schema.MaxPartSamples {
		p.T, p.V = append(p.T, 1767323045_000+int64(i)*15_000+int64(i%7)), append(p.V, math.Sqrt(float64(i)))
	}
	data := p.AppendBinary(nil)
	var got schema.SeriesPart
	for b.Loop() {
		got.ReadBinary(wire.NewReader(data))
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(p.T)), "ns/sample")
}

func BenchmarkAppendSeriesPart(b *testing.B) {
	p := schema.SeriesPart{First: true, Last: true}
	for i := range schema.MaxPartSamples {
		p.T, p.V = append(p.T, 1767323045_000+int64(i)*15_000+int64(i%7)), append(p.V, math.Sqrt(float64(i)))
	}
	var data []byte
	for b.Loop() {
		data = p.AppendBinary(data[:0])
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(p.T)), "ns/sample")
}
