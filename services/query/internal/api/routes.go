package api

import (
	"net/http"

	"weir/services/query/internal/jsonappend"
)

// Who may use a route.
type Who string

// Everyone is both listeners, InternalOnly the internal one.
const (
	Everyone     Who = "everyone"
	InternalOnly Who = "internal"
)

// route is a row of the table of routes.
type route struct {
	method, path string
	query        string // a parameter that the route is for, as "reset=true"; "" for none
	who          Who
	changes      bool // it changes something
	serve        handler
	about        string
}

// routes is the table. Of the rows of one path and method the first that
// matches serves: those with a query stand before the one without.
var routes []route

// The table is filled here and not in its declaration because the index, one of
// its handlers, reads it.
func init() {
	routes = []route{
		{"GET", "/", "", Everyone, false, index, "this list"},

		{"GET", "/api/monitoring/resources", "", Everyone, false, resources, "SPORE nodes and their summary; ?at for a moment in the past, ?service, ?subservice, any other parameter is a label"},
		{"GET", "/api/monitoring/rollouts", "", Everyone, false, rollouts, "SPORE nodes compared by version, and before and after each change of it; ?from, ?to, ?label, ?service, ?subservice"},
		{"GET", "/tasks/{id}/metrics", "", Everyone, false, taskMetrics, "a task's readings, newest first; ?offset, ?limit, ?from, ?to, ?history_size, ?service, ?subservice"},
		{"GET", "/proplets", "", Everyone, false, proplets, "proplets; ?offset, ?limit, ?status=active|inactive, ?service, ?subservice"},
		{"GET", "/proplets/{id}", "", Everyone, false, proplet, "a proplet; ?service, ?subservice"},
		{"GET", "/proplets/{id}/metrics", "", Everyone, false, propletMetrics, "a proplet's readings, newest first; ?offset, ?limit, ?from, ?to, ?service, ?subservice"},

		{"GET", "/admin/metrics", "reset=true", InternalOnly, true, resetMetrics, "the tenants' operational metrics, which begin at 0 again; ?format=perseo"},
		{"GET", "/admin/metrics", "", Everyone, false, adminMetrics, "the tenants' operational metrics; ?format=perseo"},
		{"DELETE", "/admin/metrics", "", InternalOnly, true, deleteMetrics, "the tenants' operational metrics begin at 0 again"},

		{"GET", "/health", "", Everyone, false, health, "how the services do"},
		{"GET", "/network/stats", "", Everyone, false, networkStats, "sources, clients and bytes"},
		{"GET", "/metrics", "", Everyone, false, exposeMetrics, "the services' and the tenants' numbers, for Prometheus"},

		{"GET", "/api/deadletters", "", Everyone, false, deadLetters, "rejected events, newest first; ?offset, ?limit, ?service, ?subservice, ?reason"},
		{"GET", "/api/deadletters/{seq}", "", Everyone, false, deadLetter, "a rejected event"},
		{"POST", "/api/deadletters/{seq}/replay", "", InternalOnly, true, replay, "put a rejected event in again"},
		{"GET", "/api/accounting", "", Everyone, false, accounts, "what became of every event, by tenant"},
	}
}

// String returns "GET /admin/metrics?reset=true".
func (row *route) String() string {
	if row.query == "" {
		return row.method + " " + row.path
	}
	return row.method + " " + row.path + "?" + row.query
}

// matches reports whether the row serves a request on its path.
func (row *route) matches(r *http.Request) bool {
	method := r.Method
	if method == http.MethodHead && !row.changes {
		method = http.MethodGet
	}
	return method == row.method && (row.query == "" || hasParameter(r, row.query))
}

// hasParameter reports whether a request has a parameter "name=value" exactly.
func hasParameter(r *http.Request, parameter string) bool {
	for name, values := range r.URL.Query() {
		if len(values) > 0 && name+"="+values[0] == parameter {
			return true
		}
	}
	return false
}

// index answers with the routes of the listener:
//
//	{"name": "weir", "version": …, "routes": [{"method", "path", "about"}, …]}
func index(a *API, _ *http.Request, b []byte) (reply, error) {
	b = jsonappend.Field(append(b, '{'), "name", "weir")
	b = jsonappend.Field(b, "version", a.Version)
	b = append(jsonappend.Key(b, "routes"), '[')
	b = a.appendRoutes(b, routes)
	b = a.appendAlerter(b)
	b = a.appendIntake(b)
	b = a.appendPrometheus(b)
	return reply{body: append(b, "]}\n"...)}, nil
}

// appendRoutes appends those rows that the listener serves.
func (a *API) appendRoutes(b []byte, rows []route) []byte {
	for i := range rows {
		row := &rows[i]
		if row.who == InternalOnly && a.listener == External {
			continue
		}
		b = jsonappend.Field(append(jsonappend.Comma(b), '{'), "method", row.method)
		b = jsonappend.Field(b, "path", row.String()[len(row.method)+1:])
		b = append(jsonappend.Field(b, "about", row.about), '}')
	}
	return b
}
