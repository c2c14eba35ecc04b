// Package evaluate evaluates rules: each group on its own schedule, over a
// reader of series, with package rule's verdicts going into the ledger.
package evaluate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/common/model"

	"weir/pkg/read/promread"
	"weir/services/alerter/internal/alert"
	"weir/services/alerter/internal/rule"
)

// DefaultInterval is how often a group is evaluated that does not say.
const DefaultInterval = time.Second

// DefaultResolveTimeout is Alertmanager's resolve_timeout.
const DefaultResolveTimeout = 5 * time.Minute

// Ledger holds what happened.
type Ledger interface {
	// Append stores events, all or none. If somebody else changed an alert since
	// it was read, the error is alert.ErrStale.
	Append(ctx context.Context, events ...alert.Event) error
	// Read shows the state, which f must neither keep nor change.
	Read(f func(*alert.State))
	// Refresh takes over what changed of alerts without being news.
	Refresh([]alert.Refresh)
}

// Recorder writes what recording rules compute into history.
type Recorder interface {
	// Record takes the values of series at a moment, and those that end there.
	Record(ctx context.Context, at time.Time, samples []rule.Sample, ended []model.LabelSet) error
}

// Config says what an Evaluator works with.
type Config struct {
	Ledger   Ledger
	Reader   promread.Reader
	Recorder Recorder
	Engine   promread.EngineConfig
	// Interval is that of groups that do not say; 0 is DefaultInterval.
	Interval    time.Duration
	ExternalURL string
	// ResolveTimeout is for how long an alert that was posted before an outage may
	// be posted again after it; nil is DefaultResolveTimeout.
	ResolveTimeout func() time.Duration
	// Heard reports whether what sources say arrives now, as far as that is known;
	// nil: always. It returns at once.
	Heard func() bool
	// Evaluated is told of each evaluation of a group. Optional.
	Evaluated func(Evaluation)
	Logger    *slog.Logger
}

// Evaluation is how one evaluation of a group went.
type Evaluation struct {
	Group  string // its key
	Rules  int
	Failed int // rules
	Took   time.Duration
	Missed int // evaluations that were left out before this one, as others took too long
}

// Evaluator evaluates groups of rules. Its methods may be called concurrently.
type Evaluator struct {
	cfg    Config
	engine *promread.Engine
	turns  *turns
	ctx    context.Context // ends when Stop gives up
	cancel context.CancelFunc
	work   sync.WaitGroup

	presence presence

	changing sync.Mutex // held while groups are swapped
	mu       sync.Mutex
	groups   []*group // in the order of Set
	stopped  bool
}

// New returns an Evaluator without rules; end it with Stop.
func New(cfg Config) *Evaluator {
	if cfg.Interval == 0 {
		cfg.Interval = DefaultInterval
	}
	if cfg.Engine.LookbackDelta == 0 {
		cfg.Engine.LookbackDelta = promread.DefaultEngine().LookbackDelta
	}
	if cfg.Engine.Timeout == 0 {
		cfg.Engine.Timeout = promread.DefaultEngine().Timeout
	}
	if cfg.ResolveTimeout == nil {
		cfg.ResolveTimeout = func() time.Duration { return DefaultResolveTimeout }
	}
	if cfg.Heard == nil {
		cfg.Heard = func() bool { return true }
	}
	if cfg.Evaluated == nil {
		cfg.Evaluated = func(Evaluation) {}
	}
	e := &Evaluator{cfg: cfg, engine: promread.NewEngine(cfg.Engine), turns: newTurns()}
	e.ctx, e.cancel = context.WithCancel(context.Background())
	e.presence.begin(cfg.Ledger, time.Now())
	e.work.Go(e.lookOn)
	return e
}

// Set makes these the groups that are evaluated. A group that is as it was goes
// on; a rule that is still there, by its key, keeps its alerts; the alerts of
// others are resolved, those of rules removed before this process began too. An
// error says that these could not be stored: nothing has changed then.
func (e *Evaluator) Set(ctx context.Context, groups []rule.Group) error {
	e.changing.Lock()
	defer e.changing.Unlock()
	if e.isStopped() {
		return context.Canceled
	}
	if _, err := e.listens(ctx); err != nil {
		return err
	}
	before := map[string]*group{}
	for _, g := range e.current() {
		before[g.Key] = g
	}
	now := make([]*group, len(groups))
	var fresh []*group
	for i := range groups {
		old := before[groups[i].Key]
		if old != nil && reflect.DeepEqual(*old.Group, groups[i]) {
			now[i] = old
			delete(before, groups[i].Key)
			continue
		}
		now[i] = newGroup(e, &groups[i])
		fresh = append(fresh, now[i])
	}
	// Whoever is replaced has ended before its alerts are looked at.
	for _, old := range before {
		old.stop()
	}
	err := e.remove(ctx, groups)
	for tries := 0; errors.Is(err, alert.ErrStale) && tries < 10; tries++ { // somebody acknowledged one meanwhile
		err = e.remove(ctx, groups)
	}
	if err != nil {
		for _, old := range before {
			old.start()
		}
		return err
	}
	e.endRecorded(ctx, before, fresh)
	goOn(before, fresh)
	e.mu.Lock()
	e.groups = now
	e.mu.Unlock()
	for _, g := range fresh {
		g.start()
	}
	return nil
}

// remove resolves the alerts of rules that are in no group.
func (e *Evaluator) remove(ctx context.Context, groups []rule.Group) error {
	kept := map[string]bool{"": true}
	for i := range groups {
		for _, r := range groups[i].Rules {
			kept[r.Key] = true
		}
	}
	var orphans []*alert.Alert
	e.cfg.Ledger.Read(func(s *alert.State) {
		for key, alerts := range s.ByRule {
			if !kept[key] {
				for _, a := range alerts {
					orphans = append(orphans, a)
				}
			}
		}
	})
	now := time.Now().UTC()
	if err := e.cfg.Ledger.Append(ctx, transitions(now, rule.Removed(orphans, now))...); err != nil {
		return fmt.Errorf("resolve the alerts of rules that were removed: %w", err)
	}
	return nil
}

// endRecorded ends the series of recording rules that are there no more. Those
// that are go on with what they recorded last.
func (e *Evaluator) endRecorded(ctx context.Context, before map[string]*group, fresh []*group) {
	previous := map[string][]rule.Sample{}
	for _, g := range before {
		for _, r := range g.rules {
			if len(r.previous) > 0 {
				previous[r.Key] = r.previous
			}
		}
	}
	for _, g := range fresh {
		for _, r := range g.rules {
			if r.Record {
				r.previous = previous[r.Key]
				delete(previous, r.Key)
			}
		}
	}
	var ended []model.LabelSet
	for _, samples := range previous {
		for _, s := range samples {
			ended = append(ended, s.Labels)
		}
	}
	if len(ended) == 0 || e.cfg.Recorder == nil {
		return
	}
	if err := e.cfg.Recorder.Record(ctx, time.Now(), nil, ended); err != nil {
		e.cfg.Logger.Warn("the series of recording rules that were removed were not ended", "error", err)
	}
}

// goOn lets rules that are still there know what they saw of their alerts.
func goOn(before map[string]*group, fresh []*group) {
	seen := map[string]map[alert.ID]time.Time{}
	for _, g := range before {
		for _, r := range g.rules {
			seen[r.Key] = r.seen
		}
	}
	for _, g := range fresh {
		for _, r := range g.rules {
			r.seen = seen[r.Key]
		}
	}
}

func (e *Evaluator) current() []*group {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.groups)
}

func (e *Evaluator) isStopped() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.stopped
}

// Stop begins no more evaluations and waits for those under way; when ctx ends
// they are broken off.
func (e *Evaluator) Stop(ctx context.Context) {
	e.mu.Lock()
	e.stopped = true
	e.mu.Unlock()
	broken := context.AfterFunc(ctx, e.cancel)
	e.changing.Lock()
	defer e.changing.Unlock()
	for _, g := range e.current() {
		g.stop()
	}
	broken()
	e.cancel()
	e.work.Wait()
}

func transitions(at time.Time, all []alert.Transition) []alert.Event {
	events := make([]alert.Event, len(all))
	for i := range all {
		events[i] = alert.Event{At: at, Transition: &all[i]}
	}
	return events
}
