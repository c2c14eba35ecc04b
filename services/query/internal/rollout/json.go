package rollout

import (
	"time"

	"weir/services/query/internal/jsonappend"
)

// Window is the time that is compared: From is exclusive, To inclusive, as in a
// range of PromQL. Unix milliseconds.
type Window struct{ From, To int64 }

// Append appends the answer of GET /api/monitoring/rollouts and a newline. All
// times are RFC 3339, UTC:
//
//	{"from", "to", "label": "version",
//	 "versions": [{"version", "nodes": n, "first_seen", "last_seen", "alerts": n,
//	   "metrics": {"spore_node_cpu_usage_percent": {"mean", "p95", "count"}, …}}, …],
//	 "changes": [{"from", "to", "nodes": n, "first", "last", "alerts": {"before": n, "after": n},
//	   "metrics": {"spore_node_cpu_usage_percent": {"before": {…}, "after": {…}, "difference"}, …}}, …]}
//
// A version is a value of the label; nodes without the label are in none.
// versions are in their order, 1.9 before 1.10; first_seen and last_seen are of
// readings in the window.
//
// A change is what nodes did that were seen under one version and next under
// another, both in the window; first and last are when the first and the last of
// them was first seen under the new one. before is over the readings of these
// nodes from when they last began to run the old version until the change, after
// over those from the change until they change again, as far as the window goes.
// difference is after's mean less before's, absent where one of the two is.
// A node that changes twice is in both changes; one that changes back and forth
// is counted once in each.
//
// The metrics are named as the series that they sum up. With the window w at the
// time to, for all samples of all nodes of a version together,
//
//	mean   sum by (version) (sum_over_time(M[w])) / sum by (version) (count_over_time(M[w]))
//	count  sum by (version) (count_over_time(M[w]))
//	p95    quantile_over_time(0.95, M[w]) for one node; for several by the same
//	       rule over the samples of all, which PromQL cannot pool
//
// "restarts" is by node: mean is of the nodes' numbers, count the number of
// nodes that tell. A node restarted when its spore_node_uptime_seconds fell, or,
// if it does not have that, its spore_node_network_sent_bytes_total: resets().
// What restarts a node when it changes its version is in neither of the two.
// A metric without samples is absent: absent is not 0.
//
// alerts are those that began to fire in the window and name one of the nodes
// and the version, or the node alone, which then ran the version: of a version
// those of its nodes; of a change those of its nodes under the old version, from
// when they last began to run it, and under the new one until they change again.
// It is absent where the alerter cannot be asked.
func Append(b []byte, label string, w Window, r Report) []byte {
	b = jsonappend.Field(append(b, '{'), "from", stamp(w.From))
	b = jsonappend.Field(b, "to", stamp(w.To))
	b = jsonappend.Field(b, "label", label)
	b = append(jsonappend.Key(b, "versions"), '[')
	for i := range r.Versions {
		b = r.Versions[i].append(jsonappend.Comma(b), r.Alerts)
	}
	b = append(jsonappend.Key(append(b, ']'), "changes"), '[')
	for i := range r.Changes {
		b = r.Changes[i].append(jsonappend.Comma(b), r.Alerts)
	}
	return append(b, "]}\n"...)
}

func (v *Version) append(b []byte, alerts bool) []byte {
	b = jsonappend.Field(append(b, '{'), "version", v.Version)
	b = jsonappend.Int(b, "nodes", int64(v.Nodes))
	b = jsonappend.Field(b, "first_seen", stamp(v.First))
	b = jsonappend.Field(b, "last_seen", stamp(v.Last))
	if alerts {
		b = jsonappend.Int(b, "alerts", int64(v.Alerts))
	}
	b = append(jsonappend.Key(b, "metrics"), '{')
	for _, m := range v.Metrics {
		b = m.append(jsonappend.Key(b, m.Name))
	}
	return append(b, '}', '}')
}

func (c *Change) append(b []byte, alerts bool) []byte {
	b = jsonappend.Field(append(b, '{'), "from", c.From)
	b = jsonappend.Field(b, "to", c.To)
	b = jsonappend.Int(b, "nodes", int64(c.Nodes))
	b = jsonappend.Field(b, "first", stamp(c.First))
	b = jsonappend.Field(b, "last", stamp(c.Last))
	if alerts {
		b = append(jsonappend.Key(b, "alerts"), '{')
		b = jsonappend.Int(b, "before", int64(c.AlertsBefore))
		b = append(jsonappend.Int(b, "after", int64(c.AlertsAfter)), '}')
	}
	b = append(jsonappend.Key(b, "metrics"), '{')
	for i := range c.Metrics {
		b = c.Metrics[i].append(jsonappend.Key(b, c.Metrics[i].Name))
	}
	return append(b, '}', '}')
}

func (d *Difference) append(b []byte) []byte {
	b = append(b, '{')
	if d.Before.Count > 0 {
		b = d.Before.append(jsonappend.Key(b, "before"))
	}
	if d.After.Count > 0 {
		b = d.After.append(jsonappend.Key(b, "after"))
	}
	if d.Before.Count > 0 && d.After.Count > 0 {
		b = jsonappend.Float(b, "difference", finite(d.After.Mean-d.Before.Mean))
	}
	return append(b, '}')
}

func (s Stats) append(b []byte) []byte {
	b = jsonappend.Float(append(b, '{'), "mean", s.Mean)
	b = jsonappend.Float(b, "p95", s.P95)
	b = jsonappend.Uint(b, "count", s.Count)
	return append(b, '}')
}

func stamp(unixMilli int64) string {
	return time.UnixMilli(unixMilli).UTC().Format(time.RFC3339Nano)
}
