package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"weir/cmd/weir/internal/config"
	"weir/pkg/metrics"
	"weir/pkg/schema"
)

const (
	statusTimeout = 5 * time.Second
	healthTimeout = 2 * time.Second
)

// statusServer is the small HTTP server of a process that runs an ingest, an
// aggregator or an alerter alone: GET /health and GET /metrics, and what the
// alerter serves. It is there before the service, and says what that waits for.
type statusServer struct {
	serving  atomic.Bool // the service runs: what is below it in App may be read
	listener net.Listener
	server   *http.Server
}

// health is the answer of GET /health, in the shape that query's has.
type health struct {
	Status     string            `json:"status"` // healthy, degraded or unhealthy
	Error      string            `json:"error,omitempty"`
	Components map[string]string `json:"components"`
	Version    string            `json:"version"`
}

// startStatus serves how the single service does, from before it is connected.
func (a *App) startStatus(context.Context) error {
	if a.cfg.Role&(config.Ingest|config.Aggregator|config.Alerter) == 0 {
		return nil
	}
	listener, err := net.Listen("tcp", a.cfg.Settings.InternalAddr)
	if err != nil {
		return fmt.Errorf("listen for /health and /metrics: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", a.serveHealth)
	mux.HandleFunc("GET /metrics", a.serveMetrics)
	if a.cfg.Role == config.Alerter {
		mux.HandleFunc("/", a.serveAlerter)
	}
	server := &http.Server{
		Handler: mux, ReadTimeout: statusTimeout, WriteTimeout: 2 * statusTimeout, IdleTimeout: time.Minute,
	}
	a.status = &statusServer{listener: listener, server: server}
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			a.log.Error("the listener of /health and /metrics broke", "error", err)
		}
	}()
	a.stops.push("status listener", server.Shutdown)
	return nil
}

// showService has the status server ask the service, which runs now, until it is
// to stop.
func (a *App) showService(context.Context) error {
	a.status.serving.Store(true)
	a.stops.push("status of the service", func(context.Context) error { a.status.serving.Store(false); return nil })
	return nil
}

func (a *App) serveAlerter(w http.ResponseWriter, r *http.Request) {
	if !a.status.serving.Load() {
		http.Error(w, `{"error":"the alerter does not run yet"}`, http.StatusServiceUnavailable)
		return
	}
	a.alerter.Handler().ServeHTTP(w, r)
}

func (s *statusServer) addr() string { return s.listener.Addr().String() }

func (a *App) serveHealth(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), healthTimeout)
	defer cancel()
	h := a.health(ctx)
	h.Version = a.cfg.Version
	w.Header().Set("Content-Type", "application/json")
	if h.Status == "unhealthy" {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(h) // it fails where the asker has gone
}

// health asks the service of this process over NATS, as query does: an answer
// shows that the connection works too. While the service cannot do its work, it
// is unhealthy.
func (a *App) health(ctx context.Context) health {
	if !a.status.serving.Load() {
		return disconnected("it does not run: it waits for NATS at " + redacted(a.cfg.Settings.NATSURL) + ", or stops")
	}
	switch a.cfg.Role {
	case config.Ingest:
		return ask(ctx, a.nats, schema.IngestHealthSubject, ingestHealth)
	case config.Alerter:
		return ask(ctx, a.nats, schema.AlerterHealthSubject, alerterHealth)
	}
	return ask(ctx, a.nats, schema.ReadPortSubject(partition, schema.ReadHealth), aggregatorHealth)
}

func ask[T any](ctx context.Context, nc *nats.Conn, subject string, judge func(T) health) health {
	if !nc.IsConnected() {
		return disconnected("no connection to NATS")
	}
	msg, err := nc.RequestWithContext(ctx, subject, nil)
	if err != nil {
		return disconnected("it does not answer over NATS: " + err.Error())
	}
	var answer T
	if err := json.Unmarshal(msg.Data, &answer); err != nil {
		return disconnected("it does not answer as it should: " + err.Error())
	}
	return judge(answer)
}

func disconnected(problem string) health {
	return health{Status: "unhealthy", Error: problem, Components: map[string]string{"journal": "disconnected"}}
}

func ingestHealth(i schema.IngestHealth) health {
	h := health{Status: "healthy", Components: map[string]string{"broker": i.Broker, "journal": "connected"}}
	if i.Broker != "running" {
		h.fail("broker is " + i.Broker)
	}
	if i.JournalError != "" {
		h.Components["journal"] = "disconnected"
		h.fail("journal is disconnected: " + i.JournalError)
	}
	return h
}

func aggregatorHealth(g schema.AggregatorHealth) health {
	h := health{Status: "healthy", Components: map[string]string{"aggregator": "running", "journal": "connected", "store": "open"}}
	if g.JournalError != "" {
		h.Components["journal"] = "disconnected"
		h.fail("journal is disconnected: " + g.JournalError)
	}
	if g.StoreError != "" {
		h.Components["store"] = "failed"
		h.fail("store is failed: " + g.StoreError)
	}
	return h
}

// alerterHealth: an alerter that does not work as it should is degraded, and goes
// on: what it owes waits.
func alerterHealth(l schema.AlerterHealth) health {
	h := health{Status: "healthy", Components: map[string]string{"alerter": l.State}}
	if l.State != schema.AlerterRunning {
		h.Status = "degraded"
		h.Error = strings.Join(slices.DeleteFunc([]string{l.LedgerError, l.EvaluationError, l.NoticeError, l.ConfigError}, func(s string) bool { return s == "" }), "; ")
	}
	return h
}

func (h *health) fail(problem string) {
	h.Status = "unhealthy"
	if h.Error != "" {
		h.Error += "; "
	}
	h.Error += problem
}

func (a *App) serveMetrics(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	if !a.status.serving.Load() {
		metrics.WriteProcess(w)
		return
	}
	for _, write := range a.metrics() {
		write(w)
	}
}
