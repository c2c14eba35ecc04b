// Package ingest is weir's way in: an MQTT broker and an HTTP server whose devices
// hear that a message was taken only when it is in the journal.
package ingest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"weir/pkg/journal"
	"weir/pkg/metrics"
	"weir/pkg/schema"
	"weir/services/ingest/internal/access"
	"weir/services/ingest/internal/broker"
	"weir/services/ingest/internal/intake"
	"weir/services/ingest/internal/puller"
	"weir/services/ingest/internal/sessions"
	"weir/services/ingest/internal/topics"
)

// DefaultMaxPayload is the largest payload that is not rejected, in bytes.
const DefaultMaxPayload = 256 << 10

// Users says who may connect, publish and subscribe.
type Users = access.Users

// LoadUsers reads a users file. All its faults are reported at once.
func LoadUsers(path string) (*Users, error) { return access.Load(path) }

// Config says how an ingest runs.
type Config struct {
	NATS       *nats.Conn
	Partition  int
	Replicas   int    // of the streams, when they are made; 0 is 1
	MQTTAddr   string // host:port, port 0 picks one
	IntakeAddr string // for what is pushed over HTTP; "" for no such listener: it comes over NATS only
	Users      *Users // nil: anyone may connect and push
	Sources    string // file of what is fetched and how topics are mapped; "" for none
	MaxPayload int    // bytes of an MQTT message, at most journal.MaxEntryBytes; 0 is DefaultMaxPayload
	Version    string
	Logger     *slog.Logger
	// LogLevel is what PUT /admin/log?level= sets: Logger's. nil: it cannot be set.
	LogLevel *slog.LevelVar
}

// App is an ingest.
type App struct {
	cfg       Config
	journal   *journal.Journal
	committer *journal.Committer[broker.Receipt]
	sessions  *sessions.Store
	topics    *topics.Table
	broker    *broker.Broker
	intake    *intake.Server
	puller    *puller.Puller
	pulls     *metrics.Set // the puller's
	service   micro.Service
	meter     *meter
	pulling   bool // the puller was started
	stop      sync.Once
	stopped   error
}

// New checks the configuration.
func New(cfg Config) (*App, error) {
	if cfg.MaxPayload == 0 {
		cfg.MaxPayload = DefaultMaxPayload
	}
	if cfg.MaxPayload < 0 || cfg.MaxPayload > journal.MaxEntryBytes {
		return nil, fmt.Errorf("the largest payload is %d bytes: it must be 1 to %d", cfg.MaxPayload, journal.MaxEntryBytes)
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	return &App{cfg: cfg, meter: newMeter(time.Now), topics: topics.New()}, nil
}

// Start opens the journal and serves devices. ctx bounds the start only.
func (a *App) Start(ctx context.Context) (err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Stop(ctx))
		}
	}()
	if a.journal, err = journal.Open(ctx, a.cfg.NATS, journal.Config{Partition: a.cfg.Partition, Replicas: a.cfg.Replicas}); err != nil {
		return err
	}
	a.journal.OnAppendError(a.appendFailed)
	if a.sessions, err = sessions.Open(ctx, a.cfg.NATS, a.cfg.Replicas, a.sessionFailed); err != nil {
		return err
	}
	a.committer = journal.NewCommitter(journal.CommitterConfig[broker.Receipt]{
		Appender:   a.journal,
		Writer:     "ingest-" + rand.Text(),
		Stored:     a.stored,
		Operations: a.meter.drain,
	})
	if err := a.startPulling(ctx); err != nil { // which says how topics are mapped
		return err
	}
	a.broker, err = broker.Start(ctx, broker.Config{
		Addr: a.cfg.MQTTAddr, Users: a.cfg.Users, MaxPayload: a.cfg.MaxPayload, Sessions: a.sessions, Topics: a.topics,
		Submit: a.submit, Disconnected: a.committer.Disconnected, Now: time.Now, Logger: a.cfg.Logger,
	})
	if err != nil {
		return err
	}
	a.meter.watch(a.broker.Stats, a.committer.Queued)
	if a.intake, err = a.newIntake().Serve(ctx, a.cfg.NATS, a.cfg.IntakeAddr, a.cfg.Logger); err != nil {
		return err
	}
	return a.serve()
}

// Stop takes no more messages, writes those it has taken, acknowledges them and
// ends. ctx bounds it. Only the first call counts; a failed Start has made it.
func (a *App) Stop(ctx context.Context) error {
	a.stop.Do(func() { a.stopped = a.end(ctx) })
	return a.stopped
}

func (a *App) end(ctx context.Context) error {
	var errs []error
	if a.service != nil {
		errs = append(errs, a.service.Stop())
	}
	if a.pulling {
		a.puller.Stop()
	}
	if a.broker != nil {
		a.broker.StopAccepting()
	}
	pushes := a.stopIntake(ctx)
	if a.committer != nil {
		errs = append(errs, a.committer.Close(ctx))
	}
	errs = append(errs, <-pushes)
	if a.broker != nil {
		errs = append(errs, a.broker.Stop(ctx))
	}
	if a.sessions != nil {
		a.sessions.Close()
	}
	return errors.Join(errs...)
}

// IntakeAddr returns the bound address of the HTTP listener, "" without one.
func (a *App) IntakeAddr() string { return a.intake.Addr() }

// MQTTAddr returns the bound address of the MQTT listener.
func (a *App) MQTTAddr() string { return a.broker.Addr() }

// WriteMetrics writes the ingest's own metrics as Prometheus text.
func (a *App) WriteMetrics(w io.Writer) {
	a.meter.set.Write(w)
	if a.pulls != nil {
		a.pulls.Write(w)
	}
}

func (a *App) submit(e journal.Entry[broker.Receipt]) error {
	err := a.committer.Submit(e)
	if err == nil {
		a.meter.received(&e.Event)
	}
	return err
}

// stored answers the devices whose events are on disk.
func (a *App) stored(entries []journal.Entry[broker.Receipt], seq uint64) {
	a.meter.frame(len(entries))
	for i := range entries {
		e := &entries[i]
		size := e.Ref.Answer(seq)
		if r := e.Event.Route; r != schema.RouteReplay && r != schema.RoutePull && r != schema.RouteRule { // received long ago, or asked for or said by us
			a.meter.answered(e.Tenant, e.Event.Received, size)
		}
	}
}

func (a *App) appendFailed(err error) {
	if a.meter.failed(err) {
		a.cfg.Logger.Error("the journal cannot be written; devices wait for their acknowledgements", "error", err)
	}
}

func (a *App) sessionFailed(err error) {
	a.cfg.Logger.Warn("the MQTT broker's memory was not written", "error", err)
}
