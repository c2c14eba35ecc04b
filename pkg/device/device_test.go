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
		{"a histogram's own label", `a is a histogram, whose label "le" is not for others`, func() { NewHistogram("a", "", nil, "le") }},
		{"a summary's own label", `a is a summary, whose label "quantile" is not for others`, func() { NewSummary("a", "", "quantile") }},
		{"the same label twice", `a has the label "x" twice`, func() { NewGauge("a", "", "x", "y", "x") }},
		{"buckets that do not ascend", "do not ascend", func() { NewHistogram("a", "", []float64{2, 1}) }},
		{"too few values", "has the labels (x, y) and got the values (1)", func() { NewGauge("a", "", "x", "y").Set(1, "1") }},
		{"the same name twice", "has a metric a already", func() { NewRegistry("").Register(NewGauge("a", ""), NewCounter("a", "")) }},
		{"a counter with the name of a histogram's count", "the counter a_count and the histogram a would both render a_count", func() { NewRegistry("").Register(NewHistogram("a", "", nil), NewCounter("a_count", "")) }},
		{"a histogram one of whose samples is a gauge", "the histogram a and the gauge a_bucket would both render a_bucket", func() { NewRegistry("").Register(NewGauge("a_bucket", ""), NewHistogram("a", "", nil)) }},
		{"a summary whose sum is a counter", "the summary a and the counter a_sum would both render a_sum", func() { NewRegistry("").Register(NewCounter("a_sum", ""), NewSummary("a", "")) }},
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

func TestWhatMayNotStandInALabelDoesNotSpoilTheText(t *testing.T) {
	long := strings.Repeat("é", MaxValue/2)
	for _, c := range []struct {
		name   string
		values [][]string // each adds 1
		want   string
	}{
		{"what is not UTF-8", [][]string{{"caf\xe9", ""}, {"caf\xe8", ""}}, `n{x="caf` + "\uFFFD" + `",y=""} 2` + "\n"},
		{"values whose bytes stand elsewhere", [][]string{{"a\xff", "b"}, {"a", "\xffb"}, {"a\xff\xff", "b"}},
			`n{x="a",y="` + "\uFFFD" + `b"} 1` + "\n" + `n{x="a` + "\uFFFD" + `",y="b"} 2` + "\n"},
		{"a value that is too long", [][]string{{long + "a", ""}, {long + "b", ""}, {"a" + long, ""}},
			`n{x="a` + long[2:] + `",y=""} 1` + "\n" + `n{x="` + long + `",y=""} 2` + "\n"},
		{"a value that begins as another one", [][]string{{"ab", ""}, {"a", "z"}}, `n{x="a",y="z"} 1` + "\n" + `n{x="ab",y=""} 1` + "\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := NewGauge("n", "caf\xe9", "x", "y")
			for _, values := range c.values {
				n.Inc(values...)
			}
			r := NewRegistry("")
			r.Register(n)
			if got, want := r.Render(), "# HELP n caf\uFFFD\n# TYPE n gauge\n"+c.want; got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
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
