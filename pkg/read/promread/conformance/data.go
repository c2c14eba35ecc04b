// Package conformance holds readings of a small fleet and PromQL expressions
// over them: what they give must be the same whether Prometheus' own storage
// holds the samples or this project does.
//
// Under testdata the readings lie as readings.csv, and what Prometheus' chunks
// give as expected.jsonl, a request a line, for a test of the whole system: it
// publishes the readings in the file's order, each with its own time, to a weir
// that keeps history for ever and has the experimental functions of PromQL on.
// The order matters for the last bits of sums and for which of several series
// an error names: series are added up in the order in which they began.
package conformance

import (
	_ "embed"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"

	"weir/pkg/schema"
)

// Base is the time of the first readings; the last are an hour later.
var Base = time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)

//go:embed expressions.txt
var expressions string

// Expressions returns the expressions of expressions.txt.
func Expressions() []string {
	return slices.DeleteFunc(strings.Split(expressions, "\n"), func(line string) bool {
		return line == "" || strings.HasPrefix(line, "#")
	})
}

// Fields are those that every reading has a value for.
var Fields = []schema.Field{
	schema.SporeCPUUsagePercent, schema.SporeCPUTemperatureC, schema.SporeCPUMeasurements,
	schema.SporeNetworkBytesSent, schema.SporeNetworkRSSI, schema.SporeNetworkSignalPercent,
	schema.SporeFlashUsedBytes, schema.SporeUptimeSeconds,
}

// Reading is one reading of a SPORE node.
type Reading struct {
	Tenant        schema.Tenant
	Node          string
	Zone, Version string        // labels; "" for none
	At            time.Duration // since Base
	Values        []float64     // in the order of Fields
}

// node is a member of the fleet. Durations are since Base.
type node struct {
	tenant   schema.Tenant
	name     string
	zone     string
	cadence  time.Duration
	jitter   time.Duration // at most so far from the cadence
	from, to time.Duration
	gapFrom  time.Duration
	gapTo    time.Duration // silent from gapFrom to before gapTo
	reboots  time.Duration // its counters begin anew every so often; 0 for never
	updated  time.Duration // another firmware version from here on; 0 for never
	constant bool
}

// version returns the firmware version at a time.
func (n *node) version(at time.Duration) string {
	if n.updated > 0 && at >= n.updated {
		return "1.3.0"
	}
	return "1.2.0"
}

func (n *node) silent(at time.Duration) bool { return at >= n.gapFrom && at < n.gapTo }

var (
	line1 = schema.Tenant{Service: "factory", Subservice: "line1"}
	line2 = schema.Tenant{Service: "factory", Subservice: "line2"}
	green = schema.Tenant{Service: "greenhouse", Subservice: schema.RootSubservice}
	north = schema.Tenant{Service: "greenhouse", Subservice: "north"}
)

// fleet has, one in each node, what makes reading series hard.
var fleet = []node{
	{tenant: line1, name: "n1", zone: "a", cadence: 15 * time.Second, to: time.Hour},
	{tenant: line1, name: "n2", zone: "b", cadence: 15 * time.Second, to: time.Hour, reboots: 25 * time.Minute},
	{tenant: line1, name: "n3", zone: "a", cadence: 15 * time.Second, to: time.Hour, updated: 30 * time.Minute},
	{tenant: line2, name: "n4", zone: "b", cadence: 15 * time.Second, to: time.Hour, gapFrom: 15 * time.Minute, gapTo: 35 * time.Minute},
	{tenant: line2, name: "n5", zone: "a", cadence: 15 * time.Second, to: time.Hour, jitter: 7 * time.Millisecond},
	{tenant: green, name: "n6", zone: "c", cadence: time.Minute, to: time.Hour},
	{tenant: green, name: "n7", zone: "c", cadence: 15 * time.Second, from: 20 * time.Minute, to: 45 * time.Minute},
	{tenant: north, name: "n8", cadence: 15 * time.Second, to: time.Hour, reboots: 4 * time.Minute, constant: true},
}

// Readings returns the fleet's readings, node by node, ascending in time.
func Readings() []Reading {
	var all []Reading
	for i := range fleet {
		n := &fleet[i]
		for at, k := n.from, 0; at <= n.to; at, k = at+n.cadence, k+1 {
			if !n.silent(at) {
				all = append(all, n.reading(i, k, at))
			}
		}
	}
	return all
}

func (n *node) reading(i, k int, at time.Duration) Reading {
	boot := n.from
	if n.reboots > 0 {
		boot = n.from + (at-n.from)/n.reboots*n.reboots
	}
	up := (at - boot).Seconds()
	wave := math.Sin(float64(k)/9 + float64(i)*1.7)
	cpu := cents(30 + 2.5*float64(i) + 20*wave)
	if n.constant {
		cpu = 12.5
	}
	rssi := math.Round(-60 - float64(i) - 8*wave)
	if n.jitter > 0 {
		at += time.Duration(k*k%15-7) * n.jitter / 7
		at = max(at, n.from)
	}
	return Reading{
		Tenant: n.tenant, Node: n.name, Zone: n.zone, Version: n.version(at), At: at,
		Values: []float64{
			cpu, cents(40 + float64(i) + 6*wave), math.Floor(up / 5), // measurements
			math.Floor(up * (120 + 10*float64(i))), rssi, 2 * (rssi + 100),
			float64(1_000_000*(i+1) + 37*k), up,
		},
	}
}

func cents(v float64) float64 { return math.Round(v*100) / 100 }

// The rule by which a silent series ends: after 2.5 of its intervals, but not
// before 30 s and not after 5 min.
func ends(cadence time.Duration) time.Duration {
	return min(max(5*cadence/2, 30*time.Second), 5*time.Minute)
}

// Series is a series' samples, staleness markers among them.
type Series struct {
	Labels labels.Labels
	T      []int64 // milliseconds
	V      []float64
}

func (s *Series) add(at time.Duration, v float64) {
	s.T, s.V = append(s.T, Base.Add(at).UnixMilli()), append(s.V, v)
}

var staleNaN = math.Float64frombits(value.StaleNaN)

// AllSeries returns the series that the readings make, ascending by labels.
func AllSeries() []Series {
	var all []Series
	readings := Readings()
	for i := range fleet {
		var own []Reading
		for _, r := range readings {
			if r.Node == fleet[i].name {
				own = append(own, r)
			}
		}
		for f := range Fields {
			all = append(all, fleet[i].series(own, f)...)
		}
	}
	slices.SortFunc(all, func(a, b Series) int { return labels.Compare(a.Labels, b.Labels) })
	return all
}

// series returns the series of one field: one for each version.
func (n *node) series(readings []Reading, field int) (all []Series) {
	limit := ends(n.cadence)
	for i, r := range readings {
		if i == 0 || r.Version != readings[i-1].Version {
			if i > 0 {
				all[len(all)-1].add(r.At, staleNaN)
			}
			all = append(all, Series{Labels: r.labels(field)})
		}
		s := &all[len(all)-1]
		s.add(r.At, r.Values[field])
		if i+1 == len(readings) || readings[i+1].At-r.At > limit {
			s.add(r.At+limit, staleNaN)
		}
	}
	return all
}

func (r *Reading) labels(field int) labels.Labels {
	return labels.FromMap(withoutEmpty(map[string]string{
		model.MetricNameLabel: info(Fields[field]).Name, "service": r.Tenant.Service, "subservice": r.Tenant.Subservice,
		"node": r.Node, "zone": r.Zone, "version": r.Version,
	}))
}

func withoutEmpty(m map[string]string) map[string]string {
	for name, v := range m {
		if v == "" {
			delete(m, name)
		}
	}
	return m
}

// info returns the table's row of a field.
func info(f schema.Field) *schema.FieldInfo {
	i := slices.IndexFunc(schema.Fields, func(row schema.FieldInfo) bool { return row.Field == f })
	if i < 0 {
		panic(fmt.Sprintf("BUG: no field %d", f))
	}
	return &schema.Fields[i]
}

// Evaluation is a query's times. Start equal to End is an instant query.
type Evaluation struct {
	Start, End time.Duration // since Base
	Step       time.Duration
}

// Evaluations are the times at which the expressions are compared.
var Evaluations = []Evaluation{
	{Start: 50 * time.Minute, End: 50 * time.Minute},
	{Start: 30 * time.Minute, End: 30 * time.Minute},
	{Start: 25*time.Minute + 7123*time.Millisecond, End: 25*time.Minute + 7123*time.Millisecond},
	{Start: 61 * time.Minute, End: 61 * time.Minute},
	{Start: 10 * time.Minute, End: time.Hour, Step: 10 * time.Minute},
	{Start: 0, End: 70 * time.Minute, Step: time.Minute},
	{Start: 14 * time.Minute, End: 16 * time.Minute, Step: time.Second},
	{Start: 44*time.Minute + time.Millisecond, End: 46 * time.Minute, Step: 7 * time.Second},
	{Start: 20 * time.Minute, End: 20 * time.Minute, Step: time.Minute},
}
