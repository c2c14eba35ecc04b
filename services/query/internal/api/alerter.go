package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"weir/pkg/schema"
	"weir/services/query/internal/alerterclient"
)

// Alerter is what the handlers ask of the alerter. Its errors are those of
// alerterclient.
type Alerter interface {
	http.Handler // passes a request on

	Health(ctx context.Context) (schema.AlerterHealth, error)
	// Seen reports whether the alerter ever answered.
	Seen() bool
	// Firings returns when which alerts began to fire, after from and not after
	// to, unix milliseconds.
	Firings(ctx context.Context, from, to int64) ([]schema.AlertTransition, error)
}

var _ Alerter = (*alerterclient.Client)(nil)

// alerterRoutes are the routes that the alerter serves, with all that lies
// below a path that ends in "/". The rows of one path must differ in the method.
var alerterRoutes = []route{
	{"GET", "/rules", "", Everyone, false, nil, "the tenant's rules, as Perseo has them; ?limit, ?offset, ?options=count"},
	{"POST", "/rules", "", InternalOnly, true, nil, "make a rule for the tenant"},
	{"GET", "/rules/{name}", "", Everyone, false, nil, "a rule of the tenant"},
	{"PUT", "/rules/{name}", "", InternalOnly, true, nil, "change a rule of the tenant"},
	{"DELETE", "/rules/{name}", "", InternalOnly, true, nil, "delete a rule of the tenant"},
	{"POST", "/actions/do", "", InternalOnly, true, nil, "carry out a rule's action, as Perseo does"},

	{"GET", "/api/v2/", "", Everyone, false, nil, "Alertmanager's API: alerts, alerts/groups, silences, silence/{id}, receivers, status"},
	{"POST", "/api/v2/", "", InternalOnly, true, nil, "Alertmanager's API: alerts, silences"},
	{"DELETE", "/api/v2/", "", InternalOnly, true, nil, "Alertmanager's API: silence/{id}"},

	{"GET", "/api/alerts/", "", Everyone, false, nil, "what became of alerts: history"},
	{"POST", "/api/alerts/", "", InternalOnly, true, nil, "acknowledge an alert: {fingerprint}/ack"},
	{"GET", "/graph", "", Everyone, false, nil, "what an alert's generatorURL leads to: its expression's value now; ?g0.expr"},
	{"POST", "/-/reload", "", InternalOnly, true, nil, "read the rules and the routing anew"},
	{"PUT", "/-/reload", "", InternalOnly, true, nil, "the same"},
}

// ListenerHeader tells the alerter on which listener a request came in. Without
// it a request is of one of weir's services.
const ListenerHeader = "Weir-Listener"

// mountAlerter serves the alerter's routes beside those of the table.
func (a *API) mountAlerter() {
	if a.Alerter == nil {
		return
	}
	a.mountPassed(alerterRoutes, a.pass)
}

// mountPassed serves routes whose requests are passed on, each path's by what
// handler returns for it.
func (a *API) mountPassed(table []route, handler func(path string) http.Handler) {
	paths := map[string][]*route{}
	for i := range table {
		paths[table[i].path] = append(paths[table[i].path], &table[i])
	}
	for path, rows := range paths {
		refuse := a.serve(path, func(a *API, r *http.Request, _ []byte) (reply, error) { return a.refusal(rows, r) })
		pass := a.watch(path, handler(path))
		a.mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			if _, err := a.refusal(rows, r); err != nil {
				refuse(w, r)
				return
			}
			pass.ServeHTTP(w, r)
		})
	}
}

// refusal returns why the rows of a path do not serve a request, nil if one does.
func (a *API) refusal(rows []*route, r *http.Request) (reply, error) {
	i := slices.IndexFunc(rows, func(row *route) bool { return row.matches(r) })
	if i < 0 {
		return a.wrongMethod(rows, r)
	}
	return reply{}, a.mayUse(rows[i], r)
}

// pass passes a request on, and tells the observer where that failed.
func (a *API) pass(path string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Set(ListenerHeader, string(a.listener))
		seen := &watcher{ResponseWriter: w}
		a.Alerter.ServeHTTP(seen, r)
		if code := seen.status(); code >= 500 {
			a.Observer.Failed(path, fmt.Errorf("the alerter's answer has the status %d", code))
		}
	})
}

// appendAlerter appends the alerter's routes to the index.
func (a *API) appendAlerter(b []byte) []byte {
	if a.Alerter == nil {
		return b
	}
	return a.appendRoutes(b, alerterRoutes)
}
