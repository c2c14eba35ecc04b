package evaluate_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"

	"weir/pkg/read/promread"
	"weir/pkg/read/promread/readtest"
	"weir/services/alerter/internal/alert"
	"weir/services/alerter/internal/amconfig"
	"weir/services/alerter/internal/deliver"
	"weir/services/alerter/internal/evaluate"
	"weir/services/alerter/internal/ledger"
	"weir/services/alerter/internal/ledger/ledgertest"
	"weir/services/alerter/internal/notify/notice"
	"weir/services/alerter/internal/route"
	"weir/services/alerter/internal/rule"
)

var discard = slog.New(slog.DiscardHandler)

// world is an alerter without its outer shell, in a synctest bubble: nodes that
// report a value every second, rules over them, routes and receivers.
type world struct {
	t         *testing.T
	began     time.Time
	series    *readtest.Memory
	stream    *ledgertest.Stream
	process   *process // the one that writes to the stream
	snapshots int      // messages between two
	ledger    *ledger.Ledger
	evaluator *evaluate.Evaluator
	deliverer *deliver.Deliverer
	rules     []rule.Group
	routes    *amconfig.Config
	options   route.Options
	recorded  recorder
	stopFeed  context.CancelFunc
	deaf      atomic.Bool // sources cannot be heard

	mu     sync.Mutex
	nodes  map[string]float64
	log    []string                            // what receivers were told
	answer func(receiver string) *notice.Error // what they answer; nil: they take it
	told   map[string]bool                     // "receiver: node=firing"
	seen   map[string]int                      // ids of messages that were acknowledged, by receiver
	died   map[string]bool                     // messages that were acknowledged, and the process died before that was stored
	acked  func() (dies bool)                  // asked when a message was acknowledged; nil: never
}

// inWorld runs f in a bubble with a world that has begun.
func inWorld(t *testing.T, rules, routes string, options route.Options, f func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, rules, routes, options)
		w.begin()
		f(w)
		w.end()
		w.stopFeed()
	})
}

func newWorld(t *testing.T, rules, routes string, options route.Options) *world {
	t.Helper()
	w := &world{t: t, began: time.Now(), series: readtest.New(), stream: ledgertest.NewStream(), options: options,
		nodes: map[string]float64{}, told: map[string]bool{}, seen: map[string]int{}, died: map[string]bool{}}
	w.rules = w.parse(rules)
	var err error
	if w.routes, err = amconfig.Parse([]byte(routes), ""); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	w.stopFeed = stop
	go w.feed(ctx)
	w.at(0)
	return w
}

func (w *world) parse(rules string) []rule.Group {
	w.t.Helper()
	groups, err := rule.Parse("rules.yml", []byte(rules))
	if err != nil {
		w.t.Fatal(err)
	}
	return groups
}

// begin starts an alerter on what the one before has left.
func (w *world) begin() {
	w.t.Helper()
	var err error
	w.process = &process{Stream: w.stream}
	if w.ledger, err = ledger.OpenStream(w.t.Context(), w.process, ledger.Config{SnapshotMessages: w.snapshots}); err != nil {
		w.t.Fatal(err)
	}
	w.ledger.Read(w.noteDeaths)
	w.deliverer = deliver.New(deliver.Config{Ledger: w.ledger, Jitter: func() float64 { return 0.5 }, Logger: discard}, w.setup(w.routes))
	w.evaluator = evaluate.New(evaluate.Config{Ledger: w.ledger, Reader: w.series, Recorder: &w.recorded, Logger: discard,
		Heard: func() bool { return !w.deaf.Load() }})
	if err := w.evaluator.Set(w.t.Context(), w.rules); err != nil {
		w.t.Fatal(err)
	}
}

// noteDeaths notes which messages were acknowledged without the ledger knowing:
// these may come again.
func (w *world) noteDeaths(s *alert.State) {
	w.mu.Lock()
	defer w.mu.Unlock()
	known := map[string]bool{}
	for _, e := range s.Latest() {
		if e.Notice != nil && e.Notice.Outcome == alert.Sent {
			known[e.Notice.Receiver+" "+e.Notice.ID] = true
		}
	}
	for message := range w.seen {
		w.died[message] = w.died[message] || !known[message]
	}
}

// end stops the alerter.
func (w *world) end() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	w.evaluator.Stop(ctx)
	w.deliverer.Stop(ctx)
	if err := w.ledger.Close(ctx); err != nil {
		w.t.Error(err)
	}
}

// kill ends the alerter as kill -9 does: nothing that it still does has any
// effect.
func (w *world) kill() {
	w.process.die()
	w.evaluator.Stop(ended())
	w.deliverer.Stop(ended())
	_ = w.ledger.Close(ended())
}

func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// process is how a process sees the stream: once it is dead, it cannot change it
// any more.
type process struct {
	*ledgertest.Stream
	dead atomic.Bool
}

func (p *process) die() { p.dead.Store(true) }

// Publish is ledger.Stream's.
func (p *process) Publish(ctx context.Context, id string, data []byte, last uint64) (uint64, error) {
	if p.dead.Load() {
		return 0, ledgertest.ErrFault
	}
	return p.Stream.Publish(ctx, id, data, last)
}

// Purge is ledger.Stream's.
func (p *process) Purge(ctx context.Context, before uint64) error {
	if p.dead.Load() {
		return ledgertest.ErrFault
	}
	return p.Stream.Purge(ctx, before)
}

func (w *world) setup(c *amconfig.Config) deliver.Setup {
	w.t.Helper()
	r, err := route.New(c, w.options)
	if err != nil {
		w.t.Fatal(err)
	}
	s := deliver.Setup{Router: r, Integrations: map[string][]notice.Integration{}}
	for i := range c.Receivers {
		for _, in := range c.Receivers[i].Integrations() {
			s.Integrations[c.Receivers[i].Name] = append(s.Integrations[c.Receivers[i].Name], &inbox{w, in})
		}
	}
	return s
}

// feed appends a sample of each node every second.
func (w *world) feed(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		w.mu.Lock()
		for name, value := range w.nodes {
			w.series.Append(node(name), time.Now().UnixMilli(), value)
		}
		w.mu.Unlock()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func node(name string) labels.Labels {
	return labels.FromStrings(model.MetricNameLabel, "cpu", "node", name)
}

// set lets nodes report a value now and from now on.
func (w *world) set(value float64, names ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, n := range names {
		w.nodes[n] = value
		w.series.Append(node(n), time.Now().UnixMilli(), value)
	}
}

// silent lets nodes report nothing any more.
func (w *world) silent(names ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, n := range names {
		delete(w.nodes, n)
	}
}

// ends lets nodes report nothing any more, and ends their series.
func (w *world) ends(names ...string) {
	w.silent(names...)
	for _, n := range names {
		w.series.Append(node(n), time.Now().UnixMilli(), math.Float64frombits(value.StaleNaN))
	}
}

// at waits until a moment after the world's beginning, and a bit: what the nodes
// report at that moment has come.
func (w *world) at(d time.Duration) {
	time.Sleep(time.Until(w.began.Add(d + 50*time.Millisecond)))
	synctest.Wait()
}

// fail lets receivers answer with f's errors; nil lets them take everything.
func (w *world) fail(f func(receiver string) *notice.Error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answer = f
}

// inbox is one integration of a receiver.
type inbox struct {
	w  *world
	in amconfig.Integration
}

func (i *inbox) Name() string       { return i.in.Name }
func (i *inbox) SendResolved() bool { return i.in.SendResolved }

func (i *inbox) Send(_ context.Context, m *notice.Message) error {
	i.w.mu.Lock()
	defer i.w.mu.Unlock()
	line := fmt.Sprintf("%s %s: %s", time.Since(i.w.began).Truncate(time.Second), m.Receiver, m.Reason)
	for _, a := range m.Firing {
		line += " +" + string(a.Labels["node"])
	}
	for _, a := range m.Resolved {
		line += " -" + string(a.Labels["node"])
	}
	if i.w.answer != nil {
		if err := i.w.answer(m.Receiver); err != nil {
			i.w.log = append(i.w.log, line+" !")
			return err
		}
	}
	i.w.log = append(i.w.log, line)
	for _, a := range m.Firing {
		i.w.told[m.Receiver+" "+string(a.ID)+" firing"] = true
	}
	for _, a := range m.Resolved {
		i.w.told[m.Receiver+" "+string(a.ID)+" resolved"] = true
	}
	i.w.seen[m.Receiver+" "+m.ID]++
	if i.w.acked != nil && i.w.acked() {
		i.w.process.die()
	}
	return nil
}

// want compares what receivers were told so far, one line a message:
//
//	1m30s ops: new alerts +a +b -c
//
// is 1 minute and 30 seconds after the beginning, to ops, of a and b firing and
// c resolved; a "!" at its end says that ops refused it. The messages of a second
// go out beside each other, in any order.
func (w *world) want(lines ...string) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.Equal(ordered(w.log), ordered(lines)) {
		w.t.Errorf("receivers were told\n\t%s\nexpected\n\t%s", strings.Join(w.log, "\n\t"), strings.Join(lines, "\n\t"))
	}
}

// alerts returns the active alerts: "a firing", "b pending no data".
func (w *world) alerts() []string {
	var all []string
	w.ledger.Read(func(s *alert.State) {
		for _, of := range s.ByRule {
			for a := range maps.Values(of) {
				text := string(a.Labels["node"]) + " " + string(a.Status)
				if a.NoData() {
					text += " no data"
				}
				all = append(all, text)
			}
		}
	})
	slices.Sort(all)
	return all
}

func (w *world) wantAlerts(want ...string) {
	w.t.Helper()
	if got := w.alerts(); !slices.Equal(got, want) {
		w.t.Errorf("%s: alerts %q, expected %q", time.Since(w.began), got, want)
	}
}

// silence mutes a node's alerts for a while.
func (w *world) silence(name string, d time.Duration) {
	w.t.Helper()
	e := alert.Event{At: time.Now(), Silence: &alert.Silence{ID: name, StartsAt: time.Now(), EndsAt: time.Now().Add(d),
		UpdatedAt: time.Now(), Matchers: []alert.Matcher{{Name: "node", Value: name, IsEqual: true}}}}
	if err := w.ledger.Append(w.t.Context(), e); err != nil {
		w.t.Fatal(err)
	}
}

var _ promread.Reader = (*readtest.Memory)(nil)

// ordered sorts the messages of the same second.
func ordered(lines []string) []string {
	second := func(line string) string { at, _, _ := strings.Cut(line, " "); return at }
	lines = slices.Clone(lines)
	for from, to := 0, 0; from < len(lines); from = to {
		for to = from; to < len(lines) && second(lines[to]) == second(lines[from]); to++ {
		}
		slices.Sort(lines[from:to])
	}
	return lines
}
