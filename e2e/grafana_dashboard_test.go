package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

const grafanaDir = "../deployments/grafana"

// dashboard is what matters here of a dashboard's file.
type dashboard struct {
	file          string
	UID, Title    string
	SchemaVersion int
	Description   string
	Templating    struct{ List []variable }
	Panels        []panel
}

type variable struct {
	Name, Type string
	Datasource *datasource
	Query      json.RawMessage // text for a datasource, an object for a query
	Current    struct{ Value json.RawMessage }
	IncludeAll bool
	AllValue   string
}

type datasource struct{ Type, UID string }

type panel struct {
	ID                       int
	Type, Title, Description string
	GridPos                  struct{ X, Y, W, H int }
	Datasource               datasource
	FieldConfig              struct{ Defaults struct{ Unit string } }
	Targets                  []target
}

type target struct {
	RefID, Expr, LegendFormat, Format string
	Datasource                        datasource
	Instant, Range                    bool
}

// dashboards reads all of them.
func dashboards(t *testing.T) []dashboard {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(grafanaDir, "dashboards", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no dashboards in %s: %v", grafanaDir, err)
	}
	var all []dashboard
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		d := dashboard{file: filepath.Base(file)}
		if err := json.Unmarshal(data, &d); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all = append(all, d)
	}
	return all
}

// source is the uid of the data source that the dashboard chooses at first.
func (d *dashboard) source(t *testing.T) string {
	t.Helper()
	for _, v := range d.Templating.List {
		var uid string
		if v.Type == "datasource" && json.Unmarshal(v.Current.Value, &uid) == nil {
			return uid
		}
	}
	t.Fatalf("%s has no variable for its data source", d.file)
	return ""
}

// labelValues takes a variable's query apart: label_values(selector, label).
func (v *variable) labelValues(t *testing.T) (selector, label string) {
	t.Helper()
	var q struct{ Query string }
	if err := json.Unmarshal(v.Query, &q); err != nil {
		t.Fatalf("the query of the variable %s: %v", v.Name, err)
	}
	m := regexp.MustCompile(`^label_values\((.+), (\w+)\)$`).FindStringSubmatch(q.Query)
	if m == nil {
		t.Fatalf("the variable %s asks %q: expected label_values(selector, label)", v.Name, q.Query)
	}
	return m[1], m[2]
}

// timeIntervals reads the data sources' intervals, by uid, from what provisions
// them.
func timeIntervals(t *testing.T) map[string]time.Duration {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(grafanaDir, "provisioning", "datasources", "weir.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]time.Duration{}
	for _, m := range regexp.MustCompile(`(?s)uid: (\S+).*?timeInterval: (\S+)`).FindAllStringSubmatch(string(data), -1) {
		if all[m[1]], err = time.ParseDuration(m[2]); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// interpolate replaces the variables of an expression as Grafana does.
func interpolate(t *testing.T, expr string, values map[string]string) string {
	t.Helper()
	return regexp.MustCompile(`\$(\w+|\{\w+\})`).ReplaceAllStringFunc(expr, func(name string) string {
		value, ok := values[strings.Trim(name, "${}")]
		if !ok {
			t.Fatalf("%s uses %s, which is no variable", expr, name)
		}
		return value
	})
}

// alternatives is what Grafana makes of the chosen values of a variable, for a
// regular expression in a string of PromQL.
func alternatives(values []string) string {
	escape := func(v string) string {
		v = strings.ReplaceAll(v, `\`, `\\\\`)
		return regexp.MustCompile(`[$^*{}\[\]'+?.()|]`).ReplaceAllString(v, `\\$0`)
	}
	escaped := make([]string, len(values))
	for i, v := range values {
		escaped[i] = escape(v)
	}
	if len(escaped) == 1 {
		return escaped[0]
	}
	return "(" + strings.Join(escaped, "|") + ")"
}

func TestDashboardsAreWellFormed(t *testing.T) {
	uids := map[string]bool{}
	intervals := timeIntervals(t)
	types := []string{"row", "timeseries", "stat", "gauge", "bargauge", "state-timeline", "table"}
	for _, d := range dashboards(t) {
		t.Run(d.file, func(t *testing.T) {
			if d.UID == "" || uids[d.UID] || d.Title == "" || d.Description == "" || d.SchemaVersion != 39 {
				t.Errorf("uid %q, title %q, schema %d", d.UID, d.Title, d.SchemaVersion)
			}
			uids[d.UID] = true
			if intervals[d.source(t)] == 0 {
				t.Errorf("its data source %q is not provisioned with a timeInterval", d.source(t))
			}
			ids := map[int]bool{}
			for i, p := range d.Panels {
				if ids[p.ID] || p.Title == "" || !slices.Contains(types, p.Type) {
					t.Errorf("panel %d: id or type wrong, or no title: %+v", i, p)
				}
				ids[p.ID] = true
				checkPlace(t, d.Panels[:i], p)
				if p.Type != "row" {
					checkPanel(t, p)
				}
			}
			checkVariablesAreUsed(t, d)
		})
	}
}

func checkPlace(t *testing.T, before []panel, p panel) {
	t.Helper()
	g := p.GridPos
	if g.X < 0 || g.Y < 0 || g.W < 1 || g.H < 1 || g.X+g.W > 24 {
		t.Errorf("%q stands outside of the grid: %+v", p.Title, g)
	}
	for _, other := range before {
		o := other.GridPos
		if g.X < o.X+o.W && o.X < g.X+g.W && g.Y < o.Y+o.H && o.Y < g.Y+g.H {
			t.Errorf("%q stands on %q", p.Title, other.Title)
		}
	}
}

func checkPanel(t *testing.T, p panel) {
	t.Helper()
	ours := datasource{"prometheus", "${datasource}"}
	if p.Description == "" || p.FieldConfig.Defaults.Unit == "" || p.Datasource != ours || len(p.Targets) == 0 {
		t.Errorf("%q lacks its description, unit, data source or queries", p.Title)
	}
	refs := map[string]bool{}
	for _, q := range p.Targets {
		if refs[q.RefID] || q.Datasource != ours || q.Expr == "" || q.Instant == q.Range {
			t.Errorf("%q has a bad query: %+v", p.Title, q)
		}
		refs[q.RefID] = true
		if q.LegendFormat == "" && p.Type != "stat" && p.Type != "table" {
			t.Errorf("%q has a query without a legend", p.Title)
		}
	}
}

func checkVariablesAreUsed(t *testing.T, d dashboard) {
	t.Helper()
	text := fmt.Sprintf("%+v", d.Panels)
	for _, v := range d.Templating.List {
		if !strings.Contains(text, "$"+v.Name) && !strings.Contains(text, "${"+v.Name+"}") {
			t.Errorf("nothing uses the variable %s", v.Name)
		}
	}
}
