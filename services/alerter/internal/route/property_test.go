package route

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"weir/services/alerter/internal/alert"
)

// anything is a file in which everything happens: two kinds of groups, continue,
// a receiver with two integrations, one that takes no ends, inhibition, mutes.
const anything = `
route:
  receiver: a
  group_by: [alertname]
  group_wait: 30s
  group_interval: 3m
  repeat_interval: 1h
  routes:
    - {matchers: [zone=1], receiver: two, group_by: ['...'], group_wait: 0s, continue: true}
    - {matchers: [zone=~"1|2"], receiver: b, group_by: [], mute_time_intervals: [night]}
    - {matchers: [zone=3], receiver: quiet}
inhibit_rules:
  - {source_matchers: [alertname=A], target_matchers: ['alertname=~"B|C"'], equal: [zone]}
time_intervals:
  - {name: night, time_intervals: [{times: [{start_time: '12:30', end_time: '13:10'}, {start_time: '14:00', end_time: '15:00'}]}]}
`

// chaos lets things happen to a world at random.
type chaos struct {
	*world
	rng    *rand.Rand
	firing []alert.ID
	told   map[alert.NoticeKey]map[alert.ID]string // what was sent: "firing", "resolved"
}

func newChaos(t *testing.T, seed uint64) *chaos {
	c := &chaos{world: newWorld(t, anything, Options{FallbackReceiver: "fallback", FallbackAfter: 4 * min}),
		rng: rand.New(rand.NewPCG(seed, 1)), told: map[alert.NoticeKey]map[alert.ID]string{}}
	return c
}

// happen makes one thing happen to the alerts or silences.
func (c *chaos) happen() {
	switch n := c.rng.IntN(10); {
	case n < 5:
		text := fmt.Sprintf("%c zone=%d instance=%d", 'A'+c.rng.IntN(4), c.rng.IntN(5), c.rng.IntN(3))
		labels := set(text)
		for _, id := range c.firing {
			if c.state.Alerts[id].Labels.Equal(labels) {
				return
			}
		}
		c.firing = append(c.firing, c.fire(text))
	case n < 9 && len(c.firing) > 0:
		i := c.rng.IntN(len(c.firing))
		c.resolve(c.firing[i])
		c.firing = slices.Delete(c.firing, i, i+1)
	case n == 9:
		from := c.now.Sub(noon)
		c.silence(fmt.Sprint(c.rng.IntN(3)), string(rune('A'+c.rng.IntN(4))), from, from+time.Duration(c.rng.IntN(1200))*sec)
	}
}

// deliver sends what is due, some of which fails.
func (c *chaos) deliver(failures int) {
	for _, d := range c.plan().Due {
		if c.rng.IntN(10) < failures {
			c.fail(d, time.Duration(1+c.rng.IntN(300))*sec)
			continue
		}
		if c.told[d.Key] == nil {
			c.told[d.Key] = map[alert.ID]string{}
		}
		for _, id := range idsOf(d.Firing) {
			c.told[d.Key][id] = "firing"
		}
		for _, id := range idsOf(d.Resolved) {
			if c.told[d.Key][id] == "resolved" {
				c.t.Errorf("%s is told twice to %v that it ended", id, d.Key)
			}
			c.told[d.Key][id] = "resolved"
		}
		c.send(d)
	}
}

// forget enters what is forgettable.
func (c *chaos) forget() {
	if f := c.router.Forgettable(c.state, c.now); len(f.Alerts)+len(f.Notices)+len(f.Silences) > 0 {
		c.apply(alert.Event{Forgotten: &f})
	}
}

// restarted checks that a process that knows only the events plans the same.
func (c *chaos) restarted() {
	again := newWorld(c.t, anything, Options{FallbackReceiver: "fallback", FallbackAfter: 4 * min})
	for _, e := range c.events {
		text, err := json.Marshal(e)
		if err != nil {
			c.t.Fatal(err)
		}
		var back alert.Event
		if err := json.Unmarshal(text, &back); err != nil {
			c.t.Fatal(err)
		}
		again.state.Apply(back)
	}
	again.now = c.now
	if diff := cmp.Diff(c.plan(), again.plan()); diff != "" {
		c.t.Errorf("at %s, after a restart:\n%s", c.now.Sub(noon), diff)
	}
}

func TestWhateverHappens(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			c := newChaos(t, seed)
			for step := range 400 {
				c.now = c.now.Add(time.Duration(c.rng.IntN(40)) * sec)
				c.happen()
				if step%10 == 0 {
					c.deliver(4)
				}
				if step%50 == 0 {
					c.restarted()
				}
				if step%25 == 0 {
					c.forget()
				}
				c.nothingBefore()
			}
			c.settle()
		})
	}
}

// nothingBefore checks that nothing becomes due before Next.
func (c *chaos) nothingBefore() {
	c.t.Helper()
	p, now := c.plan(), c.now
	if !p.Next.IsZero() && !p.Next.After(now) {
		c.t.Fatalf("at %s: next is %s", now.Sub(noon), p.Next.Sub(noon))
	}
	until := p.Next
	if until.IsZero() {
		until = now.Add(10 * time.Hour)
	}
	for range 3 {
		c.now = now.Add(time.Duration(c.rng.Int64N(int64(until.Sub(now)))))
		if later := c.plan(); len(later.Due) != len(p.Due) {
			c.t.Fatalf("at %s %d are due, the plan of %s has %d and looks again at %s",
				c.now.Sub(noon), len(later.Due), now.Sub(noon), len(p.Due), p.Next.Sub(noon))
		}
	}
	c.now = now
}

// settle lets time go on with nothing happening and nothing failing, and checks
// that everything was told that was to be told.
func (c *chaos) settle() {
	for range 200 {
		c.deliver(0)
		p := c.plan()
		if len(p.Due) > 0 {
			c.t.Fatalf("at %s something is due that was just sent: %+v", c.now.Sub(noon), p.Due)
		}
		if p.Next.IsZero() {
			break
		}
		c.now = p.Next
	}
	for _, id := range c.firing {
		a := c.state.Alerts[id]
		for _, b := range c.router.known.members[id].in {
			for _, in := range c.router.integrations[b.node.receiver] {
				key := alert.NoticeKey{Group: b.key, Receiver: b.node.receiver, Integration: in.key}
				if muted := c.router.Status(a, c.state, c.now).State == Suppressed; !muted && c.told[key][id] != "firing" {
					c.t.Errorf("%v was not told of %s", key, id)
				}
			}
		}
	}
	for key, told := range c.told {
		for id, what := range told {
			if what == "firing" && !slices.Contains(c.firing, id) && key.Receiver != "quiet" {
				c.t.Errorf("%v was not told that %s ended", key, id)
			}
		}
	}
}

func TestOrderIsThatOfAlerts(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	w := newWorld(t, simple, Options{})
	for range 200 {
		text := "X"
		for i := range rng.IntN(4) {
			text += fmt.Sprintf(" l%d=%d", rng.IntN(4)+i, rng.IntN(3))
		}
		w.now = w.now.Add(sec)
		w.fire(text)
	}
	p := w.at(time.Hour).plan()
	if len(p.Due) != 1 || len(p.Due[0].Firing) != 200 || !slices.IsSortedFunc(p.Due[0].Firing, alert.Compare) {
		t.Error("not in alert.Compare's order")
	}
}
