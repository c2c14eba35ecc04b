package influx

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/pkg/golden"
	"weir/pkg/schema"
)

// show writes a result as the tests have it, a line a reading.
func show(r *Result) string {
	var b strings.Builder
	for _, reading := range r.Readings {
		b.WriteString(reading.ID)
		if reading.Clock == schema.ClockUnix {
			fmt.Fprintf(&b, " @%d", reading.Time)
		}
		for _, l := range reading.Dims {
			fmt.Fprintf(&b, " %s=%q", l.Name, l.Value)
		}
		for _, v := range reading.Named {
			fmt.Fprintf(&b, " | %s %v", v.Name, v.Value)
		}
		for _, l := range reading.Attributes {
			fmt.Fprintf(&b, " | %s %q", l.Name, l.Value)
		}
		b.WriteByte('\n')
	}
	if r.Dropped > 0 {
		fmt.Fprintf(&b, "dropped %d: %s\n", r.Dropped, r.Detail)
	}
	return b.String()
}

func TestLines(t *testing.T) {
	for _, c := range []struct {
		name, text string
		options    Options
		want       string
	}{
		{"nothing", "", Options{}, ""},
		{"a comment, empty lines and a line without a newline at its end", "# x\n\n\r\na v=1", Options{}, "influx | a_v 1\n"},
		{"the field value is the measurement itself", "a value=1,v=2", Options{}, "influx | a 1 | a_v 2\n"},
		{"integers, booleans and texts", `m i=-3i,u=4u,t=T,f=false,s="x",e=1e3`, Options{}, "influx | m_e 1000 | m_f 0 | m_i -3 | m_t 1 | m_u 4 | m_s \"x\"\n"},
		{"names are made valid", `a.b-c,x.y=1 1st\ one=2`, Options{}, "influx x_y=\"1\" | a_b_c_1st_one 2\n"},
		{"host goes before device", "m,device=d,host=h,z=1 v=1\nm,device=d v=2\nm,z=1 v=3", Options{},
			"h device=\"d\" z=\"1\" | m_v 1\nd | m_v 2\ninflux z=\"1\" | m_v 3\n"},
		{"tags and a name of one's own", "m,device=d,host=h v=1\nm v=2", Options{SourceTags: []string{"device"}, Source: "gw"},
			"d host=\"h\" | m_v 1\ngw | m_v 2\n"},
		{"lines of one source at one time are one reading", "a,host=h x=1 5\nb,host=h y=2 5\na,host=h x=3 6", Options{},
			"h @5 | a_x 1 | b_y 2\nh @6 | a_x 3\n"},
		{"tags are sorted, of one that comes twice the last counts", "m,z=1,b-c=2,b-c=3 v=1", Options{}, "influx b_c=\"3\" z=\"1\" | m_v 1\n"},
		{"tags that would become the same stay apart", "m,b.c=2,b-c=3 v=1\nm,b.c=3,b-c=3 v=2", Options{}, "influx b.c=\"2\" b_c=\"3\" | m_v 1\ninflux b.c=\"3\" b_c=\"3\" | m_v 2\n"},
		{"letters of any script", "厂,位置=甲 温度=1,湿度=2", Options{}, "influx 位置=\"甲\" | 厂_温度 1 | 厂_湿度 2\n"},
		{"fields that would become the same stay apart", `m t-1=1,t\ 1=2,t_1=3,s-1="a",s.1="b"`, Options{}, "influx | m_t 1 2 | m_t-1 1 | m_t_1 3 | m_s.1 \"b\" | m_s_1 \"a\"\n"},
		{"a measurement's field, and one of another that is called so", "a_b c=1\na b_c=2", Options{}, "influx | a_b.c 1 | a_b_c 2\n"},
		{"times in seconds", "m v=1 1767323045", Options{Precision: 1e9}, "influx @1767323045000000000 | m_v 1\n"},
		{"times in minutes and before 1970", "m v=1 -2", Options{Precision: 60e9}, "influx @-120000000000 | m_v 1\n"},
		{"escapes", `a\ b,t\ ag=x\,y f\=g=1`, Options{}, "influx t_ag=\"x,y\" | a_b_f_g 1\n"},
		{"a line that cannot be read does not harm the others", "m v=1\nm v=\nm\nm v=2 9223372036854775\nm v=3", Options{Precision: 1e9},
			"influx | m_v 3\ndropped 3: line 2, byte 5: field value has unrecognized type\n"},
		{"a long text is cut at a character", `m s="` + strings.Repeat("é", MaxValue) + `"`, Options{}, "influx | m_s \"" + strings.Repeat("é", MaxValue/2) + "\"\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, rejection := New().Decode([]byte(c.text), c.options)
			if rejection != nil {
				t.Fatal(rejection)
			}
			if diff := cmp.Diff(c.want, show(r)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRejections(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"JSON", `{"a":1}`, "unknown_shape: line 1, byte 8: empty tag name"},
		{"no field", "m", "unknown_shape: line 1, byte 2: empty tag name"},
		{"a number that is none", "m v=1.2.3", "unknown_shape: line 1, byte 5: cannot parse value for field key \"v\": invalid float value syntax"},
		{"a number beyond all", "m v=1e999", "unknown_shape: line 1, byte 5: cannot parse value for field key \"v\": line-protocol value out of range"},
		{"a time beyond all", "m v=1 99999999999999999999", `unknown_shape: the time "99999999999999999999" is beyond the years 1678 to 2262`},
		{"a tag's value that is too long", "m,t=" + strings.Repeat("x", MaxValue+1) + " v=1", `unknown_shape: "m": the tag "t" is too long or not UTF-8`},
		{"a name that is too long", strings.Repeat("m", MaxName) + " v=1", `unknown_shape: "mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmm"…: the field "v" makes a name of 258 bytes: expected at most 256`},
		{"too many lines", strings.Repeat("m v=1\n", MaxLines+1), "too_large: the body has 50001 lines: expected at most 50000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, rejection := New().Decode([]byte(c.text), Options{})
			if rejection == nil {
				t.Fatal("taken: " + show(r))
			}
			if diff := cmp.Diff(c.want, rejection.Error()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTelegrafsLines(t *testing.T) {
	text, err := os.ReadFile("testdata/telegraf.txt")
	if err != nil {
		t.Fatal(err)
	}
	r, rejection := New().Decode(text, Options{})
	if rejection != nil {
		t.Fatal(rejection)
	}
	golden.Check(t, "telegraf.golden", show(r))
}

func TestParsePrecision(t *testing.T) {
	for s, want := range map[string]Precision{"": 1, "n": 1, "ns": 1, "u": 1e3, "us": 1e3, "µ": 1e3, "ms": 1e6, "s": 1e9, "m": 6e10, "h": 36e11} {
		if got, ok := ParsePrecision(s); !ok || got != want {
			t.Errorf("%q is %d, want %d", s, got, want)
		}
	}
	if _, ok := ParsePrecision("d"); ok {
		t.Error("days are taken")
	}
}

func FuzzDecode(f *testing.F) {
	for _, text := range []string{"m,host=h,a=b v=1,w=\"x\" 5\n", `a\ b,t=x\,y f=1i,g=2u,h=t`, "m v=-0\nm v=", "°,=x y=1", "m,a.b=1,a-b=2,host=q v=1"} {
		f.Add([]byte(text), int64(1))
	}
	used := New()
	f.Fuzz(func(t *testing.T, text []byte, precision int64) {
		o := Options{Precision: Precision(max(precision%4e12, 1))}
		r, rejection := New().Decode(text, o)
		again, rejectionAgain := used.Decode(text, o)
		if rejection != nil {
			if rejectionAgain == nil || *rejection != *rejectionAgain {
				t.Fatalf("%v, then %v", rejection, rejectionAgain)
			}
			return
		}
		if show(r) != show(again) {
			t.Fatalf("a used decoder says otherwise:\n%s\n%s", show(r), show(again))
		}
		for _, reading := range r.Readings {
			check(t, &reading)
		}
	})
}

func check(t *testing.T, r *schema.Reading) {
	t.Helper()
	if r.ID == "" || len(r.ID) > MaxName {
		t.Errorf("source %q", r.ID)
	}
	for i, l := range r.Dims {
		if l.Name == "" || l.Value == "" || i > 0 && r.Dims[i-1].Name >= l.Name {
			t.Errorf("dimensions %+v", r.Dims)
		}
	}
	for i, v := range r.Named {
		if v.Name == "" || i > 0 && r.Named[i-1].Name >= v.Name {
			t.Errorf("values %+v", r.Named)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	text, err := os.ReadFile("testdata/telegraf.txt")
	if err != nil {
		b.Fatal(err)
	}
	d := New()
	values := 0
	b.ReportAllocs()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		r, rejection := d.Decode(text, Options{})
		if rejection != nil {
			b.Fatal(rejection)
		}
		values += r.Values
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(values), "ns/sample")
}
