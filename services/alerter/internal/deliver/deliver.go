// Package deliver sends what route says is due. What is owed follows from the
// ledger at any moment, so nothing is queued here that a restart would lose, and
// the outcome of each attempt goes into the ledger before the next one.
//
// A receiver that has acknowledged a notice gets it again only if the process
// ended before the ledger knew: then with the same id.
package deliver

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"weir/services/alerter/internal/alert"
	"weir/services/alerter/internal/notify/notice"
	"weir/services/alerter/internal/quiet"
	"weir/services/alerter/internal/route"
)

// Ledger holds what happened.
type Ledger interface {
	// Append stores events. An error says that the ledger is at its end.
	Append(ctx context.Context, events ...alert.Event) error
	// Read shows the state, which f must neither keep nor change.
	Read(f func(*alert.State))
	// Subscribe returns a channel that holds a token when the state has changed.
	Subscribe() (changed <-chan struct{}, cancel func())
}

// Router says what is due. It is used by one goroutine.
type Router interface {
	Plan(s *alert.State, now time.Time) route.Plan
	Forgettable(s *alert.State, now time.Time) alert.Forgotten
}

// Setup is what a configuration makes of routes and receivers. The Router is the
// deliverer's own.
type Setup struct {
	Router       Router
	Integrations map[string][]notice.Integration // by receiver; a route.Due's Index counts in these
}

// Config says what a Deliverer works with.
type Config struct {
	Ledger      Ledger
	ExternalURL string // where people reach weir
	Chart       func(context.Context, *alert.Alert) (notice.Series, error)
	// Timeout bounds an attempt; 0 is DefaultTimeout.
	Timeout time.Duration
	// Jitter returns a random number in [0,1).
	Jitter func() float64
	// Attempted is told of each attempt, before it is stored. Optional.
	Attempted func(n *alert.Notice)
	Logger    *slog.Logger
}

const (
	// DefaultTimeout bounds an attempt.
	DefaultTimeout = 30 * time.Second

	housekeeping = time.Minute
	maxPause     = 500 * time.Millisecond // between two plans
	maxQueue     = 1024                   // notices that wait for one integration
	width        = 4                      // notices under way to one integration: of different groups

	// idsInEvent is how many alerts one event tells of: more would not fit.
	idsInEvent = 4000
)

// Deliverer sends what is due. Its methods may be called concurrently.
type Deliverer struct {
	cfg      Config
	ctx      context.Context // of attempts: ends when Stop gives up
	cancel   context.CancelFunc
	stopping chan struct{}
	done     chan struct{} // closed when nothing is planned any more
	setups   chan Setup
	wake     chan struct{} // holds a token when an attempt has ended
	work     sync.WaitGroup
	failures quiet.Failures // of integrations

	mu      sync.Mutex
	setup   Setup
	due     map[alert.NoticeKey]route.Due // by the latest plan
	busy    map[alert.NoticeKey]bool      // waits for its integration, or is being sent
	workers map[worker]chan alert.NoticeKey
	health  Health
}

// worker names the goroutines of an integration.
type worker struct{ receiver, integration string }

// Health says what is owed.
type Health struct {
	Owed    int               // notices whose time has come
	Failing []alert.NoticeKey // those of them whose last attempt failed; not to be changed
	Planned time.Time         // when that was
	Took    time.Duration     // by the planning
}

// New starts a Deliverer; end it with Stop.
func New(cfg Config, setup Setup) *Deliverer {
	if cfg.Timeout == 0 {
		cfg.Timeout = DefaultTimeout
	}
	if cfg.Attempted == nil {
		cfg.Attempted = func(*alert.Notice) {}
	}
	d := &Deliverer{cfg: cfg, setup: setup, stopping: make(chan struct{}), done: make(chan struct{}),
		setups: make(chan Setup), wake: make(chan struct{}, 1), busy: map[alert.NoticeKey]bool{},
		workers: map[worker]chan alert.NoticeKey{}}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	go d.run()
	return d
}

// Set takes a new configuration. Attempts under way end as they began.
func (d *Deliverer) Set(s Setup) {
	select {
	case d.setups <- s:
	case <-d.done:
	}
}

// Stop begins no more attempts and waits for those under way. When ctx ends they
// are broken off. The outcome of each is stored.
func (d *Deliverer) Stop(ctx context.Context) {
	close(d.stopping)
	<-d.done
	broken := context.AfterFunc(ctx, d.cancel)
	d.work.Wait()
	broken()
	d.cancel()
}

// Health returns what is owed.
func (d *Deliverer) Health() Health {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.health
}

// run plans whenever something may have become due.
func (d *Deliverer) run() {
	defer close(d.done)
	defer d.closeWorkers(func(worker) bool { return true })
	changed, cancel := d.cfg.Ledger.Subscribe()
	defer cancel()
	clean := time.NewTicker(housekeeping)
	defer clean.Stop()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-d.stopping:
			return
		case s := <-d.setups:
			d.take(s)
		case <-clean.C:
			d.forget()
			continue
		case <-changed:
		case <-d.wake:
		case <-timer.C:
		}
		timer.Reset(d.plan())
		d.pause()
	}
}

// pause lets changes gather while plans are expensive.
func (d *Deliverer) pause() {
	took := d.Health().Took
	if took < time.Millisecond {
		return
	}
	select {
	case <-time.After(min(2*took, maxPause)):
	case <-d.stopping:
	}
}

// soonest is how soon another plan is made that nothing but time has caused.
const soonest = time.Millisecond

// never is for when nothing will be due by itself: who changes something says so.
const never = time.Hour

// plan hands what is due to the integrations' workers and returns for how long
// nothing more will be.
func (d *Deliverer) plan() time.Duration {
	began := time.Now()
	var plan route.Plan
	d.cfg.Ledger.Read(func(s *alert.State) { plan = d.router().Plan(s, began) })
	due := make(map[alert.NoticeKey]route.Due, len(plan.Due))
	for i := range plan.Due {
		due[plan.Due[i].Key] = plan.Due[i]
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.due, d.health = due, Health{Owed: plan.Owed, Failing: plan.Failing, Planned: began, Took: time.Since(began)}
	for i := range plan.Due {
		d.offer(plan.Due[i].Key)
	}
	if plan.Next.IsZero() {
		return never
	}
	return min(max(time.Until(plan.Next), soonest), never)
}

func (d *Deliverer) router() Router {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.setup.Router
}

// offer gives a notice to its integration's worker, unless that has it already.
// One for which there is no room is offered again when the worker has got on.
func (d *Deliverer) offer(key alert.NoticeKey) {
	if d.busy[key] {
		return
	}
	name := worker{key.Receiver, key.Integration}
	queue := d.workers[name]
	if queue == nil {
		queue = make(chan alert.NoticeKey, maxQueue)
		d.workers[name] = queue
		for range width {
			d.work.Go(func() { d.serve(queue) })
		}
	}
	select {
	case queue <- key:
		d.busy[key] = true
	default:
	}
}

// take takes a configuration. Integrations that are not in it end.
func (d *Deliverer) take(s Setup) {
	d.mu.Lock()
	d.setup = s
	d.mu.Unlock()
	d.closeWorkers(func(w worker) bool { return len(s.Integrations[w.receiver]) == 0 })
}

func (d *Deliverer) closeWorkers(which func(worker) bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for name, queue := range d.workers {
		if which(name) {
			close(queue)
			delete(d.workers, name)
		}
	}
}

// forget drops from the ledger what nobody needs any more.
func (d *Deliverer) forget() {
	var f alert.Forgotten
	now := time.Now()
	d.cfg.Ledger.Read(func(s *alert.State) { f = d.router().Forgettable(s, now) })
	events := forgotten(now, f)
	if len(events) == 0 {
		return
	}
	d.work.Go(func() {
		if err := d.cfg.Ledger.Append(d.ctx, events...); err != nil {
			d.cfg.Logger.Warn("old alerts were not removed from the ledger", "error", err)
		}
	})
}
