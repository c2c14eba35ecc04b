package gather

import (
	"fmt"
	"strings"
	"testing"

	"weir/pkg/schema"
)

// show writes readings as the tests have them, one a line.
func show(readings []schema.Reading) string {
	var b strings.Builder
	for _, r := range readings {
		fmt.Fprintf(&b, "%s@%d", r.ID, r.Time)
		for _, l := range r.Dims {
			fmt.Fprintf(&b, " %s=%s", l.Name, l.Value)
		}
		for _, v := range r.Named {
			fmt.Fprintf(&b, " %s:%v", v.Name, v.Value)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// came is a sample: "id time dims name value".
type came struct {
	id   string
	time int64
	dim  string
	name string
	v    float64
}

func gatherAll(g *Gatherer, samples []came) []schema.Reading {
	g.Reset()
	for _, s := range samples {
		var dims []schema.Label
		if s.dim != "" {
			dims = []schema.Label{{Name: "d", Value: s.dim}}
		}
		g.Value(g.Reading(Point{Kind: schema.KindDevice, ID: s.id, Dims: dims, Clock: schema.ClockUnix, Time: s.time}), schema.NamedValue{Name: s.name, Value: s.v})
	}
	return g.Readings()
}

func TestReadings(t *testing.T) {
	g := New()
	for _, c := range []struct {
		name    string
		samples []came
		want    string
	}{
		{"nothing", nil, ""},
		{"values of one reading are sorted by name", []came{{"a", 1, "", "y", 1}, {"a", 1, "", "x", 2}}, "a@1 x:2 y:1\n"},
		{"of a name that comes twice the last value counts", []came{{"a", 1, "", "x", 1}, {"a", 1, "", "y", 1}, {"a", 1, "", "x", 2}}, "a@1 x:2 y:1\n"},
		{"sources, labels and times are told apart", []came{{"a", 1, "", "x", 1}, {"b", 1, "", "x", 2}, {"a", 1, "p", "x", 3}, {"a", 1, "q", "x", 4}, {"a", 2, "", "x", 5}},
			"a@1 x:1\nb@1 x:2\na@1 d=p x:3\na@1 d=q x:4\na@2 x:5\n"},
		{"readings are sorted by time, else as they came", []came{{"b", 2, "", "x", 1}, {"b", 1, "", "y", 2}, {"a", 2, "", "x", 3}, {"b", 2, "", "y", 4}},
			"b@1 y:2\nb@2 x:1 y:4\na@2 x:3\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := show(gatherAll(g, c.samples)); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

func TestNamesThatClash(t *testing.T) {
	g := New()
	g.Reset()
	at := g.Reading(Point{ID: "a"})
	for i, raw := range []string{"t-1", "t 1", "t-1", "u"} {
		name := strings.Map(func(c rune) rune {
			if c == '-' || c == ' ' {
				return '_'
			}
			return c
		}, raw)
		g.Made(at, schema.NamedValue{Name: name, Value: float64(i)}, raw)
		g.Text(at, raw, fmt.Sprint(i), 3)
	}
	if g.Text(at, "w", "x", 3) || g.Text(at, "u", "y", 3) {
		t.Error("a fourth attribute, or one that was there, is new")
	}
	got := g.Readings()
	if want := "a@0 t-1:2 t_1:1 u:3\n"; show(got) != want {
		t.Errorf("got %q, want %q", show(got), want)
	}
	if want := "[{t-1 2} {t_1 1} {u y}]"; fmt.Sprint(got[0].Attributes) != want {
		t.Errorf("got %v, want %s", got[0].Attributes, want)
	}
}

func TestReadingsWithoutValuesStay(t *testing.T) {
	g := New()
	g.Reading(Point{ID: "a"})
	g.Text(0, "s", "on", 1)
	if r := g.Readings(); len(r) != 1 || r[0].HasValues() || len(r[0].Attributes) != 1 {
		t.Errorf("%+v", r)
	}
}

func BenchmarkGather(b *testing.B) {
	dims := make([][]schema.Label, 500)
	for i := range dims {
		dims[i] = []schema.Label{{Name: "cpu", Value: fmt.Sprint(i)}, {Name: "job", Value: "node"}, {Name: "mode", Value: "idle"}}
	}
	g := New()
	b.ReportAllocs()
	samples := 0
	for b.Loop() {
		g.Reset()
		for _, name := range []string{"a", "b", "c", "d"} {
			for _, d := range dims {
				g.Value(g.Reading(Point{Kind: schema.KindDevice, ID: "host:9100", Dims: d, Time: 1}), schema.NamedValue{Name: name, Value: 1})
				samples++
			}
		}
		g.Readings()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(samples), "ns/sample")
}
