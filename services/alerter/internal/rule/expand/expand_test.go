package expand_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"

	"weir/services/alerter/internal/rule"
	"weir/services/alerter/internal/rule/expand"
)

var at = time.Unix(1767323045, 0).UTC()

func answer(_ context.Context, q string, when time.Time) (promql.Vector, error) {
	if q != "up" || !when.Equal(at) {
		return nil, errors.New("no such query")
	}
	return promql.Vector{
		{Metric: labels.FromStrings("__name__", "up", "node", "2"), F: 1},
		{Metric: labels.FromStrings("__name__", "up", "node", "1"), F: 0},
	}, nil
}

// Templates are what Prometheus' documentation says of them.
func TestTemplates(t *testing.T) {
	sample := rule.Sample{Labels: model.LabelSet{"__name__": "cpu", "node": "n1.example.org:80"}, Value: 1234.5}
	tests := []struct{ what, text, want string }{
		{"a text without templates stays", "hot", "hot"},
		{"labels", "{{ $labels.node }} {{$labels.node}} {{ .Labels.node }}", "n1.example.org:80 n1.example.org:80 n1.example.org:80"},
		{"a label that is not there is empty", "[{{ $labels.zone }}]", "[]"},
		{"the metric's name is a label", "{{ $labels.__name__ }}", "cpu"},
		{"the value", "{{ $value }} {{ .Value }}", "1234.5 1234.5"},
		{"external labels", "{{ $externalLabels.site }} {{ .ExternalLabels.site }}", "lab lab"},
		{"the external URL", "{{ $externalURL }} {{ externalURL }} {{ pathPrefix }}", "https://weir.example/x https://weir.example/x /x"},
		{"humanize", "{{ $value | humanize }} {{ humanize1024 2048.0 }}", "1.234k 2ki"},
		{"humanizeDuration", "{{ $value | humanizeDuration }}", "20m 34s"},
		{"humanizePercentage", "{{ 0.123 | humanizePercentage }}", "12.3%"},
		{"humanizeTimestamp", "{{ 1767323045.0 | humanizeTimestamp }}", "2026-01-02 03:04:05 +0000 UTC"},
		{"printf", `{{ printf "%.0f" $value }}`, "1234"},
		{"case", `{{ "ab" | toUpper }} {{ "AB" | toLower }} {{ "ab" | title }}`, "AB ab Ab"},
		{"match", `{{ match "n.*" $labels.node }}`, "true"},
		{"reReplaceAll", `{{ reReplaceAll "(.*):.*" "$1" $labels.node }}`, "n1.example.org"},
		{"stripPort and stripDomain", `{{ stripPort $labels.node }} {{ stripDomain $labels.node }}`, "n1.example.org n1:80"},
		{"parseDuration", `{{ parseDuration "1m" }}`, "60"},
		{"now", `{{ now }}`, "1.767323045e+09"},
		{"query, first, value and label", `{{ with query "up" }}{{ . | first | label "node" }}={{ . | first | value }}{{ end }}`, "2=1"},
		{"sortByLabel", `{{ range query "up" | sortByLabel "node" }}{{ .Labels.node }}={{ .Value }} {{ end }}`, "1=0 2=1 "},
		{"links", `{{ graphLink "up" }} {{ tableLink "up" }}`, "/graph?g0.expr=up&g0.tab=0 /graph?g0.expr=up&g0.tab=1"},
		{"conditions", `{{ if gt $value 1000.0 }}hot{{ else }}warm{{ end }}`, "hot"},
		{"braces beside an action", "{ {{- $value -}} } }} {{ `{{` }}", "{1234.5} }} {{"},
		{"quotes, line ends and bytes that are no UTF-8", "\"{{ \"\\\"\" }}\"\n\xff`", "\"\"\"\n\xff`"},
		{"templates of its own", `{{ define "x" }}<{{ .arg0 }}{{ with .arg1 }}, {{ . }}{{ else }} alone{{ end }}>{{ end }}{{ template "x" (args 1 "b") }}{{ template "x" (args 1 "") }}`, "<1, b><1 alone>"},
		{"else if, and, or, not", `{{ if gt $value 2000.0 }}a{{ else if and (gt $value 1000.0) (not false) }}b{{ else }}c{{ end }}`, "b"},
		{"loops that break off", `{{ range $i, $s := query "up" }}{{ if $i }}{{ break }}{{ else }}{{ .Value }}{{ continue }}{{ end }}never{{ end }}`, "1"},
		{"variables that are set", `{{ $a := "x" }}{{ range query "up" }}{{ $a = print $a .Value }}{{ end }}{{ $a }}`, "x10"},
		{"comments", `a{{/* b */}}c`, "ac"},
		{"values that are no texts", `{{ true }} {{ 3 }} {{ 1.50 }} {{ $labels.none }} {{ first (query "up") | value }} {{ len (query "up") }}`, "true 3 1.5  1 2"},
		{"print and others", `{{ print 1 2 "a" }} {{ println "b" }}{{ html "<" }} {{ js "'" }} {{ urlquery "a b" }} {{ urlQueryEscape "&" }} {{ printf "%-4s|%05.1f|%q" "a" 2.25 "b" }}`, "1 2a b\n&lt; \\' a+b %26 a   |002.2|\"b\""},
		{"printf of a query with numbers and *", `{{ printf "10000 * up{node='%s:9100'} * %[2]d%% 1000" "a" 5 }}`, "10000 * up{node='a:9100'} * 5% 1000"},
		{"trimmed blanks", "a {{- $value -}} b", "a1234.5b"},
	}
	e := expand.New(context.Background(), answer, map[string]string{"site": "lab"}, "https://weir.example/x")
	for _, test := range tests {
		t.Run(test.what, func(t *testing.T) {
			got, err := e.Expand("Hot", test.text, sample, at)
			if err != nil || got != test.want {
				t.Errorf("got %q, %v, want %q", got, err, test.want)
			}
			if alert := evaluated(t, e, test.text, sample); alert != test.want {
				t.Errorf("an alert has %q, want %q", alert, test.want)
			}
		})
	}
	for _, text := range []string{`{{ query "down" }}`, `{{ query "down" | first }}`, `{{ nothing }}`, `{{ $labels.`} {
		if got := evaluated(t, e, text, sample); !strings.HasPrefix(got, "<error expanding template: ") {
			t.Errorf("%s gives %s", text, got)
		}
	}
	if got := evaluated(t, nil, "{{ humanize $value }}", sample); got != "<error expanding template: only $labels and $value are understood here>" {
		t.Error(got)
	}
}

// evaluated returns the text as an alert's annotation has it.
func evaluated(t *testing.T, e *expand.Expander, text string, s rule.Sample) string {
	t.Helper()
	r := &rule.Rule{Key: "k", Name: "Hot", Annotations: model.LabelSet{"text": model.LabelValue(text)}}
	in := rule.Input{At: at, Result: []rule.Sample{s}}
	if e != nil {
		in.Expand = e
	}
	out, err := r.Evaluate(in)
	if err != nil {
		t.Fatal(err)
	}
	got := string(out.Transitions[0].Alert.Annotations["text"])
	if failed := strings.HasPrefix(got, "<error"); failed != (len(out.Warnings) == 1) {
		t.Errorf("%s: warnings %q", got, out.Warnings)
	}
	return got
}

// What package rule expands itself is what Prometheus makes of it.
func TestPlainTemplatesGiveWhatPrometheusGives(t *testing.T) {
	e := expand.New(context.Background(), nil, nil, "")
	for _, v := range []float64{0, 1, -1, 81.5, 1e6, 1e20, 1e21, 1e-7, 1. / 3, math.NaN(), math.Inf(1), math.Inf(-1)} {
		for _, text := range []string{"{{ $value }}", "{{.Value}}", "a{{ $value}}b{{ $labels.node }}c{{$labels.none}}", "{{\n$value\t}}", "}} {{ $value }} }}"} {
			s := rule.Sample{Labels: model.LabelSet{"node": "<1>&"}, Value: v}
			want, err := e.Expand("Hot", text, s, at)
			if err != nil {
				t.Fatal(err)
			}
			if got := evaluated(t, nil, text, s); got != want {
				t.Errorf("%q for %v gives %q, want %q", text, v, got, want)
			}
		}
	}
}

// A tenant's template must neither take the process' memory nor go on for ever.
func TestTemplatesWithoutEnd(t *testing.T) {
	const doubled = `{{ $a := "0123456789" }}{{ range 40 }}{{ $a = print $a $a }}{{ end }}`
	nested := "{{ range 1000000 }}{{ range 1000000 }}{{ range 1000000 }}{{ end }}{{ end }}{{ end }}"
	many := func(context.Context, string, time.Time) (promql.Vector, error) {
		return make(promql.Vector, 60_000), nil
	}
	for what, row := range map[string]struct{ text, want string }{
		"a loop that writes":            {"{{ range 100000000000 }}x{{ end }}", "more than 10000 steps"},
		"a loop that writes much":       {"{{ range 9000 }}" + strings.Repeat("x", 1000) + "{{ end }}", "more than 1048576 bytes"},
		"a loop that writes a label":    {"{{ range 9000 }}{{ $labels.long }}{{ end }}", "more than 1048576 bytes"},
		"a loop that does nothing":      {nested, "more than 10000 steps"},
		"a loop in an else":             {"{{ if false }}{{ else }}{{ range 0 }}{{ else }}" + nested + "{{ end }}{{ end }}", "more than 10000 steps"},
		"a template that calls itself":  {`{{ define "x" }}{{ template "x" }}{{ template "x" }}{{ end }}{{ template "x" }}`, "more than 10000 steps"},
		"a text that is doubled":        {doubled, "more than 1048576 bytes"},
		"with printf":                   {strings.ReplaceAll(doubled, "print $a", `printf "%s%s" $a`), "more than 1048576 bytes"},
		"with html":                     {strings.ReplaceAll(doubled, "print $a", `html $a`), "more than 1048576 bytes"},
		"with reReplaceAll":             {strings.ReplaceAll(doubled, "print $a $a", `reReplaceAll "(.*)" "$1$1" $a`), "too long together"},
		"with arguments of arguments":   {`{{ $a := args 1 }}{{ range 40 }}{{ $a = args $a $a }}{{ end }}{{ $a }}`, "more than 1048576 bytes"},
		"wide fields":                   {`{{ printf "%1000000d" 1 }}`, "fields wider than 999"},
		"wide fields with flags":        {`{{ printf "%%%-+# 01000d" 1 }}`, "fields wider than 999"},
		"fields of great precision":     {`{{ printf "%.[2]*[1]d%9.1000f" 1.0 3 }}`, "fields wider than 999"},
		"fields of any width":           {`{{ printf "%*d" 1000000 1 }}`, "fields wider than 999"},
		"an argument a thousand times":  {`{{ printf "` + strings.Repeat("%[1]s", 5000) + `" $labels.long }}`, "more than 1048576 bytes"},
		"an expression of repetitions":  {`{{ match "` + strings.Repeat("x{1000}", 11) + `" "x" }}`, "repeat more than"},
		"queries that answer with much": {`{{ $a := query "a" }}{{ $b := query "b" }}`, "more than 100000 elements"},
	} {
		t.Run(what, func(t *testing.T) {
			sample := rule.Sample{Labels: model.LabelSet{"long": model.LabelValue(strings.Repeat("x", 5000))}}
			began := time.Now()
			got, err := expand.New(t.Context(), many, nil, "").Expand("Hot", row.text, sample, at)
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("got %.100q, %v; want %q", got, err, row.want)
			}
			if took := time.Since(began); took > time.Minute { // what costs too much takes hours
				t.Errorf("it took %s", took)
			}
		})
	}
}

// The end of an evaluation ends its templates.
func TestATemplateWhoseTimeIsOver(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := expand.New(ctx, nil, nil, "").Expand("Hot", "{{ range 3 }}{{ end }}", rule.Sample{}, at); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
