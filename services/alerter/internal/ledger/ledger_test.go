package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/common/model"

	"weir/services/alerter/internal/alert"
	"weir/services/alerter/internal/alert/alerttest"
	"weir/services/alerter/internal/ledger"
	"weir/services/alerter/internal/ledger/ledgertest"
)

func silence(id string) alert.Event {
	return alert.Event{At: alerttest.Began, Silence: &alert.Silence{ID: id}}
}

func TestALedgerOpenedAgainKnowsWhatWasStored(t *testing.T) {
	for range 10 {
		seed := rand.Uint64()
		r := rand.New(rand.NewPCG(seed, 1))
		stream, source := ledgertest.NewStream(), alerttest.NewSource(seed)
		faults := rand.New(rand.NewPCG(seed, 2))
		stream.SetFault(func() ledgertest.Fault { return ledgertest.Fault(max(0, faults.IntN(12)-9)) })
		for range 1 + r.IntN(4) {
			l := open(t, stream, ledger.Config{SnapshotMessages: 1 + r.IntN(40)})
			if diff := alerttest.Diff(source.State, state(l)); diff != "" {
				t.Fatalf("seed %d: opened again:\n%s", seed, diff)
			}
			for range r.IntN(15) {
				appendAll(t, l, source.Next())
				if err := l.Append(t.Context(), source.Events(1+r.IntN(5))...); err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
			}
			closed(t, l)
		}
	}
}

func TestACrashAtAnyMomentLosesOnlyWhatWasNotStored(t *testing.T) {
	seed := rand.Uint64()
	stream, source := ledgertest.NewStream(), alerttest.NewSource(seed)
	l := open(t, stream, ledger.Config{SnapshotMessages: 1 << 20})
	states := []*alert.State{alert.NewState(), alert.NewState()} // by the number of messages
	for range 100 {
		appendAll(t, l, source.Next())
		states = append(states, source.State.Clone())
	}
	for n := range states {
		cut := open(t, stream.Cut(n), ledger.Config{})
		if diff := alerttest.Diff(states[n], state(cut)); diff != "" {
			t.Fatalf("seed %d, %d messages:\n%s", seed, n, diff)
		}
	}
}

func TestASnapshotCutShortIsIgnored(t *testing.T) {
	seed := rand.Uint64()
	stream, source := ledgertest.NewStream(), alerttest.NewSource(seed)
	l := open(t, stream, ledger.Config{SnapshotMessages: 1 << 20})
	appendAll(t, l, source.Events(200)...)
	before := len(stream.Messages())
	closed(t, l)

	keep := &noPurge{Stream: stream}
	l = open(t, keep, ledger.Config{SnapshotMessages: 1})
	appendAll(t, l, source.Next())
	eventually(t, "the snapshot is written", func() bool { return keep.purged() })
	closed(t, l)
	all := stream.Messages()
	if len(all) < before+4 {
		t.Fatalf("a snapshot of %d messages", len(all)-before-2)
	}
	for n := before + 2; n <= len(all); n++ {
		cut := stream.Cut(n)
		again := open(t, cut, ledger.Config{SnapshotMessages: 1 << 20})
		if diff := alerttest.Diff(source.State, state(again)); diff != "" {
			t.Fatalf("seed %d, cut to %d of %d messages:\n%s", seed, n, len(all), diff)
		}
		appendAll(t, again, silence("one more"))
		want := source.State.Clone()
		want.Apply(silence("one more"))
		closed(t, again)
		if diff := alerttest.Diff(want, state(open(t, cut, ledger.Config{}))); diff != "" {
			t.Fatalf("seed %d, written on behind a cut at %d:\n%s", seed, n, diff)
		}
	}
}

// noPurge is a stream whose purge has no effect.
type noPurge struct {
	*ledgertest.Stream
	mu    sync.Mutex
	asked bool
}

func (n *noPurge) Purge(context.Context, uint64) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked = true
	return nil
}

func (n *noPurge) purged() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.asked
}

func TestSnapshotsBoundTheStream(t *testing.T) {
	stream, source := ledgertest.NewStream(), alerttest.NewSource(5)
	l := open(t, stream, ledger.Config{SnapshotMessages: 20})
	appendAll(t, l, source.Events(500)...)
	closed(t, l)
	if n := len(stream.Messages()); n > 20+15 {
		t.Errorf("%d messages", n)
	}
	if diff := alerttest.Diff(source.State, state(open(t, stream, ledger.Config{}))); diff != "" {
		t.Error(diff)
	}
}

func TestEventsBeyondAMessageAreSplit(t *testing.T) {
	stream := ledgertest.NewStream()
	l := open(t, stream, ledger.Config{})
	noise := rand.NewChaCha8([32]byte{1})
	var events []alert.Event
	for i := range 40 {
		text := make([]byte, 60_000)
		_, _ = noise.Read(text)
		e := silence(fmt.Sprint(i))
		e.Silence.Comment = fmt.Sprintf("%x", text)
		events = append(events, e)
	}
	if err := l.Append(t.Context(), events...); err != nil {
		t.Fatal(err)
	}
	for _, m := range stream.Messages() {
		if len(m.Data) > ledger.MaxMessage {
			t.Errorf("a message of %d bytes", len(m.Data))
		}
	}
	closed(t, l)
	again := state(open(t, stream, ledger.Config{SnapshotMessages: 1}))
	if len(stream.Messages()) < 5 || len(again.Silences) != 40 {
		t.Errorf("%d messages, %d silences", len(stream.Messages()), len(again.Silences))
	}
}

func TestConcurrentAppendsShareMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stream, gate, n := ledgertest.NewStream(), make(chan struct{}), 0
		stream.SetFault(func() ledgertest.Fault {
			if n++; n == 2 {
				<-gate
			}
			return ledgertest.None
		})
		l := open(t, stream, ledger.Config{})
		var wait sync.WaitGroup
		for i := range 100 {
			wait.Go(func() { appendAll(t, l, silence(fmt.Sprint(i))) })
		}
		synctest.Wait()
		close(gate)
		wait.Wait()
		if n := len(stream.Messages()); n > 3 {
			t.Errorf("%d messages for opening and 100 appends", n)
		}
		if got := len(state(l).Silences); got != 100 {
			t.Errorf("%d silences", got)
		}
	})
}

func TestAppendRefuses(t *testing.T) {
	hot := alert.Alert{ID: "a", Status: alert.Firing, Labels: model.LabelSet{"alertname": "Hot"}}
	big := silence("big")
	big.Silence.Comment = strings.Repeat("x", 600<<10)
	for _, row := range []struct {
		name   string
		events []alert.Event
		want   error
	}{
		{"an alert that is not what the transition says", []alert.Event{{Transition: &alert.Transition{From: alert.Pending, Alert: hot}}}, ledger.ErrStale},
		{"a second transition that does not follow from the first", []alert.Event{
			{Transition: &alert.Transition{From: alert.Inactive, Alert: hot}}, {Transition: &alert.Transition{From: alert.Pending, Alert: hot}}}, ledger.ErrStale},
		{"an event larger than a message", []alert.Event{big}, ledger.ErrTooLarge},
		{"labels that could not be read again", []alert.Event{{Transition: &alert.Transition{
			Alert: alert.Alert{ID: "b", Labels: model.LabelSet{"": "x"}}}}}, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			stream := ledgertest.NewStream()
			l := open(t, stream, ledger.Config{})
			err := l.Append(t.Context(), append(row.events, silence("s"))...)
			if err == nil || row.want != nil && !errors.Is(err, row.want) {
				t.Errorf("error %v", err)
			}
			if s := state(l); s.Number != 0 || len(stream.Messages()) != 1 {
				t.Errorf("something of it happened: %+v", s)
			}
		})
	}
}

func TestAnAlertThatSaysTooMuchIsStoredAllTheSame(t *testing.T) {
	stream := ledgertest.NewStream()
	l := open(t, stream, ledger.Config{})
	fires := func(name, summary string) alert.Event {
		labels := model.LabelSet{"alertname": model.LabelValue(name)}
		return alert.Event{At: alerttest.Began, Transition: &alert.Transition{From: alert.Inactive, Alert: alert.Alert{ID: alert.ID(name), Labels: labels,
			Status: alert.Firing, Annotations: model.LabelSet{"summary": model.LabelValue(summary)}, GeneratorURL: "http://x?" + summary}}}
	}
	worst := strings.Repeat("<\x01", 300<<10) // each byte becomes six in JSON
	appendAll(t, l, fires("long", worst), fires("short", "it is hot"))
	l.Refresh([]alert.Refresh{{ID: "short", Annotations: model.LabelSet{"summary": model.LabelValue(worst)}}})
	again := state(l).Alerts["short"]
	appendAll(t, l, alert.Event{At: alerttest.Began, Transition: &alert.Transition{From: alert.Firing, Alert: *again}})
	want := state(l)
	for _, name := range []alert.ID{"long", "short"} {
		if a := want.Alerts[name]; a == nil || alert.Bytes(a.Annotations) > alert.MaxAnnotations || alert.Bytes(a.Annotations) < alert.MaxAnnotations-4 {
			t.Errorf("%s: %d bytes of annotations", name, alert.Bytes(a.Annotations))
		}
	}
	if got := want.Alerts["long"].GeneratorURL; got != "" {
		t.Errorf("a part of an address: %.20s", got)
	}
	closed(t, l)
	if diff := alerttest.Diff(want, state(open(t, stream, ledger.Config{}))); diff != "" {
		t.Error(diff)
	}
}

func TestAnAcknowledgementIsNotLostToATransitionMadeBefore(t *testing.T) {
	l := open(t, ledgertest.NewStream(), ledger.Config{})
	hot := alert.Alert{ID: "a", Status: alert.Firing, Labels: model.LabelSet{"alertname": "Hot"}}
	known := hot
	known.Acknowledged = &alert.Ack{By: "ada"}
	appendAll(t, l, alert.Event{Transition: &alert.Transition{From: alert.Inactive, Alert: hot}},
		alert.Event{Transition: &alert.Transition{From: alert.Firing, Alert: known}},
		alert.Event{Transition: &alert.Transition{From: alert.Firing, Reason: alert.ReasonNoData, Alert: hot}})
	if got := state(l).Alerts["a"]; got.Acknowledged == nil || got.Acknowledged.By != "ada" {
		t.Errorf("%+v", got)
	}
}

func TestANewerLedgerShutsOutTheOlder(t *testing.T) {
	stream := ledgertest.NewStream()
	older := open(t, stream, ledger.Config{})
	appendAll(t, older, silence("a"))
	newer := open(t, stream, ledger.Config{})
	if err := older.Append(t.Context(), silence("b")); !errors.Is(err, ledger.ErrFenced) {
		t.Errorf("the older ledger: %v", err)
	}
	if err := <-older.Failed(); !errors.Is(err, ledger.ErrFenced) {
		t.Errorf("failed with %v", err)
	}
	if err := older.Append(t.Context(), silence("b")); !errors.Is(err, ledger.ErrFenced) {
		t.Errorf("the older ledger, again: %v", err)
	}
	if err := older.Health().Error; !errors.Is(err, ledger.ErrFenced) {
		t.Errorf("health: %v", err)
	}
	appendAll(t, newer, silence("c"))
	if s := state(newer); len(s.Silences) != 2 || s.Silences["b"] != nil {
		t.Errorf("silences %v", s.Silences)
	}
}

func TestDamage(t *testing.T) {
	fill := func(t *testing.T) *ledgertest.Stream {
		stream := ledgertest.NewStream()
		l := open(t, stream, ledger.Config{})
		appendAll(t, l, silence("a"), silence("b"), silence("c"))
		closed(t, l)
		return stream
	}
	for _, row := range []struct {
		name   string
		damage func(data []byte) []byte
		want   error
		text   string
	}{
		{"a flipped bit", func(d []byte) []byte { d[len(d)/2] ^= 4; return d }, ledger.ErrCorrupt, "message 3 of WEIR_ALERTS"},
		{"an end cut off", func(d []byte) []byte { return d[:len(d)-3] }, ledger.ErrCorrupt, "message 3 of WEIR_ALERTS"},
		{"nothing at all", func([]byte) []byte { return nil }, ledger.ErrCorrupt, "message 3 of WEIR_ALERTS"},
		{"somebody else's message", func([]byte) []byte { return []byte(`{"hello": 1}`) }, ledger.ErrCorrupt, "does not begin as"},
		{"a newer version", func(d []byte) []byte { d[2] = 2; return d }, ledger.ErrVersion, "this program reads 1"},
		{"an unknown kind", func(d []byte) []byte { d[3] = 9; return d }, ledger.ErrVersion, "kind 9"},
		{"events called a snapshot", func(d []byte) []byte { d[3] = 3; return d }, ledger.ErrCorrupt, "without an id"},
	} {
		t.Run(row.name, func(t *testing.T) {
			stream := fill(t)
			stream.Replace(3, row.damage(stream.Messages()[2].Data))
			_, err := ledger.OpenStream(t.Context(), stream, ledger.Config{})
			if !errors.Is(err, row.want) || (!strings.Contains(err.Error(), row.text) || !strings.Contains(err.Error(), "restore the stream")) {
				t.Errorf("error %v", err)
			}
		})
	}
	t.Run("a beginning that is missing", func(t *testing.T) {
		stream := fill(t)
		_ = stream.Purge(t.Context(), 3)
		if _, err := ledger.OpenStream(t.Context(), stream, ledger.Config{}); !errors.Is(err, ledger.ErrLost) {
			t.Errorf("error %v", err)
		}
	})
}

func TestADegradedLedgerGoesOnAndStoresLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stream := ledgertest.NewStream()
		var told []error
		l := open(t, stream, ledger.Config{Degraded: func(err error) { told = append(told, err) }})
		source := alerttest.NewSource(9)
		appendAll(t, l, source.Next())
		stream.Break()
		began := time.Now()
		appendAll(t, l, source.Next())
		if waited := time.Since(began); waited < ledger.DefaultPatience || waited > ledger.DefaultPatience+3*time.Second {
			t.Errorf("the first waited for %s", waited)
		}
		began = time.Now()
		appendAll(t, l, source.Events(20)...)
		if waited := time.Since(began); waited > 0 {
			t.Errorf("the others waited for %s", waited)
		}
		if h := l.Health(); !h.Degraded || h.Queued == 0 || !errors.Is(h.Error, ledgertest.ErrFault) || h.Since.IsZero() {
			t.Errorf("health %+v", h)
		}
		if diff := alerttest.Diff(source.State, state(l)); diff != "" {
			t.Error(diff)
		}
		stream.SetFault(nil)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if h := l.Health(); h.Degraded || h.Queued != 0 || h.Error != nil {
			t.Errorf("health %+v", h)
		}
		if len(told) != 2 || told[0] == nil || told[1] != nil {
			t.Errorf("told %v", told)
		}
		closed(t, l)
		if diff := alerttest.Diff(source.State, state(open(t, stream, ledger.Config{}))); diff != "" {
			t.Error(diff)
		}
	})
}

func TestALongOutageIsMadeUpForByASnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stream := ledgertest.NewStream()
		l := open(t, stream, ledger.Config{MaxQueue: 4000})
		source := alerttest.NewSource(11)
		appendAll(t, l, source.Events(10)...)
		stream.Break()
		appendAll(t, l, source.Events(300)...)
		if h := l.Health(); h.Queued > 8000 {
			t.Errorf("%d bytes wait", h.Queued)
		}
		stream.SetFault(nil)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		appendAll(t, l, source.Events(10)...)
		if h := l.Health(); h.Degraded || h.Queued != 0 {
			t.Errorf("health %+v", h)
		}
		closed(t, l)
		if diff := alerttest.Diff(source.State, state(open(t, stream, ledger.Config{}))); diff != "" {
			t.Error(diff)
		}
	})
}

func TestACallerThatGivesUpLeavesNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stream := ledgertest.NewStream()
		l := open(t, stream, ledger.Config{})
		stream.Break()
		go func() { _ = l.Append(context.Background(), silence("being written")) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := l.Append(ctx, silence("waiting")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		stream.SetFault(nil)
		time.Sleep(5 * time.Second)
		if s := state(l).Silences; len(s) != 1 || s["being written"] == nil {
			t.Errorf("silences %v", s)
		}
	})
}

func TestCloseSaysWhatIsNotStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stream := ledgertest.NewStream()
		l := open(t, stream, ledger.Config{})
		stream.Break()
		appendAll(t, l, silence("a"), silence("b"))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := l.Close(ctx); !errors.Is(err, ledger.ErrClosed) || !strings.Contains(err.Error(), "2 events") {
			t.Errorf("error %v", err)
		}
		if err := l.Append(t.Context(), silence("c")); !errors.Is(err, ledger.ErrClosed) {
			t.Errorf("error %v", err)
		}
	})
}

func TestSubscribersHearOfChanges(t *testing.T) {
	var applied []alert.Event
	l := open(t, ledgertest.NewStream(), ledger.Config{Applied: func(e []alert.Event) { applied = append(applied, e...) }})
	changed, cancel := l.Subscribe()
	other, cancelOther := l.Subscribe()
	cancelOther()
	appendAll(t, l, silence("a"), silence("b"))
	<-changed
	cancel()
	appendAll(t, l, silence("c"))
	if len(changed) != 0 || len(other) != 0 {
		t.Error("a subscription that ended hears of changes")
	}
	if len(applied) != 3 || applied[2].Silence.ID != "c" {
		t.Errorf("applied %v", applied)
	}
}

func TestRefreshIsNoEvent(t *testing.T) {
	l := open(t, ledgertest.NewStream(), ledger.Config{})
	appendAll(t, l, alert.Event{Transition: &alert.Transition{Alert: alert.Alert{ID: "a", Status: alert.Firing, Labels: model.LabelSet{"alertname": "Hot"}}}})
	l.Refresh([]alert.Refresh{{ID: "a", Value: 7, Annotations: model.LabelSet{"summary": "seven"}}})
	if s := state(l); s.Number != 1 || s.Alerts["a"].Value != 7 {
		t.Errorf("%+v", s.Alerts["a"])
	}
}
