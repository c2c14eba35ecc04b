package evaluate_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"weir/services/alerter/internal/alert"
	"weir/services/alerter/internal/ledger/ledgertest"
	"weir/services/alerter/internal/notify/notice"
	"weir/services/alerter/internal/route"
)

// Rules fire, receivers fail at random, the process is killed at random moments,
// also between a receiver's acknowledgement and its event: at the end each
// receiver was told of each alert's end, of those that fired for long of their
// beginning too, and of nothing twice but for such a death.
func TestKilledAtAnyMomentEveryTransitionIsDelivered(t *testing.T) {
	for range 6 {
		seed := rand.Uint64()
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { liveThroughCrashes(t, seed) })
		})
	}
}

func liveThroughCrashes(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 0))
	routes := to("ops boss", "group_by: [node]", "group_wait: 1s", "group_interval: 5s", "repeat_interval: 10m",
		"routes:", "- receiver: ops", "  continue: true", "- receiver: boss")
	w := newWorld(t, hot("for: 2s", "keep_firing_for: 1s"), routes, route.Options{})
	w.snapshots = 1 + r.IntN(50)
	faults := true
	made := rand.New(rand.NewPCG(seed, 2))
	w.stream.SetFault(func() ledgertest.Fault {
		if made.IntN(20) > 0 {
			return ledgertest.None
		}
		return ledgertest.Fault(1 + made.IntN(2))
	})
	dice := rand.New(rand.NewPCG(seed, 1)) // for what comes from the receivers' goroutines, under w.mu
	w.acked = func() bool { return faults && dice.IntN(25) == 0 }
	down := map[string]bool{}
	w.fail(func(receiver string) *notice.Error {
		if down[receiver] {
			return &notice.Error{Retry: dice.IntN(4) > 0, Code: 503, Err: errors.New("out of order")}
		}
		return nil
	})
	w.begin()
	now := time.Duration(0)
	for range 150 {
		now += time.Duration(r.IntN(20_000)) * time.Millisecond
		w.at(now)
		node := fmt.Sprint("n", r.IntN(6))
		switch n := r.IntN(10); {
		case w.process.dead.Load() || n == 0:
			w.kill()
			w.begin()
		case n < 5:
			w.set(90, node)
		case n < 8:
			w.set(50, node)
		default:
			w.mu.Lock()
			receiver := []string{"ops", "boss"}[r.IntN(2)]
			down[receiver] = !down[receiver]
			w.mu.Unlock()
		}
	}
	w.stream.SetFault(nil)
	w.mu.Lock()
	faults = false
	clear(down)
	w.mu.Unlock()
	if w.process.dead.Load() {
		w.kill()
		w.begin()
	}
	for i := range 6 {
		w.set(50, fmt.Sprint("n", i))
	}
	w.at(now + 10*time.Minute)
	checkDelivered(t, w, seed)
	w.end()
	w.stopFeed()
}

func checkDelivered(t *testing.T, w *world, seed uint64) {
	t.Helper()
	fired := map[alert.ID]time.Time{}
	resolved := map[alert.ID]time.Time{}
	w.ledger.Read(func(s *alert.State) {
		for _, e := range s.Latest() {
			switch tr := e.Transition; {
			case tr == nil:
			case tr.Alert.Status == alert.Firing && tr.From != alert.Firing:
				fired[tr.Alert.ID] = tr.Alert.FiredAt
			case tr.Alert.Status == alert.Resolved:
				resolved[tr.Alert.ID] = tr.Alert.ResolvedAt
			}
		}
		for _, n := range s.Notices {
			if n.Failing() {
				t.Errorf("seed %d: still failing: %+v", seed, n)
			}
		}
	})
	if len(fired) < 10 {
		t.Errorf("seed %d: only %d alerts fired", seed, len(fired))
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, at := range fired {
		end, over := resolved[id]
		if !over {
			t.Errorf("seed %d: %s fires for ever", seed, id)
			continue
		}
		for _, receiver := range []string{"ops", "boss"} {
			firing, ended := w.told[receiver+" "+string(id)+" firing"], w.told[receiver+" "+string(id)+" resolved"]
			if !ended && (firing || end.Sub(at) >= time.Second) {
				t.Errorf("seed %d: %s was not told of the end of %s, %s after it fired (told it fires: %t)", seed, receiver, id, end.Sub(at), firing)
			}
		}
	}
	for message, times := range w.seen {
		if times > 1 && !w.died[message] {
			t.Errorf("seed %d: %s was acknowledged %d times", seed, message, times)
		}
	}
	if t.Failed() {
		t.Log(strings.Join(w.log, "\n"))
	}
}
