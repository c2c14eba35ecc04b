package promapi

import (
	"fmt"
	"net/http"
)

// route is a path with its handler.
type route struct {
	methods string // "GET, POST"; "*" for any
	path    string // as http.ServeMux has them
	about   string
	serve   handler
}

const (
	get     = "GET"
	getPost = "GET, POST"
	post    = "POST"
)

var routes = []route{
	{getPost, "/api/v1/query", "PromQL at an instant; ?query, ?time, ?timeout, ?limit, ?lookback_delta, ?stats", (*API).query},
	{getPost, "/api/v1/query_range", "PromQL over a range; ?query, ?start, ?end, ?step and as above", (*API).queryRange},
	{getPost, "/api/v1/query_exemplars", "no exemplars: an empty list", (*API).queryExemplars},
	{getPost, "/api/v1/format_query", "a PromQL expression, laid out; ?query", (*API).formatQuery},
	{getPost, "/api/v1/parse_query", "a PromQL expression's syntax tree; ?query", (*API).parseQuery},
	{getPost, "/api/v1/series", "series; ?match[], ?start, ?end, ?limit", (*API).series},
	{getPost, "/api/v1/labels", "labels' names; ?match[], ?start, ?end, ?limit", (*API).labelNames},
	{get, "/api/v1/label/{name}/values", "a label's values; ?match[], ?start, ?end, ?limit", (*API).labelValues},
	{get, "/api/v1/metadata", "metrics' types, units and meanings; ?metric, ?limit, ?limit_per_metric", (*API).metadata},
	{get, "/api/v1/rules", "rules; ?type, ?rule_name[], ?rule_group[], ?file[], ?match[], ?exclude_alerts", (*API).rules},
	{get, "/api/v1/alerts", "pending and firing alerts", (*API).alerts},
	{post, "/api/v1/read", "Prometheus' remote read, sampled", (*API).remoteRead},
	{get, "/api/v1/status/buildinfo", "version", (*API).buildInfo},
	{get, "/api/v1/status/runtimeinfo", "the process", (*API).runtimeInfo},
	{get, "/api/v1/status/flags", "limits of queries", (*API).flags},
	{get, "/api/v1/status/tsdb", "how many series there are of what; ?limit", (*API).tsdb},
	{get, "/federate", "series' latest samples as text, for Prometheus; ?match[]", (*API).federate},
}

// unknown answers for what has no route.
var unknown = route{"*", "/", "", func(_ *API, _ http.ResponseWriter, r *request) error {
	return &apiError{typ: errNotFound, err: fmt.Errorf("no such route: %s %s", r.Method, r.URL.Path)}
}}

// Route describes a route of the API.
type Route struct {
	Method string // "GET" or "GET, POST"
	Path   string // as http.ServeMux has them
	About  string
}

// Routes returns the routes that ServeHTTP serves. Any other path that comes to
// it is answered with 404.
func Routes() []Route {
	all := make([]Route, len(routes))
	for i := range routes {
		all[i] = Route{routes[i].methods, routes[i].path, routes[i].about}
	}
	return all
}
