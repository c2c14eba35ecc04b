package evaluate

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"weir/services/alerter/internal/alert"
	"weir/services/alerter/internal/rule"
)

// deafAfter is after how long without a look nobody can have been heard: the
// process stood still, or the clock was set.
const deafAfter = 10 * time.Second

// listening is since when weir listens without a break: sources and whoever posts
// alerts can be heard, rules are evaluated.
type listening struct{ since, looked time.Time }

// begin notes that a process begins, after one that lived until then, at the least.
func (l *listening) begin(until, now time.Time) (away rule.Away) {
	l.since, l.looked = now.Round(0), now.Round(0)
	return rule.Away{From: until, To: l.since}
}

// look notes that weir listens at a moment, and reports whether it was away before.
// Clocks on walls count, as they alone go on while a machine sleeps.
func (l *listening) look(now time.Time) (away rule.Away, was bool) {
	const inexact = time.Second // of a clock that is being set right
	now = now.Round(0)
	away = rule.Away{From: l.looked, To: now}
	gap := now.Sub(l.looked)
	was = gap > deafAfter || gap < -inexact
	if was {
		l.since = now
	}
	l.looked = now
	return away, was
}

// presence is an Evaluator's listening, and what is still to be stored of times in
// which it was away.
type presence struct {
	mu     sync.Mutex
	now    listening
	unsaid []rule.Away
}

// listens returns since when weir listens. If it was away before, what follows from
// that for alerts is stored first, so that it is known of however soon the process
// dies: an error says that it was not.
func (e *Evaluator) listens(ctx context.Context) (since time.Time, err error) {
	p := &e.presence
	p.mu.Lock()
	defer p.mu.Unlock()
	if away, was := p.now.look(time.Now()); was {
		p.unsaid = append(p.unsaid, away)
	}
	for len(p.unsaid) > 0 {
		if err := e.returned(ctx, p.unsaid[0]); err != nil {
			return p.now.since, err
		}
		p.unsaid = p.unsaid[1:]
	}
	return p.now.since, nil
}

// returned stores what follows from weir's having been away.
func (e *Evaluator) returned(ctx context.Context, away rule.Away) error {
	var err error
	for range 10 { // somebody may acknowledge one meanwhile
		var active []*alert.Alert
		e.cfg.Ledger.Read(func(s *alert.State) {
			for key, alerts := range s.ByRule {
				for _, a := range alerts {
					if key != "" {
						active = append(active, a)
					}
				}
			}
		})
		err = e.cfg.Ledger.Append(ctx, transitions(away.To, rule.Returned(active, away))...)
		if !errors.Is(err, alert.ErrStale) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("note that alerts were pending while weir was away: %w", err)
	}
	return nil
}
