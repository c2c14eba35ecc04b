package simulate

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// small is a small and fast fleet, which plays until it is told to end.
func small(b *broker) Config {
	c := Default()
	c.Broker = b.addr
	c.Nodes, c.Proplets, c.Tasks, c.Boards, c.DataNodes = 12, 4, 3, 3, 2
	c.Speed, c.Losses = 60, 0
	return c
}

// run plays a fleet until it has done enough.
func run(t *testing.T, c Config, enough func(Progress) bool) Summary {
	t.Helper()
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	var summary Summary
	go func() {
		defer close(done)
		if summary, err = s.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	defer func() { <-done }()
	defer cancel()
	eventually(t, func() bool { return enough(s.Progress()) })
	cancel()
	<-done
	return summary
}

// ends are the topics' last levels by kind of message.
var ends = map[string]string{
	"node": "resources", "node-esp8266": "resources", "create": "create", "alive": "alive", "proplet": "metrics", "task": "task_metrics",
	"board": "metrics", "health": "health", "stats": "stats",
}

func TestTheTotalsAreWhatTheBrokerSaw(t *testing.T) {
	for qos := range byte(3) {
		t.Run(fmt.Sprintf("at QoS %d", qos), func(t *testing.T) {
			t.Parallel()
			b := startBroker(t)
			c := small(b)
			c.QoS, c.Malformed = qos, 0.1
			summary := run(t, c, func(p Progress) bool {
				return p.Counts.Sent > 300 && (qos != 1 || p.Counts.Refused > 0)
			})
			eventually(t, func() bool { return b.received("demo/north")+b.received("demo/south") == int(summary.Sum.Sent) })
			b.mu.Lock()
			defer b.mu.Unlock()
			want, malformed := map[string]int{}, map[string]int{}
			for _, r := range summary.Rows {
				end := ends[r.Kind]
				want[r.Tenant.String()+" "+end] += int(r.Sent)
				if r.Malformed > 0 {
					malformed[r.Tenant.String()] += int(r.Malformed)
				}
				if qos > 0 && r.Unsettled() != 0 || r.Again != 0 || r.Dropped != 0 {
					t.Errorf("%+v: expected that all is settled and nothing sent again", r)
				}
			}
			got := map[string]int{}
			for key, n := range b.published { // the document's topic of tasks ends in proplet
				tenant, end, _ := strings.Cut(key, " ")
				if end == "proplet" {
					end = "task_metrics"
				}
				got[tenant+" "+end] += n
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("messages (-counted by the fleet +seen by the broker):\n%s", diff)
			}
			if qos == 0 {
				return
			}
			if diff := cmp.Diff(malformed, b.malformed); diff != "" {
				t.Errorf("malformed (-counted by the fleet +seen by the broker):\n%s", diff)
			}
			if int(summary.Sum.Refused) != b.refused || qos == 1 && b.refused == 0 {
				t.Errorf("%d were refused, but the fleet counts %d", b.refused, summary.Sum.Refused)
			}
		})
	}
}

func TestBrokenConnectionsLoseNothingAndLeaveWills(t *testing.T) {
	b := startBroker(t)
	c := small(b)
	c.Scenes, c.SceneAfter, c.SceneFor, c.SceneRest = []string{"flapping"}, 100*time.Millisecond, 2*time.Second, 100*time.Millisecond
	c.SceneRepeat = true
	summary := run(t, c, func(Progress) bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.wills["demo/north"]+b.wills["demo/south"] >= 4
	})
	if summary.Sum.Unsettled() != 0 {
		t.Errorf("%d messages are not settled", summary.Sum.Unsettled())
	}
	wills := uint64(0)
	for _, a := range summary.Accounts {
		wills += a.Wills
		if n := uint64(b.received(a.Tenant.String())); n < a.Received || n > a.Received+a.Again {
			t.Errorf("%s: the broker saw %d: expected %d and up to %d besides", a.Tenant, n, a.Received, a.Again)
		}
		b.mu.Lock()
		if seen := uint64(b.wills[a.Tenant.String()]); seen > a.Wills { // fewer, where one was back before the broker missed it
			t.Errorf("%s: the broker saw %d wills of %d", a.Tenant, seen, a.Wills)
		}
		b.mu.Unlock()
	}
	if wills < 4 {
		t.Errorf("%d wills: expected that a proplet breaks off eight times", wills)
	}
}

func TestEachDeviceIsAClientOfItsOwn(t *testing.T) {
	b := startBroker(t)
	c := small(b)
	c.Prefix = "lab-"
	run(t, c, func(Progress) bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return len(b.clients) >= 12+4+3+2
	})
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.clients) != 12+4+3+2 || b.clients["lab-spore-01"] != 5 || b.clients["lab-spore-02"] != 4 || b.clients["lab-proplet-1"] != 4 {
		t.Errorf("clients with their versions: %v", b.clients)
	}
}

func TestItEndsWhenItIsToldTo(t *testing.T) {
	b := startBroker(t)
	c := small(b)
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan Summary, 1)
	go func() {
		summary, err := s.Run(ctx)
		if err != nil {
			t.Error(err)
		}
		done <- summary
	}()
	eventually(t, func() bool { p := s.Progress(); return p.Connected == 21 && p.Counts.Acknowledged > 100 })
	if p := s.Progress(); p.Devices != 21 || p.Scene != "" || p.Simulated < 8*time.Hour || p.Failures != 0 {
		t.Errorf("%+v", p)
	}
	cancel()
	if summary := <-done; summary.Sum.Unsettled() != 0 || summary.Devices != 21 {
		t.Errorf("%+v", summary)
	}
}

func TestWithoutABrokerItDoesNotBegin(t *testing.T) {
	c := Default()
	c.Broker = "127.0.0.1:1" // nobody's
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "reach the broker") {
		t.Errorf("got %v", err)
	}
}

func TestAllThatIsWrongIsSaid(t *testing.T) {
	c := Default()
	c.Broker, c.QoS, c.Speed, c.Malformed, c.Scenes, c.BoardsBy, c.SourcesFile = "http://x", 3, 0, 2, []string{"quake"}, "fax", ""
	c.Tenants = []Tenant{{Service: "a b", Subservice: "c"}}
	_, err := New(c)
	want := []string{
		`the broker is "http://x": expected tcp://host:port or ssl://host:port`,
		`the QoS is 3: expected 0, 1 or 2`,
		`the tenant "a b/c": expected service/subservice, each of ASCII letters, digits, '_', '-' or '.'`,
		`the speed is 0: expected more than 0, and at most 10,000`,
		`the share of malformed messages is 2: expected 0 to 1`,
		`there is no scene "quake": expected one of steady, rollout, outage, flapping, storm, bad-firmware`,
		`boards by "fax": expected mqtt, http or both`,
	}
	if err == nil {
		t.Fatal("it is accepted")
	}
	if diff := cmp.Diff(want, strings.Split(err.Error(), "\n")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(time.Minute); !ok(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatal("it did not come about")
		}
	}
}
