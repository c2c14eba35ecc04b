// Package propeller writes the documents of Propeller's manager API: the pages
// of metrics of a task and of a proplet, and the views of proplets.
package propeller

import (
	"time"

	"weir/pkg/schema"
	"weir/services/query/internal/fieldgroup"
	"weir/services/query/internal/jsonappend"
	"weir/services/query/internal/params"
)

var (
	taskMetrics    = fieldgroup.New(schema.KindTask, "metrics")
	taskAggregated = fieldgroup.New(schema.KindTask, "aggregated")
	propletCPU     = fieldgroup.New(schema.KindProplet, "cpu_metrics")
	propletMemory  = fieldgroup.New(schema.KindProplet, "memory_metrics")
)

// AppendTaskPage appends the answer of GET /tasks/{id}/metrics and a newline:
//
//	{"offset": …, "limit": …, "total": …, "metrics": [
//	  {"task_id", "proplet_id", "metrics": {…}, "aggregated": {…}, "timestamp": RFC 3339, UTC}, …]}
//
// The readings are shown in the order given, newest first. metrics and
// aggregated hold what the device sent, under the names of the manager's page
// whatever dialect it spoke; aggregated is absent where the reading had none.
func AppendTaskPage(b []byte, taskID string, page params.Page, readings []schema.StoredReading) []byte {
	b = openPage(b, page)
	for i := range readings {
		r := &readings[i]
		b = append(jsonappend.Comma(b), '{')
		b = jsonappend.Field(b, "task_id", taskID)
		b = jsonappend.Field(b, "proplet_id", r.Parent)
		b = taskMetrics.AppendAlways(b, r.Fields)
		b = taskAggregated.Append(b, r.Fields)
		b = jsonappend.Field(b, "timestamp", stamp(r.Time))
		b = append(b, '}')
	}
	return append(b, "]}\n"...)
}

// AppendPropletPage appends the answer of GET /proplets/{id}/metrics and a
// newline; its items are
//
//	{"proplet_id", "namespace", "timestamp": RFC 3339, UTC, "cpu_metrics": {…}, "memory_metrics": {…}}
//
// namespace is the one that the proplet gave last, absent if it gave none.
func AppendPropletPage(b []byte, propletID, namespace string, page params.Page, readings []schema.StoredReading) []byte {
	b = openPage(b, page)
	for i := range readings {
		r := &readings[i]
		b = append(jsonappend.Comma(b), '{')
		b = jsonappend.Field(b, "proplet_id", propletID)
		if namespace != "" {
			b = jsonappend.Field(b, "namespace", namespace)
		}
		b = jsonappend.Field(b, "timestamp", stamp(r.Time))
		b = propletCPU.Append(b, r.Fields)
		b = propletMemory.Append(b, r.Fields)
		b = append(b, '}')
	}
	return append(b, "]}\n"...)
}

func openPage(b []byte, page params.Page) []byte {
	b = page.Append(append(b, '{'))
	return append(jsonappend.Key(b, "metrics"), '[')
}

func stamp(unixNano int64) string {
	return time.Unix(0, unixNano).UTC().Format(time.RFC3339Nano)
}
