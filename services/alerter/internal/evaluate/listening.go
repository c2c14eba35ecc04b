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

// listening is since when this process listens without a break: whoever posts alerts
// can be heard, rules are evaluated.
type listening struct{ since, looked time.Time }

// begin notes that a process begins.
func (l *listening) begin(now time.Time) {
	now = now.Round(0)
	l.since, l.looked = now, now
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

// since is since when weir listens without a break.
type since struct {
	own     time.Time // this process
	sources time.Time // all of weir that what a source says goes through
}

// of returns since when that listens which a rule depends on. Whether an absence
// says something depends on sources; how weir itself does must be told by rules also
// while no source is heard.
func (s since) of(r *rule.Rule) time.Time {
	if r.ResolveOnAbsent {
		return s.sources
	}
	return s.own
}

// presence is an Evaluator's listening, and what is still to be stored of times in
// which it was away.
type presence struct {
	mu      sync.Mutex
	now     listening
	sources time.Time // when they could not be heard last
	unsaid  []rule.Away
}

// listens returns since when weir listens. If this process was away before, what
// follows from that for alerts is stored first, so that it is known of however soon
// the process dies: an error says that it was not.
func (e *Evaluator) listens(ctx context.Context) (since, error) {
	p, heard := &e.presence, e.cfg.Heard()
	p.mu.Lock()
	defer p.mu.Unlock()
	away, was := p.now.look(time.Now())
	if was {
		p.unsaid = append(p.unsaid, away)
	}
	if was || !heard {
		p.sources = away.To
	}
	for len(p.unsaid) > 0 {
		if err := e.returned(ctx, p.unsaid[0]); err != nil {
			return since{}, err
		}
		p.unsaid = p.unsaid[1:]
	}
	return since{p.now.since, p.sources}, nil
}

// begin begins listening, after a process that lived until the ledger's last event,
// at the least.
func (p *presence) begin(l Ledger, now time.Time) {
	p.now.begin(now)
	p.sources = p.now.since
	l.Read(func(s *alert.State) { p.unsaid = []rule.Away{{From: s.At, To: p.now.since}} })
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
