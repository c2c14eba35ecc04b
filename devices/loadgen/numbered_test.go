package loadgen

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// seedFlag replays a run, as far as the scheduling of goroutines allows.
var seedFlag = flag.Uint64("seed", 0, "seed of the randomised tests; 0 takes another each time")

// eventually waits until f is true.
func eventually(t *testing.T, total, step time.Duration, f func() bool) {
	t.Helper()
	deadline, tick := time.After(total), time.NewTicker(step)
	defer tick.Stop()
	for !f() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("it did not come about in %v", total)
		}
	}
}

func startNumbered(t *testing.T, c NumberedConfig) *Numbered {
	t.Helper()
	n, err := StartNumbered(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Stop)
	return n
}

func drain(t *testing.T, n *Numbered) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := n.Drain(ctx); err != nil {
		t.Fatal(err)
	}
}

func at(addr string) func() string { return func() string { return addr } }

func TestNumberedThroughBreakingConnections(t *testing.T) {
	tests := []struct {
		name         string
		version, qos byte
		forget       float64
	}{
		{"MQTT 3.1.1 at QoS 1", 4, 1, 0},
		{"MQTT 3.1.1 at QoS 2", 4, 2, 0},
		{"MQTT 3.1.1 retransmits although the session was forgotten", 4, 1, 0.5},
		{"MQTT 5 at QoS 1", 5, 1, 0},
		{"MQTT 5 at QoS 2", 5, 2, 0},
		{"MQTT 5 abandons what was in flight when the session was forgotten", 5, 1, 0.5},
		{"MQTT 5 at QoS 2 when the session was forgotten", 5, 2, 0.5},
	}
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("seed %d", seed)
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := startFlaky(t, tt.version, seed+uint64(i), 0.02, tt.forget)
			n := startNumbered(t, NumberedConfig{
				Addr: at(f.listener.Addr().String()), Version: tt.version, QoS: tt.qos,
				Connections: 4, Window: 16, MinBackoff: time.Millisecond, MaxBackoff: 4 * time.Millisecond,
			})
			eventually(t, time.Minute, time.Millisecond, func() bool { return n.Acknowledged() > 4000 })
			f.heal()
			drain(t, n)
			f.mu.Lock()
			defer f.mu.Unlock()
			if len(f.faults) > 0 {
				t.Errorf("%d faults of the client, such as: %s", len(f.faults), f.faults[0])
			}
			connects, again := 0, 0
			for _, r := range n.Reports() {
				connects, again = connects+r.Connects, again+r.Retransmitted
				checkReport(t, r, f.sessions[r.Client], tt.qos == 2 && tt.forget == 0, tt.version == 5 && tt.forget > 0)
			}
			if connects < 8 || tt.version == 4 && again == 0 {
				t.Errorf("connected %d times, retransmitted %d packets: nothing was tried", connects, again)
			}
		})
	}
}

// checkReport checks that each number is acknowledged or, where that may be,
// abandoned, and that what was acknowledged has arrived; exactly once, where
// the broker's sessions see to it.
func checkReport(t *testing.T, r Report, s *flakySession, exactlyOnce, mayAbandon bool) {
	t.Helper()
	var numbers []uint64
	for _, list := range [][]uint64{r.Acknowledged, r.Abandoned} {
		numbers = append(numbers, list...)
	}
	slices.Sort(numbers)
	if uint64(len(numbers)) != r.Sent || uint64(len(slices.Compact(numbers))) != r.Sent || r.Sent == 0 || numbers[r.Sent-1] != r.Sent {
		t.Errorf("%s: %d numbers were sent, %d are acknowledged or abandoned", r.Client, r.Sent, len(numbers))
	}
	if len(r.Rejected)+len(r.Unsettled)+len(r.Faults) > 0 || len(r.Abandoned) > 0 && !mayAbandon {
		t.Errorf("%s: rejected %v, abandoned %v, unsettled %v, faults %q", r.Client, r.Rejected, r.Abandoned, r.Unsettled, r.Faults)
	}
	for _, number := range r.Acknowledged {
		if times := s.delivered[number]; times == 0 || exactlyOnce && times > 1 {
			t.Fatalf("%s: %d arrived %d times", r.Client, number, times)
		}
	}
}

func TestNumberedAgainstABroker(t *testing.T) {
	for _, version := range []byte{4, 5} {
		for _, qos := range []byte{1, 2} {
			t.Run(fmt.Sprintf("version %d, QoS %d", version, qos), func(t *testing.T) {
				b := startBroker(t, nil)
				n := startNumbered(t, NumberedConfig{Addr: at(b.addr), Version: version, QoS: qos, Connections: 2, Name: "dev", Rate: 10_000})
				eventually(t, time.Minute, time.Millisecond, func() bool { return n.Acknowledged() > 200 })
				drain(t, n)
				sent := uint64(0)
				for i, r := range n.Reports() {
					sent += uint64(len(r.Acknowledged))
					if r.Client != fmt.Sprintf("dev-%d", i) || r.Task != fmt.Sprintf("dev-task-%d", i) || r.Connects != 1 || r.Retransmitted != 0 || r.Sent != uint64(len(r.Acknowledged)) || len(r.Faults) > 0 {
						t.Errorf("report %+v", r)
					}
				}
				if got := b.received(); uint64(len(got)) != sent || !strings.Contains(string(got[0].payload), `"memory_bytes":1,`) {
					t.Errorf("the broker got %d messages of %d, the first: %s", len(got), sent, got[0].payload)
				}
			})
		}
	}
}

func TestNumberedFollowsTheServerToAnotherAddress(t *testing.T) {
	first := startFlaky(t, 4, 1, 0, 0)
	addr := make(chan string, 1)
	addr <- first.listener.Addr().String()
	ask := func() string {
		a := <-addr
		addr <- a
		return a
	}
	n := startNumbered(t, NumberedConfig{Addr: ask, MinBackoff: time.Millisecond})
	eventually(t, time.Minute, time.Millisecond, func() bool { return n.Acknowledged() > 10 })

	<-addr
	addr <- "" // none for now
	first.listener.Close()
	first.mu.Lock()
	first.drop = 1
	first.mu.Unlock()
	first.wg.Wait()
	second := startFlaky(t, 4, 2, 0, 0)
	before := n.Acknowledged()
	<-addr
	addr <- second.listener.Addr().String()
	eventually(t, time.Minute, time.Millisecond, func() bool { return n.Acknowledged() > before+10 })
	drain(t, n)
	if r := n.Reports()[0]; r.Connects != 2 || uint64(len(r.Acknowledged)) != r.Sent {
		t.Errorf("connected %d times, acknowledged %d of %d", r.Connects, len(r.Acknowledged), r.Sent)
	}
}

func TestNumberedDrainEndsWithItsContext(t *testing.T) {
	addr := scripted(t, []byte{0x20, 2, 0, 0}, func(_ net.Conn, end <-chan struct{}) { <-end })
	n := startNumbered(t, NumberedConfig{Addr: at(addr), Window: 5})
	eventually(t, time.Minute, time.Millisecond, func() bool {
		n.publishers[0].mu.Lock()
		defer n.publishers[0].mu.Unlock()
		return n.publishers[0].session.InFlight() == 5
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	err := n.Drain(ctx)
	if !errors.Is(err, ErrUnanswered) || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "5 numbers of numbered are in flight") {
		t.Errorf("error %v", err)
	}
	if r := n.Reports()[0]; r.Sent != 5 || !slices.Equal(r.Unsettled, []uint64{1, 2, 3, 4, 5}) {
		t.Errorf("sent %d, unsettled %v", r.Sent, r.Unsettled)
	}
}

func TestNumberedDrainsWithoutAServer(t *testing.T) {
	n := startNumbered(t, NumberedConfig{Addr: at(""), MinBackoff: time.Hour, MaxBackoff: time.Hour})
	drain(t, n) // nothing is in flight: there is nothing to wait for
	if r := n.Reports()[0]; r.Sent != 0 || r.Connects != 0 {
		t.Errorf("report %+v", r)
	}
}

func TestNumberedReportsFaults(t *testing.T) {
	addr := scripted(t, []byte{0x20, 2, 0, 0}, func(c net.Conn, _ <-chan struct{}) {
		c.Write([]byte{0x40, 2, 0x12, 0x34})
		serveSink(c)
	})
	var asked atomic.Int64
	n := startNumbered(t, NumberedConfig{MinBackoff: time.Millisecond, Addr: func() string {
		if asked.Add(1) > 1 {
			return ""
		}
		return addr
	}})
	eventually(t, time.Minute, time.Millisecond, func() bool { return asked.Load() > 1 })
	n.Stop()
	if r := n.Reports()[0]; len(r.Faults) != 1 || !strings.Contains(r.Faults[0], "PUBACK for packet id 4660") {
		t.Errorf("faults %q", r.Faults)
	}
}
