package rule_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"

	"weir/pkg/read/promread"
	"weir/pkg/read/promread/readtest"
	"weir/services/alerter/internal/rule"
)

var promQL = parser.NewParser(parser.Options{})

func TestDataExpressions(t *testing.T) {
	tests := []struct{ what, expr, want string }{
		{"a threshold is about its series", `cpu > 80`, `cpu`},
		{"a threshold may stand first", `80 < cpu`, `cpu`},
		{"equality is a condition", `up == 0`, `up`},
		{"inequality is a condition", `datamgmt_health_status != 1`, `datamgmt_health_status`},
		{"two thresholds are about one series", `cpu > 30 < 50`, `cpu`},
		{"matchers, offsets and @ stay", `cpu{a="b"} offset 5m > 80`, `cpu{a="b"} offset 5m`},
		{"parentheses are no matter", `((cpu)) > (80)`, `cpu`},
		{"bool gives each series a result, so its data is the series", `cpu > bool 80`, `cpu`},
		{"bool of a condition", `(cpu > bool 80) == 1`, `cpu`},
		{"arithmetic with a number changes no labels", `cpu / 100 * 5 > 4`, `cpu`},
		{"a sign changes no labels", `-cpu < -80`, `cpu`},
		{"functions of single values change no labels", `abs(round(temperature)) > 30`, `temperature`},
		{"a clock is no data", `time() - seen > 300`, `seen`},
		{"timestamps are the series'", `time() - timestamp(cpu) > 60`, `cpu`},
		{"a range stays a range", `rate(datamgmt_errors_total[5m]) > 0.1`, `rate(datamgmt_errors_total[5m])`},
		{"each range function keeps its arguments", `quantile_over_time(0.9, cpu[5m]) > 80`, `quantile_over_time(0.9, cpu[5m])`},
		{"conditions in subqueries are made true", `count_over_time((cpu > 80)[5m:10s]) > 3`, `count_over_time(cpu[5m:10s])`},
		{"a subquery's operation keeps its parentheses", `max_over_time((a / b)[5m:10s]) > 3`, `max_over_time((a and b)[5m:10s])`},
		{"aggregations are of all series", `sum by (zone) (cpu > 80) > 3`, `sum by (zone) (cpu)`},
		{"without keeps what it keeps", `count without (node) (up == 0) > 1`, `count without (node) (up)`},
		{"an aggregation of all", `count(up == 0) > 2`, `count(up)`},
		{"a parameter stays", `quantile(0.9, cpu > 3) > 80`, `quantile(0.9, cpu)`},
		{"which series are the top is a condition", `topk by (zone) (3, cpu) > 80`, `cpu`},
		{"which series are the bottom is a condition", `bottomk(3, cpu)`, `cpu`},
		{"buckets keep their quantile", `histogram_quantile(0.9, sum by (le) (rate(x_bucket[5m]) > 0)) > 3`, `histogram_quantile(0.9, sum by (le) (rate(x_bucket[5m])))`},
		{"two series are compared if both are there", `a > b`, `a and b`},
		{"two series are divided if both are there", `a / b > 0.5`, `a and b`},
		{"with on, the result has those labels", `a > on (node) b`, `group by (node) (a) and on (node) b`},
		{"with ignoring, the result has the others", `a - ignoring (zone) b > 3`, `group without (zone) (a) and ignoring (zone) b`},
		{"with bool, too", `a > bool on (node) b`, `group by (node) (a) and on (node) b`},
		{"many to one has the labels of the many", `a > on (node) group_left () b`, `a and on (node) b`},
		{"one to many has the labels of the many", `a * on (node) group_right () b > 3`, `b and on (node) a`},
		{"labels that are taken over are taken over", `a * on (node) group_left (zone) info > 3`, `group without (zone) (a) * on (node) group_left (zone) topk by (node) (1, info)`},
		{"also from the left", `info * on (node) group_right (zone) a > 3`, `group without (zone) (a) * on (node) group_left (zone) topk by (node) (1, info)`},
		{"of those with a condition, one is taken", `a * on (node) group_left (zone) (info == 1)`, `group without (zone) (a) * on (node) group_left (zone) topk by (node) (1, (info == 1) or on (node) info)`},
		{"and needs both", `cpu > 80 and on (node) up == 1`, `cpu and on (node) up`},
		{"unless is a condition of the left", `cpu > 80 unless on (node) maintenance == 1`, `cpu`},
		{"or is any of both", `cpu > 80 or on (node) memory > 90`, `cpu or memory`},
		{"or with an always true one", `cpu > 80 or vector(0)`, `cpu or vector(0)`},
		{"a series as a threshold must be there", `cpu > scalar(threshold)`, `cpu and on () threshold`},
		{"a share of a series, too", `errors / scalar(sum(requests)) > 0.1`, `errors and on () sum(requests)`},
		{"what differs from nothing differs", `cpu != scalar(threshold)`, `cpu`},
		{"names are dropped where two series could become one", `abs({__name__=~"a|b"}) > 3`, `group without () ({__name__=~"a|b"})`},
		{"names are dropped where they are told apart", `count by (__name__) (abs(a) > 3)`, `count by (__name__) (group without () (a))`},
		{"labels are replaced", `label_replace(cpu, "a", "$1", "node", "(.*)") > 3`, `label_replace(cpu, "a", "$1", "node", "(.*)")`},
		{"replaced labels never collide", `label_replace(cpu > 3, "zone", "x", "node", "n.*")`, `group without (weir_data_expression) (label_replace(group without (zone) (label_replace(cpu, "weir_data_expression", "x", "node", "n.*")), "zone", "$1", "weir_data_expression", "(.+)")) or cpu`},
		{"joined labels never collide", `label_join(cpu > 3, "zone", "-", "node", "rack")`, `group without (weir_data_expression) (label_replace(group without (zone) (label_join(cpu, "weir_data_expression", "-", "node", "rack")), "zone", "$1", "weir_data_expression", "(.+)"))`},
		{"sorting is no matter", `sort_desc(cpu > 3)`, `cpu`},
		{"a vector of a number is always there", `vector(1)`, `vector(1)`},
		{"a condition on a number is always known", `vector(time()) > 5`, `vector(time())`},
		{"the time of day is always there", `hour() > 5`, `hour()`},
		{"a number is always there", `1 < bool 2`, `vector(1)`},
		{"absent is what is looked for", `absent(up)`, ``},
		{"absence over time is what is looked for", `absent_over_time(up[5m])`, ``},
		{"wherever it stands", `cpu > 80 and on () absent(maintenance)`, ``},
		{"a label that is a value is gone with the value", `count_values("version", build) > 3`, ``},
	}
	for _, test := range tests {
		t.Run(test.what, func(t *testing.T) {
			got := rule.DataExpression(parse(t, test.expr))
			if got != test.want {
				t.Errorf("%s:\ngot  %s\nwant %s", test.expr, got, test.want)
			}
			if got == "" {
				return
			}
			if again := parse(t, got).String(); again != got {
				t.Errorf("%s reads as %s", got, again)
			}
		})
	}
}

func parse(t *testing.T, expr string) parser.Expr {
	t.Helper()
	e, err := promQL.ParseExpr(expr)
	if err != nil {
		t.Fatalf("%s: %v", expr, err)
	}
	return e
}

// names without their metric's, as text.
func labelSets(v parser.Value) map[string]bool {
	all := map[string]bool{}
	switch v := v.(type) {
	case promql.Vector:
		for _, s := range v {
			all[s.Metric.DropReserved(func(n string) bool { return n == model.MetricNameLabel }).String()] = true
		}
	case promql.Scalar:
		all["{}"] = true
	}
	return all
}

func query(t *testing.T, engine *promread.Engine, r promread.Reader, expr string, at time.Time) (map[string]bool, error) {
	t.Helper()
	q, err := engine.NewInstantQuery(context.Background(), &promread.Queryable{Reader: r, Lookback: 5 * time.Minute}, nil, expr, at)
	if err != nil {
		t.Fatalf("%s: %v", expr, err)
	}
	defer q.Close()
	res := q.Exec(context.Background())
	if res.Err != nil {
		return nil, res.Err
	}
	return labelSets(res.Value), nil
}

// Whatever the expression and the data: where the expression can be evaluated, its
// data expression can be, and its result has every set of labels.
func TestADataExpressionHasEverySeriesThatItsExpressionHas(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("SEED"); s != "" {
		seed, _ = strconv.ParseUint(s, 10, 64)
	}
	t.Logf("SEED=%d", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	engine := promread.NewEngine(promread.EngineConfig{})
	at := time.Unix(10_000, 0)
	telling, filtering := 0, 0
	for n := range 6000 {
		g := generator{rnd}
		expr := g.vector(1 + rnd.IntN(4))
		e, err := promQL.ParseExpr(expr)
		if err != nil {
			continue // not each combination is PromQL
		}
		r := g.data(at)
		want, err := query(t, engine, r, expr, at)
		if err != nil {
			continue // two of many match
		}
		data := rule.DataExpression(e)
		if data == "" {
			continue
		}
		got, err := query(t, engine, r, data, at)
		if err != nil {
			t.Fatalf("%d: %s:\ndata %s: %v", n, expr, data, err)
		}
		for labels := range want {
			if !got[labels] {
				t.Fatalf("%d: %s has %s, not so\ndata %s: %v", n, expr, labels, data, got)
			}
		}
		if len(want) > 0 {
			telling++
		}
		if len(got) > len(want) {
			filtering++
		}
	}
	if telling < 500 || filtering < 500 {
		t.Errorf("only %d expressions had a result, only %d of them left something out", telling, filtering)
	}
	t.Logf("%d expressions had a result, %d left something out", telling, filtering)
}

// generator makes up expressions and data.
type generator struct{ *rand.Rand }

func (g generator) one(of ...string) string { return of[g.IntN(len(of))] }

func (g generator) data(at time.Time) *readtest.Memory {
	var all []promread.Series
	for _, name := range []string{"a", "b", "c"} {
		for _, node := range []string{"1", "2", "3"} {
			for _, zone := range []string{"x", "y", ""} {
				if g.IntN(3) == 0 {
					continue
				}
				s := promread.Series{Labels: labels.FromStrings("__name__", name, "node", node, "zone", zone).WithoutEmpty()}
				for t := at.Add(-6 * time.Minute); !t.After(at); t = t.Add(30 * time.Second) {
					if g.IntN(4) > 0 {
						s.T, s.V = append(s.T, t.UnixMilli()), append(s.V, float64(g.IntN(4)))
					}
				}
				if len(s.T) > 0 {
					all = append(all, s)
				}
			}
		}
	}
	return readtest.New(all...)
}

func (g generator) selector() string {
	return g.one("a", "b", "c", "a", "b", `a{zone="x"}`, `b{node!="1"}`, `{__name__=~"a|b"}`, `{__name__=~"b|c",zone="y"}`, "a offset 1m")
}

func (g generator) labels() string {
	return g.one("", "node", "zone", "node, zone", "nothing")
}

func (g generator) comparison() string {
	return g.one(">", "<", ">=", "<=", "==", "!=") + g.one(" ", " ", " ", " bool ")
}

func (g generator) scalar(depth int) string {
	return g.one("0", "1", "2", "1 + 1", "time() - 9999", "scalar("+g.vector(depth-1)+")", "(scalar("+g.vector(depth-1)+") + 1)")
}

func (g generator) vector(depth int) string {
	if depth <= 0 {
		return g.selector()
	}
	v := func() string { return "(" + g.vector(depth-1) + ")" }
	match := func() string { return g.one("", g.one("on", "ignoring")+" ("+g.labels()+") ") }
	group := func() string {
		return g.one("on", "ignoring") + " (" + g.labels() + ") " + g.one("group_left", "group_right") + " (" + g.one("", "", "zone", "node", "nothing") + ") "
	}
	op := func() string { return g.one(g.comparison(), g.comparison(), "+ ", "- ", "* ") }
	switch g.IntN(16) {
	case 0, 1, 2:
		return v() + " " + g.comparison() + g.scalar(depth)
	case 3:
		return g.scalar(depth) + " " + op() + v()
	case 4:
		return v() + " " + op() + match() + v()
	case 5, 6:
		return v() + " " + op() + group() + v()
	case 7:
		return v() + g.one(" and ", " or ", " unless ") + match() + v()
	case 8, 9:
		return g.one("sum", "count", "max", "group") + g.one(" by (", " without (") + g.labels() + ") " + v()
	case 10:
		return g.one("topk", "bottomk") + g.one("", " by ("+g.labels()+") ") + "(1, " + g.vector(depth-1) + ")"
	case 11:
		return g.one("abs", "-", "sort", "timestamp", "round") + v()
	case 12:
		return g.one("max_over_time", "rate", "last_over_time", "count_over_time") + "(" + g.one("("+g.vector(depth-1)+")[3m:30s]", "a[2m]", `{__name__=~"a|b"}[2m]`) + ")"
	case 13:
		return "label_replace(" + g.vector(depth-1) + fmt.Sprintf(`, "%s", "%s", "%s", "%s")`, g.one("zone", "node", "other", "__name__"), g.one("$1", "x", ""), g.one("zone", "node"), g.one("(.*)", "[12x]", "x"))
	case 14:
		return "label_join(" + g.vector(depth-1) + fmt.Sprintf(`, "%s", "-", "%s", "nothing")`, g.one("zone", "other"), g.one("zone", "node"))
	}
	return g.selector()
}
