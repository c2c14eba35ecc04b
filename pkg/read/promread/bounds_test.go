package promread_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"weir/pkg/read/promread"
	"weir/pkg/read/promread/bounds"
)

// What one query must not ask for, and what many do ask for.
func TestWhatAQueryMayCost(t *testing.T) {
	nested := func(n int, before, of, behind string) string {
		return strings.Repeat(before, n) + of + strings.Repeat(behind, n)
	}
	joined := func(n int) string { return nested(n, "label_join(", "a", `, "x", "", "x", "x")`) }
	for name, row := range map[string]struct{ text, want string }{
		"a year of milliseconds":                 {"count_over_time(vector(1)[1y:1ms])", "the query's subqueries have 31536000000 steps"},
		"a sum of thousands":                     {strings.Repeat("a+", 8000) + "a", "more than 10000 names"},
		"signs without end":                      {strings.Repeat("-", 400_000) + "1", "more than 10000 names"},
		"a label doubled forty times":            {joined(40), "label_join: a series' labels may become 64 times as long"},
		"a label doubled a few times":            {joined(3), ""},
		"a label of its copies":                  {nested(4, "label_replace(", "a", `, "x", "$1$1$1$1", "x", "(.*)")`), "times as long"},
		"a label with a long text":               {`label_replace(a, "x", "` + strings.Repeat("y", 5000) + `", "", "")`, "bytes: more than"},
		"a long text joined in":                  {`label_join(a, "x", "` + strings.Repeat("y", 1500) + `", "u", "v", "w")`, "bytes: more than"},
		"long texts on both sides":               {strings.Repeat(`label_replace(`, 5) + "a" + strings.Repeat(`, "x", "`+strings.Repeat("y", 900)+`$1", "x", "(.*)")`, 5), "bytes: more than"},
		"a label that takes part of another":     {nested(20, "label_replace(", "a", `, "x", "$1", "node", "(n).*")`), ""},
		"a repetition of a repetition":           {`a{b=~"` + strings.Repeat("(x{10}y){100}", 11) + `"}`, "repeat more than 10000"},
		"repetitions in many matchers":           {"a{" + strings.Repeat(`b=~"x{1000}",`, 11) + "}", "repeat more than 10000"},
		"a repetition that label_replace has":    {`label_replace(a, "x", "$1", "x", "` + strings.Repeat("y{1000}", 11) + `")`, "label_replace: regular expressions that repeat"},
		"a repetition that is compared as text":  {`a{b="` + strings.Repeat("y{1000}", 11) + `"}`, ""},
		"a regular expression of many megabytes": {`a{b=~"` + nodes(200_000) + `x"}`, "regular expressions of more than 1000000"},
		"a regular expression of many nodes":     {`a{b=~"` + nodes(10_000) + `x"}`, ""},
		"an address":                             {`a{b=~"[0-9a-f]{1,4}(:[0-9a-f]{1,4}){7}"}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			engine := promread.NewEngine(promread.EngineConfig{})
			source := &promread.Queryable{Reader: two()}
			began := time.Now()
			query, err := engine.NewInstantQuery(t.Context(), source, nil, row.text, time.UnixMilli(at))
			if took := time.Since(began); took > time.Minute {
				t.Errorf("it took %s", took)
			}
			switch {
			case err == nil && row.want != "":
				t.Errorf("it is let pass, want %q", row.want)
			case err != nil && (row.want == "" || !strings.Contains(err.Error(), row.want)):
				t.Errorf("got %q, want %q", err, row.want)
			}
			if err != nil {
				return
			}
			defer query.Close()
			if res := query.Exec(t.Context()); res.Err != nil {
				t.Error(res.Err)
			}
			if _, err := engine.NewRangeQuery(t.Context(), source, nil, row.text, time.UnixMilli(at), time.UnixMilli(at+1000), time.Second); err != nil {
				t.Error(err)
			}
		})
	}
}

// nodes are many different names.
func nodes(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%x-node|", i*7919)
	}
	return b.String()
}

// Selectors are counted together.
func TestSelectorsOfOneRequest(t *testing.T) {
	many := make([]string, 9000)
	for i := range many {
		many[i] = `{a="b",c="d"}`
	}
	if err := bounds.CheckText(many...); err == nil {
		t.Error("they are let pass")
	}
	if err := bounds.CheckText(many[:100]...); err != nil {
		t.Error(err)
	}
	if err := bounds.CheckPatterns("x{1000}", strings.Repeat("y{1000}", 10)); err == nil {
		t.Error("patterns are let pass")
	}
}
