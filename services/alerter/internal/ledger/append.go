package ledger

import (
	"context"
	"fmt"

	"weir/services/alerter/internal/alert"
)

// Append stores events and applies them to the state, all of them or none. It
// returns when they are stored. If the stream cannot be written for longer than
// the ledger's patience, they are applied all the same, and stored in their
// order once it can be: an alert about a broken journal must still go out. A
// crash before that forgets them.
//
// Calls at the same time share a message. An error says that nothing happened:
// ErrStale, ErrTooLarge, ErrClosed, ErrFenced or another reason why the ledger
// has failed, or ctx's, which counts until the events are being written.
// ErrClosed from a call that was under way when the ledger was closed leaves it
// open.
func (l *Ledger) Append(ctx context.Context, all ...alert.Event) error {
	if len(all) == 0 {
		return nil
	}
	e := &entry{done: make(chan error, 1)}
	for i := range all {
		raw, event, err := encode(all[i])
		if err != nil {
			return err
		}
		e.raw, e.events, e.size = append(e.raw, raw), append(e.events, event), e.size+len(raw)
	}
	if err := l.accept(e); err != nil {
		return err
	}
	select {
	case err := <-e.done:
		return err
	case <-ctx.Done():
		if l.withdraw(e) {
			return fmt.Errorf("append to the ledger: %w", ctx.Err())
		}
		return <-e.done // soon: it is stored, or patience ends
	}
}

// accept queues an entry. A degraded ledger applies it at once.
func (l *Ledger) accept(e *entry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.failure != nil:
		return l.failure
	case l.closing:
		return ErrClosed
	}
	if err := l.fresh(e); err != nil {
		return err
	}
	l.queue = append(l.queue, e)
	l.bytes += e.size
	if l.degraded {
		l.apply(e)
		l.bound()
	}
	signal(l.wake)
	return nil
}

// fresh checks that each alert is what its transition says it was, after all
// that was accepted before.
func (l *Ledger) fresh(e *entry) error {
	then := map[alert.ID]alert.Status{}
	for i := range e.events {
		t := e.events[i].Transition
		if t == nil {
			continue
		}
		id := t.Alert.ID
		is, known := then[id]
		if !known {
			is = l.status(id)
		}
		if was := t.From; is != was && (is != alert.Inactive || was != "") {
			return fmt.Errorf("%w: %s is %s, not %s", ErrStale, t.Alert.Labels, is, was)
		}
		then[id] = t.Alert.Status
	}
	if !l.degraded {
		for id, status := range then {
			l.waiting[id] = status
		}
	}
	return nil
}

// status is what an alert will be when all is applied that was accepted.
func (l *Ledger) status(id alert.ID) alert.Status {
	if status, ok := l.waiting[id]; ok {
		return status
	}
	if a := l.state.Alerts[id]; a != nil {
		return a.Status
	}
	return alert.Inactive
}

// withdraw takes back an entry that nobody writes yet.
func (l *Ledger) withdraw(e *entry) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := l.flying; i < len(l.queue); i++ {
		if l.queue[i] == e && !e.applied {
			l.queue = append(l.queue[:i:i], l.queue[i+1:]...)
			l.bytes -= e.size
			l.waitAgain()
			return true
		}
	}
	return false
}

// waitAgain makes l.waiting anew of the entries that are not applied.
func (l *Ledger) waitAgain() {
	clear(l.waiting)
	for _, e := range l.queue {
		for i := range e.events {
			if t := e.events[i].Transition; t != nil && !e.applied {
				l.waiting[t.Alert.ID] = t.Alert.Status
			}
		}
	}
}

// apply applies an entry and lets its Append return.
func (l *Ledger) apply(e *entry) {
	if e.applied {
		return
	}
	e.applied = true
	for i := range e.events {
		l.state.Apply(e.events[i])
	}
	l.cfg.Applied(e.events)
	e.events = nil
	for c := range l.subscribers {
		signal(c)
	}
	e.done <- nil
}
