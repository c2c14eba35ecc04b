// Package components is how weir's own parts do, as series: what the alerter can
// say by itself when the aggregator, which has all other series, does not answer.
package components

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"weir/pkg/read/promread"
)

// Name is the series' name. It is 1 while the part works, 0 while it does not.
const Name = "weir_component_up"

// Label is the label that names the part.
const Label = "component"

// The parts.
const (
	Ingest     = "ingest"
	Aggregator = "aggregator"
	Journal    = "journal" // can be reached and written
	Store      = "store"   // the aggregator's
	Alerter    = "alerter" // this one; 0 while its events cannot be stored
)

// Check returns which parts work. It returns soon, whatever they do.
type Check func(ctx context.Context) map[string]bool

const (
	// Interval is how often the parts are looked at.
	Interval = time.Second
	// remembered is for how long the results are.
	remembered = 10 * time.Minute
)

// Watch looks at the parts every Interval. Its methods may be called
// concurrently.
type Watch struct {
	check  Check
	cancel context.CancelFunc
	done   chan struct{}

	mu     sync.Mutex
	series map[string]*promread.Series // by part
}

// NewWatch looks at the parts for the first time and goes on until Stop.
func NewWatch(ctx context.Context, check Check) *Watch {
	w := &Watch{check: check, done: make(chan struct{}), series: map[string]*promread.Series{}}
	w.look(ctx)
	ctx, w.cancel = context.WithCancel(context.WithoutCancel(ctx))
	go w.run(ctx)
	return w
}

// Stop ends looking.
func (w *Watch) Stop() {
	w.cancel()
	<-w.done
}

func (w *Watch) run(ctx context.Context) {
	defer close(w.done)
	tick := time.NewTicker(Interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			w.look(ctx)
		}
	}
}

func (w *Watch) look(ctx context.Context) {
	at := time.Now().UnixMilli()
	up := w.check(ctx)
	if ctx.Err() != nil {
		return // what does not answer now has not been waited for
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for part, works := range up {
		s := w.series[part]
		if s == nil {
			s = &promread.Series{Labels: labels.FromStrings(model.MetricNameLabel, Name, Label, part)}
			w.series[part] = s
		}
		old, _ := slices.BinarySearch(s.T, at-remembered.Milliseconds())
		value := 0.0
		if works {
			value = 1
		}
		s.T, s.V = append(s.T[old:], at), append(s.V[old:], value)
	}
}

// Up returns which parts worked when they were last looked at.
func (w *Watch) Up() map[string]bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	up := make(map[string]bool, len(w.series))
	for part, s := range w.series {
		up[part] = s.V[len(s.V)-1] == 1
	}
	return up
}

// matching returns copies of the series that match, with their samples from one
// moment to another, milliseconds.
func (w *Watch) matching(matchers []*labels.Matcher, from, to int64) []promread.Series {
	w.mu.Lock()
	defer w.mu.Unlock()
	var some []promread.Series
	for _, s := range w.series {
		if !promread.Matches(matchers, s.Labels) {
			continue
		}
		if part := s.Between(from, to); len(part.T) > 0 {
			some = append(some, part)
		}
	}
	return some
}
