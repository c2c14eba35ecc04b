package e2e

import (
	"fmt"
	"iter"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"weir/devices/loadgen"
	"weir/devices/sinks"
)

// promSource is what a dashboard asks: something with Prometheus' API.
type promSource interface {
	query(expr string, at time.Time) ([]answered, error)
	queryRange(expr string, from, to time.Time, step time.Duration) ([]answered, error)
	labelValues(label, selector string, from, to time.Time) ([]string, error)
}

// answered is a series of an answer.
type answered struct {
	labels map[string]string
	values []float64
}

// TestEveryQueryOfTheDashboardsHasData has a fleet of every kind send for more
// than an hour, in time that is past, and then asks all that the dashboards ask.
func TestEveryQueryOfTheDashboardsHasData(t *testing.T) {
	hook := sinks.NewWebhook()
	p := start(t, t.TempDir(), "--alertmanager-config", write(t, "alertmanager.yml",
		"route: {receiver: hook, group_wait: 0s}\nreceivers: [{name: hook, webhook_configs: [{url: '"+serveSink(t, hook)+"'}]}]\n"))
	if _, err := hook.Wait(t.Context(), sinks.AtLeast(1)); err != nil { // the heartbeat: notices are counted from now on
		t.Fatal(err)
	}
	to := time.Now().Truncate(fleetStep)
	from := to.Add(-time.Hour)
	p.backfill(fleet(from.Add(-5*time.Minute), to), from.Add(-5*time.Minute), to)
	sources := map[string]promSource{
		"weir":         weirSource{p},
		"weir-metrics": newScrapeSource(p.scrapeOften(to)),
	}
	intervals := timeIntervals(t)
	for _, d := range dashboards(t) {
		uid := d.source(t)
		for _, all := range []bool{true, false} {
			v := view{d, sources[uid], intervals[uid], from, to}
			t.Run(fmt.Sprintf("%s, all by one word %v", d.file, all), func(t *testing.T) { v.check(t, all) })
		}
	}
}

// backfill publishes what the members have sent, and waits until it is folded.
func (p *process) backfill(members []member, begin, end time.Time) {
	p.t.Helper()
	var lanes []iter.Seq[loadgen.Message]
	var n uint64
	for _, m := range members {
		lanes = append(lanes, m.messages(begin, end))
		n += m.count(begin, end)
	}
	if _, err := loadgen.Backfill(p.t.Context(), loadgen.BackfillConfig{Addr: p.MQTT, Lanes: lanes}, nil); err != nil {
		p.t.Fatal(err)
	}
	if acc := p.settled(n); acc.Sum.Applied != n {
		p.t.Fatalf("%d messages were sent: %+v", n, acc.Sum)
	}
}

// scrapeOften scrapes /metrics as every 15 s until to, with good and bad
// messages and requests between two scrapes.
func (p *process) scrapeOften(to time.Time) scrapes {
	t := p.t.(*testing.T)
	t.Helper()
	const n, interval = 12, 15 * time.Second
	c := connect3(t, p.MQTT, "between-scrapes")
	all := scrapes{}
	before := p.settled(0).Sum.Received
	for i := range n {
		at := to.Add(-(n - 1 - time.Duration(i)) * interval)
		c.publish("spore/factory/hall-1/spore-a/resources", 1, []byte(`{"cpu":{"usage_percent":36}}`))
		c.publish("spore/farm/yard/spore-d/resources", 2, []byte(`{"cpu":`))
		p.get("/api/monitoring/resources?service=factory&subservice=hall-1")
		p.settled(before + uint64(2*(i+1)))
		all.add(t, p.get("/metrics").Body, at)
	}
	return all
}

// view is a dashboard that is looked at.
type view struct {
	dashboard
	source   promSource
	interval time.Duration // the data source's timeInterval
	from, to time.Time
}

// statsOfTheFleet are what the panels of one number show of the fleet.
var statsOfTheFleet = map[string]map[string]float64{
	"spore-fleet.json":     {"Nodes": 4, "Silent nodes": 1, "Weakest signal": 10},
	"propeller-tasks.json": {"Tasks": 2, "Tasks ended": 1, "Proplets": 2, "Disk": 2 * (4096 + 8192) / fleetStep.Seconds()},
	"datamgmt-nodes.json":  {"Nodes": 2, "Not healthy": 1, "Without blockchain": 1, "Fewest peers": 2},
}

func (v view) checkStats(t *testing.T, values map[string]string) {
	want := statsOfTheFleet[v.file]
	seen := 0
	for _, p := range v.Panels {
		value, ok := want[p.Title]
		if !ok || p.Type != "stat" {
			continue
		}
		seen++
		series, err := v.ask(p.Targets[0], interpolate(t, p.Targets[0].Expr, values))
		if err != nil || len(series) != 1 || len(series[0].values) != 1 || math.Abs(series[0].values[0]-value) > 1e-9*value {
			t.Errorf("%q shows %v, want %v: %v", p.Title, series, value, err)
		}
	}
	if seen != len(want) {
		t.Errorf("%d of %d panels are there", seen, len(want))
	}
}

// check asks the variables' values and then every panel's queries. With all,
// "All" is chosen of every variable; else every value that it has.
func (v view) check(t *testing.T, all bool) {
	values := v.globals()
	for _, one := range v.Templating.List {
		if one.Type == "datasource" {
			continue
		}
		selector, label := one.labelValues(t)
		found, err := v.source.labelValues(label, interpolate(t, selector, values), v.from, v.to)
		if err != nil || len(found) == 0 {
			t.Fatalf("the variable %s has the values %q: %v", one.Name, found, err)
		}
		values[one.Name] = alternatives(found)
		if all && one.AllValue != "" {
			values[one.Name] = one.AllValue
		}
	}
	if all {
		v.checkStats(t, values)
	}
	for _, p := range v.Panels {
		for _, q := range p.Targets {
			t.Run(p.Title+" "+q.RefID, func(t *testing.T) { v.checkQuery(t, q, interpolate(t, q.Expr, values)) })
		}
	}
}

// globals are Grafana's own variables for panels 1000 pixels wide.
func (v view) globals() map[string]string {
	length := v.to.Sub(v.from)
	step := max(v.interval, length/1000)
	rate := max(step+v.interval, 4*v.interval)
	seconds := func(d time.Duration) string { return strconv.Itoa(int(d.Seconds())) }
	return map[string]string{
		"__interval": seconds(step) + "s", "__rate_interval": seconds(rate) + "s",
		"__range": seconds(length) + "s", "__range_s": seconds(length),
	}
}

// fallback is what counts of what may not be end in, so as to be 0 then.
const fallback = " or vector(0)"

func (v view) checkQuery(t *testing.T, q target, expr string) {
	if _, err := v.ask(q, expr); err != nil {
		t.Fatalf("%s\nis refused: %v", expr, err)
	}
	expr = strings.TrimSuffix(expr, fallback)
	series, err := v.ask(q, expr)
	if err != nil || !anyValue(series) {
		t.Fatalf("%s\nhas no value in %v: %v", expr, series, err)
	}
	for _, m := range regexp.MustCompile(`\{\{(\w+)\}\}`).FindAllStringSubmatch(q.LegendFormat, -1) {
		if !anyHas(series, m[1]) {
			t.Errorf("%s\nthe legend shows %s, which no series has: %v", expr, m[1], series)
		}
	}
}

func (v view) ask(q target, expr string) ([]answered, error) {
	if q.Instant {
		return v.source.query(expr, v.to)
	}
	return v.source.queryRange(expr, v.from, v.to, v.interval)
}

func anyHas(series []answered, label string) bool {
	return slices.ContainsFunc(series, func(s answered) bool { return s.labels[label] != "" })
}

// anyValue reports whether there is a number that can be drawn.
func anyValue(series []answered) bool {
	return slices.ContainsFunc(series, func(s answered) bool {
		return slices.ContainsFunc(s.values, func(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) })
	})
}
