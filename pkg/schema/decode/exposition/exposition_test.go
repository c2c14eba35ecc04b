package exposition

import (
	"fmt"
	"strings"
	"testing"
)

// show writes a document as its tests have it, a line a sample.
func show(d *Document) string {
	var b strings.Builder
	for _, s := range d.Samples {
		b.WriteString(s.Name)
		for _, l := range s.Labels {
			fmt.Fprintf(&b, " %s=%q", l.Name, l.Value)
		}
		fmt.Fprintf(&b, " %v", s.Value)
		if s.Time != 0 {
			fmt.Fprintf(&b, " @%d", s.Time)
		}
		if s.Family >= 0 {
			f := d.Families[s.Family]
			fmt.Fprintf(&b, " (%s)", strings.Join([]string{string(f.Type), f.Unit, f.Help}, "|"))
		}
		b.WriteByte('\n')
	}
	if d.Dropped > 0 {
		fmt.Fprintf(&b, "dropped %d\n", d.Dropped)
	}
	return b.String()
}

func TestParse(t *testing.T) {
	const board = `# HELP plant_boots restarts since flash
# TYPE plant_boots counter
plant_boots 3
# HELP plant_temp temperature
# TYPE plant_temp gauge
plant_temp{probe="None"} 0
plant_temp{probe="a"} 21.5
# HELP plant_read read latency
# TYPE plant_read summary
plant_read_count{bus="None"} 0
plant_read_total{bus="None"} 0
plant_read_count{bus="i2c"} 2
plant_read_total{bus="i2c"} 0.75`
	for _, c := range []struct {
		name, text string
		options    Options
		want       string
	}{
		{"what prometheus_express prints, without a newline at its end", board, Options{}, `plant_boots 3 (counter||restarts since flash)
plant_temp probe="None" 0 (gauge||temperature)
plant_temp probe="a" 21.5 (gauge||temperature)
plant_read_count bus="None" 0 (summary||read latency)
plant_read_total bus="None" 0 (summary||read latency)
plant_read_count bus="i2c" 2 (summary||read latency)
plant_read_total bus="i2c" 0.75 (summary||read latency)
`},
		{"its series without labels set, left out", board, Options{DropNone: true}, `plant_boots 3 (counter||restarts since flash)
plant_temp probe="a" 21.5 (gauge||temperature)
plant_read_count bus="i2c" 2 (summary||read latency)
plant_read_total bus="i2c" 0.75 (summary||read latency)
`},
		{"a label that is None beside one that is not stays", `a{x="None",y="b"} 1`, Options{DropNone: true}, "a x=\"None\" y=\"b\" 1\n"},
		{"values as Python writes them", "a 3\nb 1e+22\nc inf\nd -inf\ne nan\nf None\ng True\nh False\ni 0", Options{},
			"a 3\nb 1e+22\nc +Inf\nd -Inf\ne NaN\ni 0\ndropped 3\n"},
		{"values as Go writes them", "a +Inf\nb -Inf\nc NaN\nd 1e999", Options{}, "a +Inf\nb -Inf\nc NaN\nd +Inf\n"},
		{"labels are sorted, empty ones are none", `a{z="1",b="2",e=""} 1`, Options{}, "a b=\"2\" z=\"1\" 1\n"},
		{"spaces, tabs and a comma too many", "  a {\tx = \"1\" , }\t 2  ", Options{}, "a x=\"1\" 2\n"},
		{"escapes", `a{x="q\" b\\ n\n t\t"} 1`, Options{}, "a x=\"q\\\" b\\\\ n\\n t\\\\t\" 1\n"},
		{"quotes that a board did not escape", `a{x="say "hi" now",y="it is "so""} 1`, Options{}, "a x=\"say \\\"hi\\\" now\" y=\"it is \\\"so\\\"\" 1\n"},
		{"a backslash at the end that a board did not escape", `a{x="C:\"} 1`, Options{}, "a x=\"C:\\\\\" 1\n"},
		{"braces and commas within a value", `a{x="{b}, c"} 1`, Options{}, "a x=\"{b}, c\" 1\n"},
		{"times in milliseconds", "a 1 1395066363000\nb 2 -1", Options{}, "a 1 @1395066363000000000\nb 2 @-1000000\n"},
		{"times in seconds in OpenMetrics", "a 1 1395066363.25\n# EOF\n", Options{}, "a 1 @1395066363250000000\n"},
		{"OpenMetrics: types by suffix, units, exemplars", `# TYPE http_requests counter
# UNIT http_requests requests
http_requests_total{code="200"} 5 # {trace_id="x"} 0.5 123.4
http_requests_created{code="200"} 1.5
# EOF`, Options{OpenMetrics: true}, `http_requests_total code="200" 5 (counter|requests|)
http_requests_created code="200" 1.5 (counter|requests|)
`},
		{"histograms", "# TYPE h histogram\nh_bucket{le=\"0.1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 3\nh_count 2\n", Options{},
			"h_bucket le=\"0.1\" 1 (histogram||)\nh_bucket le=\"+Inf\" 2 (histogram||)\nh_sum 3 (histogram||)\nh_count 2 (histogram||)\n"},
		{"names in quotes", "# TYPE \"a.b\" gauge\n{\"a.b\",\"x y\"=\"1\"} 2\n", Options{}, "a.b x y=\"1\" 2 (gauge||)\n"},
		{"carriage returns, empty lines and comments", "# a comment\r\n\r\na 1\r\n#\n# HELP\n", Options{}, "a 1\n"},
		{"HELP with newlines as they are", "# HELP a first\nsecond line\n\n3rd 5\n# TYPE a gauge\na 1", Options{}, "a 1 (gauge||first\nsecond line\n3rd 5)\n"},
		{"HELP with newlines that would pass for samples", "# HELP a first\nsecond 2\n# no type\nthird 3 4\r\n# TYPE a gauge\na 1\nb 2", Options{}, "a 1 (gauge||first\nsecond 2\n# no type\nthird 3 4)\nb 2\n"},
		{"HELP with newlines and without a type", "# HELP a first\nsecond line{\nthird\na 1\n# HELP b x\n# HELP c y\n1 2 3 4\nc{l=\"v\"} 2", Options{}, "a 1 (||first\nsecond line{\nthird)\nc l=\"v\" 2 (||y\n1 2 3 4)\n"},
		{"a type behind its samples", "# HELP a first\na 1\na_sum 2\n# TYPE a summary\n# HELP b x\nb_bucket{le=\"1\"} 5 6\n# TYPE b histogram\n", Options{},
			"a 1 (summary||first)\na_sum 2 (summary||first)\nb_bucket le=\"1\" 5 @6000000 (histogram||x)\n"},
		{"HELP with newlines and the metric's name", "# HELP a first\na is {5}\na\n# TYPE a gauge\na 1", Options{}, "a 1 (gauge||first\na is {5}\na)\n"},
		{"HELP with escapes", "# HELP a line\\nbreak \\\\ \n# TYPE a gauge\na 1", Options{}, "a 1 (gauge||line\nbreak \\)\n"},
		{"nothing at all", "", Options{}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, err := New().Parse(c.text, c.options)
			if err != nil {
				t.Fatal(err)
			}
			if got := show(d); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

func TestWhatCannotBeRead(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"a page of HTML", "a 1\n<html>\n", `line 2: there is no value behind "<html>"`},
		{"a name with a dash", "a-b 1", `line 1: "a-b" is not a metric's name`},
		{"a value that is none", "a x", `line 1: "x" is not a number`},
		{"a value that only Go takes for a number", "a 0x1p-2", `line 1: "0x1p-2" is not a number`},
		{"no value", "a{x=\"1\"}", `line 1: there is no value behind "a"`},
		{"a label without quotes", "a{x=1} 1", `line 1: the value of the label "x" has no quotes`},
		{"a label's name that is none", "a{x y=\"1\"} 1", `line 1: "x y" is not a label's name`},
		{"a label without a name", "a{=\"1\"} 1", "line 1: a label has no name"},
		{"labels without an end", "a{x=\"1\" 1", `line 1: the text "\"1\" 1" has no end`},
		{"labels that stop", "a{x", "line 1: the labels do not end with }"},
		{"a label twice", `a{x="1",x="2"} 1`, `line 1: the label "x" stands there twice`},
		{"a time that is none", "a 1 soon", `line 1: "soon" is not a time`},
		{"a time beyond all", "a 1 99999999999999999", `line 1: "99999999999999999" is not a time`},
		{"two names", `a{"b"} 1`, `line 1: the metric has two names, "a" and "b"`},
		{"no name", "{} 1", "line 1: the metric has no name"},
		{"bytes that are no text", "a{x=\"\xff\"} 1", `line 1: "\xff" is not UTF-8`},
		{"a name that is too long", strings.Repeat("a", MaxName+1) + " 1", `line 1: the metric's name "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…" has more than 256 bytes`},
		{"a faulty sample behind its HELP", "# HELP a x\na{l=1} 2", `line 2: the value of the label "l" has no quotes`},
		{"a faulty line behind a sample", "# HELP a x\na 1\nsecond line", `line 3: "line" is not a number`},
		{"HELP with newlines in OpenMetrics", "# HELP a x\nsecond line\n# TYPE a gauge\na 1\n# EOF\n", `line 2: "line" is not a number`},
		{"HELP with more lines than may be", "# HELP a x" + strings.Repeat("\nmore", maxHelpLines+1), `line 34: there is no value behind "more"`},
		{"too many samples", strings.Repeat("a 1\n", MaxSamples+1), "line 250001: the text has more than 250000 samples"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := New().Parse(c.text, Options{})
			if err == nil || err.Error() != c.want {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"a 1\n", "# TYPE a summary\na_total{x=\"None\"} 0", `a{x="say "hi""} 1 5 # {y="z"} 1`, "{\"a.b\",c=\"d\"} nan\n# EOF"} {
		f.Add(text, false, false)
	}
	f.Fuzz(func(t *testing.T, text string, openMetrics, dropNone bool) {
		p := New()
		d, err := p.Parse(text, Options{OpenMetrics: openMetrics, DropNone: dropNone})
		if err != nil {
			return
		}
		for _, s := range d.Samples {
			if s.Name == "" || len(s.Name) > MaxName || s.Family >= len(d.Families) {
				t.Fatalf("%+v", s)
			}
			for i, l := range s.Labels {
				if l.Value == "" || l.Name == "" || i > 0 && l.Name <= s.Labels[i-1].Name {
					t.Fatalf("%+v", s)
				}
			}
		}
	})
}
