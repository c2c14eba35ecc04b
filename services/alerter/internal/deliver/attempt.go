package deliver

import (
	"context"
	"slices"
	"time"

	"weir/services/alerter/internal/alert"
	"weir/services/alerter/internal/notify/notice"
	"weir/services/alerter/internal/route"
)

// serve tells an integration what is due, one notice after the other, beside
// others that do the same.
func (d *Deliverer) serve(queue <-chan alert.NoticeKey) {
	for key := range queue {
		select {
		case <-d.stopping:
			continue // what waits stays owed
		default:
		}
		d.attempt(key)
	}
}

// release lets a notice be offered again.
func (d *Deliverer) release(key alert.NoticeKey) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.busy, key)
}

// planAgain has the plan made again, as one notice could not be offered while it
// was being sent.
func (d *Deliverer) planAgain() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// attempt sends what is due by now and stores the outcome. If that cannot be
// stored, nobody may try again in this process, for the receiver may have been
// told.
func (d *Deliverer) attempt(key alert.NoticeKey) {
	due, integration, ok := d.current(key)
	if !ok { // a later plan has it no more, or nobody is there to take it
		d.release(key)
		return
	}
	var tries int
	d.cfg.Ledger.Read(func(s *alert.State) {
		before := s.Notices[key]
		if ok = refresh(&due, s) && !overtaken(&due, before, time.Now()); !ok {
			return
		}
		if before != nil && before.Failing() {
			tries = before.Attempts
		}
	})
	if !ok { // something happened since the plan: the next one knows
		d.release(key)
		d.planAgain()
		return
	}
	began := time.Now().UTC()
	err := d.send(integration, &due, began)
	n := d.outcome(&due, tries+1, began, err)
	d.cfg.Attempted(n)
	if err := d.cfg.Ledger.Append(context.Background(), events(time.Now().UTC(), n)...); err != nil {
		d.cfg.Logger.Error("the outcome of a notice was not stored", "receiver", key.Receiver, "integration", key.Integration,
			"group", key.Group, "outcome", n.Outcome, "error", err)
		return
	}
	d.release(key)
	d.planAgain()
}

// current returns what is due by the latest plan.
func (d *Deliverer) current(key alert.NoticeKey) (route.Due, notice.Integration, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	due, ok := d.due[key]
	of := d.setup.Integrations[due.Receiver]
	if !ok || due.Index >= len(of) || key.Integration != notice.Key(of, due.Index) {
		return due, nil, false
	}
	return due, of[due.Index], true
}

// refresh replaces a notice's alerts by what they are now. It reports false if
// they are not any more what the notice would tell.
func refresh(due *route.Due, s *alert.State) bool {
	now := func(all []*alert.Alert, status alert.Status) ([]*alert.Alert, bool) {
		out := make([]*alert.Alert, len(all))
		for i, a := range all {
			if out[i] = s.Alerts[a.ID]; out[i] == nil || out[i].Status != status {
				return nil, false
			}
		}
		return out, true
	}
	firing, ok := now(due.Firing, alert.Firing)
	resolved, ok2 := now(due.Resolved, alert.Resolved)
	due.Firing, due.Resolved = firing, resolved
	return ok && ok2
}

// overtaken reports whether an attempt that ended while the plan was made has
// told this news, or has put it off.
func overtaken(due *route.Due, before *alert.NoticeState, now time.Time) bool {
	return before != nil && (before.SentID == due.ID || before.Failing() && now.Before(before.NextAttempt))
}

func (d *Deliverer) send(to notice.Integration, due *route.Due, now time.Time) *notice.Error {
	ctx, cancel := notice.WithTimeout(d.ctx, d.cfg.Timeout)
	defer cancel()
	return notice.Failure(to.Send(ctx, &notice.Message{
		ID: due.ID, GroupKey: due.Key.Group, Receiver: due.Receiver, Reason: string(due.Reason), GroupLabels: due.GroupLabels,
		Firing: due.Firing, Resolved: due.Resolved, Now: now, ExternalURL: d.cfg.ExternalURL, Chart: d.cfg.Chart,
	}))
}

// outcome is what is remembered of an attempt.
func (d *Deliverer) outcome(due *route.Due, attempt int, began time.Time, err *notice.Error) *alert.Notice {
	n := &alert.Notice{NoticeKey: due.Key, ID: due.ID, GroupLabels: due.GroupLabels, Reason: string(due.Reason),
		Firing: ids(due.Firing), Resolved: ids(due.Resolved), Fallback: due.Fallback,
		Outcome: alert.Sent, Attempt: attempt, Took: time.Since(began)}
	if err != nil {
		var wait time.Duration
		n.Outcome, wait = verdict(err, attempt, due.GroupInterval, d.cfg.Jitter())
		n.Error, n.Code, n.NextAttempt = err.Error(), err.Code, time.Now().Add(wait)
	}
	d.log(n)
	return n
}

// log logs an attempt. Of an integration that goes on failing it logs one a
// minute: a receiver that is away for hours may be owed the notices of thousands
// of groups. The history has each.
func (d *Deliverer) log(n *alert.Notice) {
	log := d.cfg.Logger.With("receiver", n.Receiver, "integration", n.Integration)
	what := n.Receiver + " " + n.Integration
	if n.Outcome == alert.Sent {
		log.Debug("a receiver was told", "group", n.Group, "reason", n.Reason, "firing", len(n.Firing), "resolved", len(n.Resolved), "took", n.Took)
		if d.failures.Worked(what) {
			log.Info("a receiver is told again", "group", n.Group, "attempt", n.Attempt)
		}
		return
	}
	if now, unlogged := d.failures.Failed(what, time.Now()); now {
		log.Warn("a receiver was not told", "group", n.Group, "attempt", n.Attempt, "outcome", n.Outcome, "error", n.Error,
			"next_attempt", n.NextAttempt, "more_failures", unlogged)
	}
}

// How long to wait after an attempt that failed.
const (
	firstBackoff   = time.Second
	longestBackoff = 5 * time.Minute
	// longestAfter bounds what a receiver may ask for.
	longestAfter = time.Hour
)

// verdict says whether an attempt that failed is tried again soon, and when. A
// permanent error is tried again with the group's next interval: somebody may
// have mended the cause.
func verdict(err *notice.Error, attempt int, groupInterval time.Duration, random float64) (alert.Outcome, time.Duration) {
	wait := backoff(attempt, random)
	if !err.Retry {
		return alert.Failed, max(wait, groupInterval)
	}
	return alert.Retrying, max(wait, min(err.After, longestAfter))
}

// backoff returns 1, 2, 4 … seconds, at most 5 minutes, a tenth more or less.
func backoff(attempt int, random float64) time.Duration {
	wait := min(firstBackoff<<min(max(attempt-1, 0), 20), longestBackoff)
	return time.Duration(float64(wait) * (0.9 + 0.2*random))
}

func ids(all []*alert.Alert) []alert.ID {
	var out []alert.ID
	for _, a := range all {
		out = append(out, a.ID)
	}
	return out
}

// events returns the events of an attempt: several if it told of very many
// alerts.
func events(at time.Time, n *alert.Notice) []alert.Event {
	var all []alert.Event
	firing, resolved := slices.Collect(slices.Chunk(n.Firing, idsInEvent)), slices.Collect(slices.Chunk(n.Resolved, idsInEvent))
	for i := range max(len(firing), len(resolved), 1) {
		some := *n
		some.Firing, some.Resolved = nth(firing, i), nth(resolved, i)
		all = append(all, alert.Event{At: at, Notice: &some})
	}
	return all
}

// nth returns the i-th part, nil if there are fewer.
func nth(parts [][]alert.ID, i int) []alert.ID {
	if i < len(parts) {
		return parts[i]
	}
	return nil
}

// forgotten returns the events that forget.
func forgotten(at time.Time, f alert.Forgotten) []alert.Event {
	var all []alert.Event
	add := func(f alert.Forgotten) { all = append(all, alert.Event{At: at, Forgotten: &f}) }
	for part := range slices.Chunk(f.Alerts, idsInEvent) {
		add(alert.Forgotten{Alerts: part})
	}
	for part := range slices.Chunk(f.Notices, idsInEvent/4) {
		add(alert.Forgotten{Notices: part})
	}
	for part := range slices.Chunk(f.Silences, idsInEvent) {
		add(alert.Forgotten{Silences: part})
	}
	for part := range slices.Chunk(f.Actions, idsInEvent/4) {
		add(alert.Forgotten{Actions: part})
	}
	return all
}
