package alerter

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	randmath "math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go/micro"

	"weir/pkg/journal"
	"weir/pkg/natshttp"
	"weir/pkg/read/promread"
	"weir/pkg/read/readclient"
	"weir/pkg/schema"
	"weir/services/alerter/internal/actions"
	"weir/services/alerter/internal/alert"
	"weir/services/alerter/internal/api"
	"weir/services/alerter/internal/components"
	"weir/services/alerter/internal/deliver"
	"weir/services/alerter/internal/evaluate"
	"weir/services/alerter/internal/ledger"
	"weir/services/alerter/internal/route"
	"weir/services/alerter/internal/rule"
)

// App is an alerter.
type App struct {
	cfg     Config
	started time.Time
	meter   *meter
	counts  counts

	ledger    *ledger.Ledger
	committer *journal.Committer[struct{}]
	client    *readclient.Client
	watched   *components.Watch
	evaluator *evaluate.Evaluator
	deliverer *deliver.Deliverer
	actions   *actions.Runner
	handler   http.Handler
	service   micro.Service
	stopHTTP  func(context.Context) error

	running atomic.Bool // all of these are there

	rulesChanged chan struct{} // holds a token when tenants' rules may have changed
	background   sync.WaitGroup
	end          context.CancelFunc // of what runs in the background
	failed       chan error
	stop         sync.Once
	stopped      error

	reloading   sync.Mutex // held while rules and routes are swapped
	tenantRules map[*alert.RuleChange]rule.Group

	mu          sync.Mutex
	files       *files
	routing     api.Routing
	logged      *route.Router // for transitions that go to the log; used under the ledger's lock alone
	read        [32]byte      // fingerprint of the files when they were read last
	configError error         // of the last reload
}

// New checks the configuration and reads the rules' and routes' files. The error
// lists all that is wrong with them.
func New(cfg Config) (*App, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	a := &App{cfg: cfg, started: time.Now(), rulesChanged: make(chan struct{}, 1), failed: make(chan error, 1), end: func() {}}
	a.meter = newMeter(a)
	a.read = fingerprint(&cfg)
	f, err := load(&cfg)
	if err != nil {
		return nil, err
	}
	a.files = f
	return a, nil
}

// Start opens the ledger, goes on where the alerter before it ended, and serves.
// ctx bounds the start only.
func (a *App) Start(ctx context.Context) (err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Stop(ctx))
		}
	}()
	setup, routing, err := a.prepare(a.files)
	if err != nil {
		return err
	}
	a.take(a.files, routing)
	if a.client, err = readclient.New(a.cfg.NATS, a.cfg.Partition); err != nil {
		return err
	}
	if err := a.openStreams(ctx); err != nil {
		return err
	}
	a.watched = components.NewWatch(ctx, a.checkComponents)
	a.evaluator = evaluate.New(evaluate.Config{
		Ledger: a.ledger, Recorder: &recorder{a.committer, time.Now},
		Reader:   &components.Reader{Watch: a.watched, Rest: promread.OverReadPort(a.client.ForRules())},
		Engine:   a.engine(),
		Interval: a.cfg.EvaluationInterval, ExternalURL: a.cfg.ExternalURL, Evaluated: a.meter.evaluated, Logger: a.cfg.Logger,
		Heard:          a.hears,
		ResolveTimeout: func() time.Duration { return a.currentRouting().ResolveTimeout },
	})
	a.deliverer = deliver.New(deliver.Config{
		Ledger: a.ledger, ExternalURL: a.cfg.ExternalURL, Chart: a.evaluator.Chart, Jitter: randmath.Float64,
		Attempted: a.meter.attempted, Logger: a.cfg.Logger,
	}, setup)
	a.actions = actions.New(actions.Config{
		Ledger: a.ledger, Counters: &a.counts, Settings: a.cfg.Actions, Mailer: mailers{a}, Attributes: a.attributes, ParseRule: rule.FromAPI,
		Client: &http.Client{}, Now: time.Now, Logger: a.cfg.Logger,
	})
	if err := a.evaluator.Set(ctx, slices.Concat(a.files.groups, a.tenantGroups())); err != nil {
		return err
	}
	a.running.Store(true)
	a.runBackground()
	return a.serve()
}

// openStreams opens the ledger and the journal.
func (a *App) openStreams(ctx context.Context) (err error) {
	a.ledger, err = ledger.Open(ctx, a.cfg.NATS, ledger.Config{Replicas: a.cfg.Replicas, Applied: a.applied, Degraded: a.degraded})
	if err != nil {
		return err
	}
	j, err := journal.Open(ctx, a.cfg.NATS, journal.Config{Partition: a.cfg.Partition, Replicas: a.cfg.Replicas})
	if err != nil {
		return err
	}
	a.committer = journal.NewCommitter(journal.CommitterConfig[struct{}]{
		Appender: j, Writer: "alerter-" + rand.Text(),
		Stored: func([]journal.Entry[struct{}], uint64) {}, Operations: a.counts.drain,
	})
	return nil
}

func (a *App) engine() promread.EngineConfig {
	return promread.EngineConfig{MaxSamples: a.cfg.QueryMaxSamples, Timeout: a.cfg.QueryTimeout,
		LookbackDelta: a.cfg.LookbackDelta, ExperimentalFunctions: a.cfg.ExperimentalFunctions}
}

// runBackground starts what goes on by itself.
func (a *App) runBackground() {
	ctx, cancel := context.WithCancel(context.Background())
	a.end = cancel
	a.background.Go(func() { a.watch(ctx) })
	a.background.Go(func() { a.followTenantRules(ctx) })
	a.background.Go(func() {
		changed, unsubscribe := a.ledger.Subscribe()
		defer unsubscribe()
		a.actions.Run(ctx, changed)
	})
	a.background.Go(func() {
		select {
		case err := <-a.ledger.Failed():
			a.failed <- err
		case <-ctx.Done():
		}
	})
}

// serve answers the other services.
func (a *App) serve() (err error) {
	a.handler = api.New(api.Config{
		Ledger: a.ledger, Routing: a.currentRouting, Groups: a.evaluator.Status, ParseRule: rule.FromAPI, Acknowledge: rule.Acknowledge,
		Reload: a.Reload, Actions: a.actions, Counters: &a.counts,
		Version: a.cfg.Version, Started: a.started, Now: time.Now, NewID: uuid.NewString,
	})
	if err := a.serveHealth(); err != nil {
		return err
	}
	a.stopHTTP, err = natshttp.Serve(a.cfg.NATS, schema.AlerterHTTPSubject, schema.AlerterService, a.handler, natshttp.Panicked(a.panicked))
	return err
}

// panicked logs that a request found a fault of ours; it was answered with 500.
func (a *App) panicked(r *http.Request, value any, stack []byte) {
	a.cfg.Logger.Error("BUG: a request made the alerter panic", "method", r.Method, "path", r.URL.Path, "panic", value, "stack", string(stack))
}

// underWay is for how long what is under way may go on once the alerter stops:
// answers, evaluations, notices. A receiver that never answers must not take the
// time in which what happened is stored, and others stop.
const underWay = 3 * time.Second

// Stop takes no more requests, ends evaluating, lets notices and actions under
// way end or breaks them off after a while, and stores what became of them. ctx
// bounds it. Only the first call counts; a failed Start has made it.
func (a *App) Stop(ctx context.Context) error {
	a.stop.Do(func() { a.stopped = a.endAll(ctx) })
	return a.stopped
}

func (a *App) endAll(ctx context.Context) error {
	var errs []error
	brief, cancel := context.WithTimeout(ctx, underWay)
	defer cancel()
	if a.stopHTTP != nil {
		errs = append(errs, a.stopHTTP(brief))
	}
	if a.service != nil {
		errs = append(errs, a.service.Stop())
	}
	a.end()
	if a.evaluator != nil {
		a.evaluator.Stop(brief)
	}
	if a.deliverer != nil {
		a.deliverer.Stop(brief)
	}
	a.background.Wait()
	if a.watched != nil {
		a.watched.Stop()
	}
	if a.committer != nil {
		errs = append(errs, a.committer.Close(ctx))
	}
	if a.ledger != nil {
		errs = append(errs, a.ledger.Close(ctx))
	}
	return errors.Join(errs...)
}

// Failed gets the error after which the alerter must not go on: another one has
// taken its ledger, or the ledger has lost what was stored in it.
func (a *App) Failed() <-chan error { return a.failed }

// Handler returns the alerter's HTTP API, the same that it serves over NATS. It
// is there once the alerter has started.
func (a *App) Handler() http.Handler { return a.handler }

// WriteMetrics writes the alerter's own metrics as Prometheus text.
func (a *App) WriteMetrics(w io.Writer) { a.meter.set.Write(w) }

func (a *App) currentRouting() api.Routing {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.routing
}
