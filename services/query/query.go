// Package query serves weir's HTTP APIs: an internal listener for everything,
// administration included, and an external one that is read-only. It keeps no
// state of its own: every answer is asked for over NATS.
package query

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/nats-io/nats.go"

	"weir/pkg/httpserver"
	"weir/pkg/natshttp"
	"weir/pkg/read/readclient"
	"weir/pkg/schema"
	"weir/services/query/internal/alerterclient"
	"weir/services/query/internal/api"
	"weir/services/query/internal/promapi"
)

// DefaultHeartbeat is the interval at which Propeller's proplets say that they
// are alive.
const DefaultHeartbeat = 10 * time.Second

// intakeTimeout bounds what is passed on to ingest, which gives up before.
const intakeTimeout = 30 * time.Second

// Config says what the service serves, and where.
type Config struct {
	NATS         *nats.Conn // stays the caller's, who closes it after Stop
	Partition    int        // the partition whose aggregator is asked
	InternalAddr string     // host:port, port 0 for any; "" for no such listener
	ExternalAddr string     // the same; at least one of the two is needed
	Version      string
	Heartbeat    time.Duration // 0 is DefaultHeartbeat

	PromQL PromQL // limits of Prometheus' HTTP API

	// Metrics write what /metrics shows before the service's own metrics and
	// the tenants' numbers: those of the process and of the other services in
	// it. No two may write a metric of the same name; WriteMetrics of this App
	// must not be among them.
	Metrics []func(io.Writer)

	Logger *slog.Logger // nil for none
}

// App is the query service. Its methods are called once each, in the order
// New, Start, Stop.
type App struct {
	config   Config
	log      *slog.Logger
	own      *ownMetrics
	client   *readclient.Client
	alerter  *alerterclient.Client
	promql   *promapi.API
	internal *httpserver.Server // nil where there is no such listener
	external *httpserver.Server
}

// New checks the configuration. It returns all its faults at once.
func New(c Config) (*App, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if c.Heartbeat == 0 {
		c.Heartbeat = DefaultHeartbeat
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	client, err := readclient.New(c.NATS, c.Partition)
	if err != nil {
		return nil, fmt.Errorf("query: %w", err)
	}
	return &App{config: c, log: c.Logger, own: newOwnMetrics(), client: client, alerter: alerterclient.New(c.NATS)}, nil
}

func (c *Config) check() error {
	var faults []error
	fault := func(bad bool, text string) {
		if bad {
			faults = append(faults, errors.New("query: "+text))
		}
	}
	fault(c.NATS == nil, "a NATS connection is needed")
	fault(c.Partition < 0, "the partition must not be negative")
	fault(c.InternalAddr == "" && c.ExternalAddr == "", "an internal or an external address is needed")
	fault(c.Heartbeat < 0, "the heartbeat must not be negative")
	c.PromQL.check(fault)
	return errors.Join(faults...)
}

// Start listens and serves until Stop. With an error nothing is left listening.
func (a *App) Start(ctx context.Context) error {
	started := time.Now()
	var err error
	if a.promql, err = a.newPromQL(started); err != nil {
		return err
	}
	if a.internal, err = a.listen(ctx, api.Internal, a.config.InternalAddr, started); err != nil {
		return err
	}
	if a.external, err = a.listen(ctx, api.External, a.config.ExternalAddr, started); err != nil {
		err = errors.Join(err, a.internal.Stop(ctx))
		a.internal = nil
		return err
	}
	for name, s := range map[api.Listener]*httpserver.Server{api.Internal: a.internal, api.External: a.external} {
		s.Serve(func(err error) { a.log.Error("an HTTP listener ended", "listener", string(name), "error", err) })
	}
	a.warnOfOpenInternal()
	return nil
}

// listen opens a listener, nil where there is no address.
func (a *App) listen(ctx context.Context, l api.Listener, addr string, started time.Time) (*httpserver.Server, error) {
	if addr == "" {
		return nil, nil
	}
	var handler http.Handler = api.New(api.Config{
		Client: a.client, Now: time.Now, Started: started, Version: a.config.Version,
		Heartbeat: a.config.Heartbeat, Metrics: a.writeAllMetrics, Observer: a.observer(l),
		Alerter: a.alerter, Prometheus: a.promql, Intake: natshttp.Proxy(a.config.NATS, schema.IntakeHTTPSubject, "ingest", intakeTimeout),
	}, l)
	if l == api.Internal {
		handler = withProfiles(handler)
	}
	s, err := listen(ctx, l, addr, handler, a.log)
	if err != nil {
		return nil, fmt.Errorf("query: %w", err)
	}
	return s, nil
}

// warnOfOpenInternal warns of administration without authentication that other
// machines can reach.
func (a *App) warnOfOpenInternal() {
	if at, err := netip.ParseAddrPort(a.internal.Addr()); err == nil && !at.Addr().IsLoopback() {
		a.log.Warn("the internal listener is open to other machines: anyone who reaches it can reset metrics, replay dead letters, and change rules and silences", "addr", at.String())
	}
}

// observer tells the log and the metrics what a listener does.
func (a *App) observer(l api.Listener) api.Observer {
	log := a.log.With("listener", string(l))
	return api.Observer{
		Served: a.own.served,
		Failed: func(route string, err error) { log.Warn("request failed", "route", route, "error", err) },
		Panicked: func(route string, v any, stack []byte) {
			log.Error("handler panicked", "route", route, "panic", v, "stack", string(stack))
		},
	}
}

// InternalAddr returns the bound address of the internal listener after Start,
// "" where there is none.
func (a *App) InternalAddr() string { return a.internal.Addr() }

// ExternalAddr returns the bound address of the external listener after Start,
// "" where there is none.
func (a *App) ExternalAddr() string { return a.external.Addr() }

// Stop takes no new requests, lets those being served end until ctx does or
// StopTimeout is over, and then breaks them off.
func (a *App) Stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, StopTimeout)
	defer cancel()
	return stopBoth(ctx, a.internal, a.external)
}
