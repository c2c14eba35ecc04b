package device

import (
	"flag"
	"math"
	"os"
	"strings"
	"sync"
	"testing"
)

var update = flag.Bool("update", false, "rewrite golden files")

func TestRender(t *testing.T) {
	r := NewRegistry("plant")
	boots := NewCounter("boots_total", "Restarts since the flash.")
	boots.Add(3)
	temperature := NewGauge("temperature_celsius", `Air "in" C:\ and`+"\nmore.", "sensor")
	temperature.Set(21.5, "bme680")
	temperature.Set(-3, `quote " back \ line`+"\n")
	temperature.Inc("bme680")
	temperature.Dec("si7021")
	read := NewSummary("read_seconds", "", "bus")
	read.Observe(0.25, "i2c")
	read.Observe(0.5, "i2c")
	latency := NewHistogram("latency_seconds", "Latency.", []float64{0.1, 1, math.Inf(1)}, "path")
	for _, v := range []float64{0.1, 0.5, 1, 7} {
		latency.Observe(v, "/a")
	}
	empty := NewHistogram("empty_seconds", "Nothing yet.", []float64{1})
	odd := NewGauge("odd", "Not numbers.", "what")
	odd.Set(math.NaN(), "nan")
	odd.Set(math.Inf(-1), "inf")
	r.Register(temperature, boots, read, latency, empty, odd)

	got := r.Render()
	const file = "testdata/render.txt"
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestACounterOnlyGrows(t *testing.T) {
	c := NewCounter("c", "")
	c.Inc()
	c.Add(-5)
	c.Add(math.NaN())
	r := NewRegistry("")
	r.Register(c)
	if got, want := r.Render(), "# TYPE c counter\nc 1\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestMistakesInTheProgramPanicWithAReason(t *testing.T) {
	for _, c := range []struct {
		name, want string
		do         func()
	}{
		{"a metric's name with a dash", `"a-b" is not a metric's name`, func() { NewGauge("a-b", "") }},
		{"a name that begins with a digit", `"1a" is not a metric's name`, func() { NewGauge("1a", "") }},
		{"a label's name with a colon", `"a:b" is not a label's name`, func() { NewGauge("a", "", "a:b") }},
		{"a reserved label", `"__name__" is not a label's name`, func() { NewGauge("a", "", "__name__") }},
		{"a histogram's own label", `"le" is not a label's name`, func() { NewHistogram("a", "", nil, "le") }},
		{"buckets that do not ascend", "do not ascend", func() { NewHistogram("a", "", []float64{2, 1}) }},
		{"too few values", "has the labels (x, y) and got the values (1)", func() { NewGauge("a", "", "x", "y").Set(1, "1") }},
		{"the same name twice", "has a metric a already", func() { NewRegistry("").Register(NewGauge("a", ""), NewCounter("a", "")) }},
		{"a namespace with a space", `"a b" is not a namespace`, func() { NewRegistry("a b") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			defer func() {
				if v, _ := recover().(string); !strings.Contains(v, c.want) {
					t.Errorf("got %q, want %q", v, c.want)
				}
			}()
			c.do()
		})
	}
}

func TestAMetricMayBeInSeveralRegistriesAndUsedByMany(t *testing.T) {
	c := NewCounter("hits_total", "", "who")
	one, two := NewRegistry("one"), NewRegistry("two")
	one.Register(c)
	two.Register(c)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 100 {
				c.Inc("a")
				one.Render()
			}
		})
	}
	all.Wait()
	if got, want := one.Render()+two.Render(), "# TYPE one_hits_total counter\none_hits_total{who=\"a\"} 800\n# TYPE two_hits_total counter\ntwo_hits_total{who=\"a\"} 800\n"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
