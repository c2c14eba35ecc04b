package loadgen

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
)

// texts is a lane of n messages "name 0", "name 1" … on a topic of its own.
func texts(name string, n int) iter.Seq[Message] {
	return func(yield func(Message) bool) {
		var b []byte
		for i := range n {
			b = fmt.Appendf(b[:0], "%s %d", name, i) // one buffer, as Backfill allows
			if !yield(Message{"topic/" + name, b}) {
				return
			}
		}
	}
}

func TestBackfillSendsEachLaneInItsOrder(t *testing.T) {
	for _, version := range []byte{4, 5} {
		for _, window := range []int{1, 7, 0} {
			t.Run(fmt.Sprintf("version %d, window %d", version, window), func(t *testing.T) {
				b := startBroker(t, nil)
				var last Progress
				done, err := Backfill(t.Context(), BackfillConfig{
					Addr: b.addr, Version: version, Window: window,
					Lanes: []iter.Seq[Message]{texts("a", 2003), texts("b", 500), texts("none", 0)},
				}, func(p Progress) { last = p })
				if err != nil || done.Sent != 2503 || done.Acknowledged != 2503 || done.Rejected != 0 || last.Acknowledged != 2503 {
					t.Fatalf("%+v, last progress %+v, error %v", done, last, err)
				}
				got := map[string][]string{}
				for _, m := range b.received() {
					if m.qos != 1 || m.dup {
						t.Fatalf("message %+v", m)
					}
					got[m.topic] = append(got[m.topic], string(m.payload))
				}
				for name, n := range map[string]int{"a": 2003, "b": 500} {
					var want []string
					for m := range texts(name, n) {
						want = append(want, string(m.Payload))
					}
					if !slices.Equal(got["topic/"+name], want) {
						t.Errorf("lane %s arrived as %.100q", name, got["topic/"+name])
					}
				}
			})
		}
	}
}

func TestBackfillCountsWhatIsRefused(t *testing.T) {
	b := startBroker(t, func(payload []byte) error {
		if strings.HasSuffix(string(payload), "3") {
			return packets.ErrPayloadFormatInvalid
		}
		return nil
	})
	done, err := Backfill(t.Context(), BackfillConfig{Addr: b.addr, Version: 5, Lanes: []iter.Seq[Message]{texts("a", 100)}}, nil)
	if err != nil || done.Acknowledged != 90 || done.Rejected != 10 {
		t.Errorf("%+v, error %v", done, err)
	}
}

func TestBackfillSaysWhyItEnded(t *testing.T) {
	endless := texts("a", 1<<40)
	ended, end := context.WithCancel(t.Context())
	end()
	tests := []struct {
		name   string
		ctx    context.Context
		config BackfillConfig
		want   error
	}{
		{"no address", t.Context(), BackfillConfig{}, ErrConfig},
		{"a version that there is not", t.Context(), BackfillConfig{Addr: "x", Version: 3}, ErrConfig},
		{"a window of more ids than there are", t.Context(), BackfillConfig{Addr: "x", Window: 70_000}, ErrConfig},
		{"the context's end", ended, BackfillConfig{Addr: startSink(t).addr(), Lanes: []iter.Seq[Message]{endless}}, context.Canceled},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := Backfill(tt.ctx, tt.config, nil); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
	t.Run("a broken connection", func(t *testing.T) {
		s := startSink(t)
		n, begun := 0, make(chan struct{})
		lane := func(yield func(Message) bool) {
			for m := range endless {
				if n++; n == 1000 {
					<-begun // the other has its connection, too
					s.stop()
				}
				if !yield(m) {
					return
				}
			}
		}
		other := func(yield func(Message) bool) {
			close(begun)
			endless(yield)
		}
		_, err := Backfill(t.Context(), BackfillConfig{Addr: s.addr(), Lanes: []iter.Seq[Message]{lane, other}}, nil)
		if !errors.Is(err, ErrBroken) {
			t.Errorf("got %v", err)
		}
	})
}

func TestARecordingHoldsEachSourcesReadingsOnce(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	tests := []struct {
		name  string
		r     Recording
		topic string
		read  func(payload []byte) (source string, at time.Time, err error)
	}{
		{
			"tasks", Recording{Kind: Task, First: 5, Sources: 7, Start: start, Step: 15 * time.Second, Steps: 20, Service: "s", Subservice: "u", Seed: 1},
			"m/s/c/u/control/proplet/task_metrics",
			func(payload []byte) (string, time.Time, error) {
				var p struct {
					Task    string `json:"task_id"`
					Metrics struct{ Timestamp time.Time }
				}
				err := json.Unmarshal(payload, &p)
				return p.Task, p.Metrics.Timestamp, err
			},
		},
		{
			"nodes", Recording{Kind: Spore, First: 5, Sources: 7, Start: start, Step: 15 * time.Second, Steps: 20, Service: "s", Subservice: "u", Seed: 1},
			"spore/s/u/",
			func(payload []byte) (string, time.Time, error) {
				var p struct {
					Node string `json:"hostname"`
					Time int64  `json:"timestamp"`
				}
				err := json.Unmarshal(payload, &p)
				return p.Node, time.Unix(p.Time, 0), err
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			seen := map[string]int{}
			for i := range 3 {
				var first, again []string
				for m := range tt.r.Lane(i, 3) {
					source, at, err := tt.read(m.Payload)
					if err != nil {
						t.Fatalf("%v in %s", err, m.Payload)
					}
					if due := start.Add(time.Duration(seen[source]) * tt.r.Step); at.Before(due) || at.Sub(due) > 40*time.Millisecond {
						t.Errorf("%s: reading %d is of %v", source, seen[source], at)
					}
					if !strings.HasPrefix(m.Topic, tt.topic) {
						t.Errorf("topic %s", m.Topic)
					}
					seen[source]++
					first = append(first, string(m.Payload))
				}
				for m := range tt.r.Lane(i, 3) {
					again = append(again, string(m.Payload))
				}
				if !slices.Equal(first, again) {
					t.Errorf("lane %d gives other messages the second time", i)
				}
			}
			if len(seen) != 7 || tt.r.Events() != 140 || !tt.r.End().Equal(start.Add(285*time.Second)) {
				t.Errorf("sources %v, %d events, end %v", seen, tt.r.Events(), tt.r.End())
			}
			for source, n := range seen {
				if n != 20 {
					t.Errorf("%s has %d readings", source, n)
				}
			}
		})
	}
}
