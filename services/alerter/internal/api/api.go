// Package api is the alerter's HTTP API: Prometheus' rules and alerts,
// Alertmanager's API v2, Perseo's rules and actions, and the history of what
// was sent.
package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"sync"
	"time"

	"weir/pkg/schema"
	"weir/services/alerter/internal/actions"
	"weir/services/alerter/internal/alert"
	"weir/services/alerter/internal/evaluate"
	"weir/services/alerter/internal/route"
	"weir/services/alerter/internal/rule"
)

// Ledger holds what happened. Its methods may be called concurrently.
type Ledger interface {
	// Append stores events and applies them to the state. An error says that
	// they are neither stored nor applied; alert.ErrStale, that an alert is not
	// what a transition says it was.
	Append(ctx context.Context, events ...alert.Event) error
	// Read shows the state. f must neither keep nor change it; what the state's
	// maps and lists point to may be kept.
	Read(f func(*alert.State))
}

// Router says where alerts go to. It is *route.Router: one that nobody else
// uses, as its methods are called by one goroutine at a time.
type Router interface {
	Status(a *alert.Alert, s *alert.State, now time.Time) route.Status
	Groups(s *alert.State, now time.Time) []route.Group
}

// Routing is the configuration in force.
type Routing struct {
	Router         Router
	Receivers      []string      // their names, in the order of the file
	Original       string        // the text of the file, without its secrets
	ResolveTimeout time.Duration // after which an alert posted without an end is over
}

// Counters takes what serving tenants' transactions cost.
type Counters interface {
	Count(schema.Operations)
}

// Doer does the actions of a rule that somebody else says has fired. The errors
// that come at once are actions.ErrNoRuleName and actions.ErrLoop.
type Doer interface {
	Do(correlator string, tenant alert.Tenant, event actions.Event) error
}

// Config is what an API works with. All of its functions may be called
// concurrently.
type Config struct {
	Ledger  Ledger
	Routing func() Routing
	Groups  func() []evaluate.Status // the groups of rules in order, files' first

	// ParseRule reads a tenant's rule. It is rule.FromAPI: its errors are worded
	// as Perseo's.
	ParseRule func(tenant alert.Tenant, body json.RawMessage) (rule.Group, error)
	// Acknowledge returns the transition of an active alert that a person
	// acknowledged.
	Acknowledge func(a *alert.Alert, ack alert.Ack) alert.Transition
	// Reload reads rules and routes again; an error says why nothing changed.
	Reload   func(ctx context.Context) error
	Actions  Doer
	Counters Counters

	Version string
	Started time.Time
	Now     func() time.Time
	NewID   func() string // a new UUID
}

// api is the handler. What is read from the state to decide on an event and the
// event itself belong together: changing serialises the changes that come by
// this API.
type api struct {
	Config
	changing sync.Mutex
	routing  sync.Mutex // held while a Router is used
}

// maxBody is the longest body of a request that is read, in bytes.
const maxBody = 8 << 20

// New returns the handler of the alerter's routes. Whoever serves it adds
// access control: every route is open.
func New(c Config) http.Handler {
	a := &api{Config: c}
	mux := http.NewServeMux()
	handle := func(pattern string, f http.HandlerFunc) { mux.HandleFunc(pattern, f) }

	handle("GET "+schema.AlerterRulesPath, a.internalRules)
	handle("GET "+schema.AlerterAlertsPath, a.internalAlerts)
	handle("GET "+schema.AlerterTransitionsPath, a.internalTransitions)
	handle("GET /api/v1/rules", a.prometheusRules)
	handle("GET /api/v1/alerts", a.prometheusAlerts)

	for pattern, f := range map[string]http.HandlerFunc{
		"GET /api/v2/status":          a.status,
		"GET /api/v2/receivers":       a.receivers,
		"GET /api/v2/silences":        a.silences,
		"POST /api/v2/silences":       onlyJSON(a.postSilence),
		"GET /api/v2/silence/{id}":    a.silence,
		"DELETE /api/v2/silence/{id}": a.deleteSilence,
		"GET /api/v2/alerts":          a.alerts,
		"POST /api/v2/alerts":         onlyJSON(a.postAlerts),
		"GET /api/v2/alerts/groups":   a.groups,
	} {
		handle(pattern, noStore(f))
	}

	handle("GET /api/alerts/history", a.history)
	handle("POST /api/alerts/{fingerprint}/ack", onlyJSON(a.acknowledge))
	handle("GET /graph", graph)
	handle("POST /-/reload", a.reload)
	handle("PUT /-/reload", a.reload)

	handle("GET /rules", a.counted(a.listRules))
	handle("POST /rules", a.counted(a.createRule))
	handle("GET /rules/{name}", a.counted(a.getRule))
	handle("PUT /rules/{name}", a.counted(a.updateRule))
	handle("DELETE /rules/{name}", a.counted(a.deleteRule))
	handle("POST /actions/do", a.do)
	return limited(mux)
}

// staleTries is how often a change of alerts is worked out anew when others
// change the same alerts at the same time.
const staleTries = 5

// change appends the events that follow from the state.
func (a *api) change(ctx context.Context, events func(*alert.State) []alert.Event) error {
	a.changing.Lock()
	defer a.changing.Unlock()
	for try := 1; ; try++ {
		var all []alert.Event
		a.Ledger.Read(func(s *alert.State) { all = events(s) })
		if len(all) == 0 {
			return nil
		}
		err := a.Ledger.Append(ctx, all...)
		if !errors.Is(err, alert.ErrStale) || try == staleTries {
			return err
		}
	}
}

// limited bounds what is read of a request's body.
func limited(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		h.ServeHTTP(w, r)
	})
}

// onlyJSON refuses bodies of other types, as Alertmanager does: a page of
// somebody else's could have a browser send those.
func onlyJSON(f http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !isJSON(r) {
			refuse(w, http.StatusUnsupportedMediaType,
				fmt.Errorf("unsupported media type %q, only [application/json] are allowed", r.Header.Get("Content-Type")))
			return
		}
		f(w, r)
	}
}

func isJSON(r *http.Request) bool {
	t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && t == "application/json"
}

// noStore keeps answers out of caches, as Alertmanager does.
func noStore(f http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		f(w, r)
	}
}

// reload serves POST /-/reload.
func (a *api) reload(w http.ResponseWriter, r *http.Request) {
	if err := a.Reload(r.Context()); err != nil {
		http.Error(w, "failed to reload: "+err.Error(), http.StatusInternalServerError)
	}
}
