// Package app puts weir together: which services run in this process, what they
// need before them, and the order in which they start and stop.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/nats-io/nats.go"

	"weir/cmd/weir/internal/config"
	"weir/services/aggregator"
	"weir/services/alerter"
	"weir/services/ingest"
	"weir/services/query"
)

// StopTimeout bounds a stop: container platforms kill after 10 seconds.
const StopTimeout = 9 * time.Second

// partition is the one partition of a journal.
const partition = 0

// Config says what to run.
type Config struct {
	Settings config.Config
	Role     config.Role // All, Ingest, Aggregator, Query or Alerter
	Version  string
	Logger   *slog.Logger
	LogLevel *slog.LevelVar // the Logger's, which can be set while it runs; nil if it cannot
}

// App is one weir process. Use its methods from one goroutine.
type App struct {
	cfg     Config
	log     *slog.Logger
	stops   stopList
	connect func(ctx context.Context, name string) (*nats.Conn, error)
	failed  chan error

	nats       *nats.Conn  // of the service that was started last
	ingest     *ingest.App // nil where this process does not run it, as the next ones
	aggregator *aggregator.App
	alerter    *alerter.App
	query      *query.App
	status     *statusServer
}

// New returns an App that is not started.
func New(cfg Config) *App {
	return &App{cfg: cfg, log: cfg.Logger, stops: stopList{log: cfg.Logger}}
}

// Start starts everything that the role asks for and returns when it serves.
// When ctx ends before, or something fails, it stops what it had started.
// Afterwards ctx has no say any more: Stop ends the App in order.
func (a *App) Start(ctx context.Context) error {
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	a.stops.push("background work", func(context.Context) error { end(); return nil })
	release := context.AfterFunc(ctx, end)
	err := a.start(life)
	if !release() && err == nil {
		err = ctx.Err()
	}
	if err == nil {
		return nil
	}
	bound, cancel := context.WithTimeout(context.WithoutCancel(ctx), StopTimeout)
	defer cancel()
	return errors.Join(err, a.Stop(bound))
}

func (a *App) start(ctx context.Context) error {
	for _, step := range a.steps() {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// steps lists what a role starts, in order. What is written comes before what
// writes, and what asks comes last: so ingest never waits for a reader, and a
// stop, which goes the other way, folds what ingest let in last.
func (a *App) steps() []func(context.Context) error {
	type steps = []func(context.Context) error
	begin := steps{a.clearAddrFile, a.lockDataDir, a.startStatus, a.startJournal, a.openJournal}
	end := steps{a.publishAddrs}
	var services steps
	switch a.cfg.Role {
	case config.All:
		services = steps{a.startAggregator, a.startIngest, a.startAlerter, a.startQuery}
	case config.Ingest:
		services = steps{a.startIngest, a.showService}
	case config.Aggregator:
		services = steps{a.startAggregator, a.showService}
	case config.Query:
		// It keeps nothing and shows how the others do: it neither makes the journal
		// nor waits for NATS.
		begin, services = steps{a.clearAddrFile, a.startJournal}, steps{a.startQuery}
	case config.Alerter:
		services = steps{a.startAlerter, a.showService}
	default:
		panic("BUG: no services for " + a.cfg.Role.String())
	}
	return append(append(begin, services...), end...)
}

// Stop stops everything, the last started first. ctx bounds it.
func (a *App) Stop(ctx context.Context) error { return a.stops.stop(ctx) }

// Failed delivers the error after which going on makes no sense: the
// aggregator's or the alerter's. It may be nil, and so never deliver.
func (a *App) Failed() <-chan error { return a.failed }

// watch passes on the error of a service that cannot go on, the first one.
func (a *App) watch(ctx context.Context, name string, failed <-chan error) {
	if a.failed == nil {
		a.failed = make(chan error, 1)
	}
	to := a.failed
	go func() {
		select {
		case err := <-failed:
			select {
			case to <- fmt.Errorf("the %s cannot go on: %w", name, err):
			default: // another one was first
			}
		case <-ctx.Done():
		}
	}()
}

// Reload has the services read their files again: rules, Alertmanager's
// configuration, sources. What cannot be read changes nothing.
func (a *App) Reload(ctx context.Context) error {
	var errs []error
	if a.alerter != nil {
		errs = append(errs, a.alerter.Reload(ctx))
	}
	if a.ingest != nil {
		errs = append(errs, a.ingest.Reload(ctx))
	}
	return errors.Join(errs...)
}

// Addrs returns the bound addresses of a started App.
func (a *App) Addrs() Addrs {
	var addrs Addrs
	if a.ingest != nil {
		addrs.MQTT, addrs.Intake = a.ingest.MQTTAddr(), a.ingest.IntakeAddr()
	}
	if a.query != nil {
		addrs.Internal, addrs.External = a.query.InternalAddr(), a.query.ExternalAddr()
	}
	if a.status != nil {
		addrs.Internal = a.status.addr()
	}
	return addrs
}

// clearAddrFile removes what a killed process left: the file says "serving".
func (a *App) clearAddrFile(context.Context) error {
	if a.cfg.Settings.AddrFile == "" {
		return nil
	}
	return removeAddrFile(a.cfg.Settings.AddrFile)
}

func (a *App) publishAddrs(context.Context) error {
	path := a.cfg.Settings.AddrFile
	if path == "" {
		return nil
	}
	a.stops.push("address file", func(context.Context) error { return removeAddrFile(path) })
	return writeAddrFile(path, AddrFile{a.Addrs(), os.Getpid()})
}
