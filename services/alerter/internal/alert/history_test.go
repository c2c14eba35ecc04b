package alert_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"weir/services/alerter/internal/alert"
	"weir/services/alerter/internal/alert/alerttest"
)

func TestTheHistoryKeepsTheLatestEvents(t *testing.T) {
	s := alert.NewState()
	for range 2*alert.HistorySize + 7 {
		s.Apply(alert.Event{Silence: &alert.Silence{ID: "s"}})
	}
	all := s.Latest()
	if len(all) != alert.HistorySize || all[0].Number != alert.HistorySize+8 || all[len(all)-1].Number != s.Number {
		t.Errorf("%d events, %d to %d", len(all), all[0].Number, all[len(all)-1].Number)
	}
}

// large returns an event that takes so many bytes.
func large(n int) alert.Event {
	return alert.Event{At: began, Silence: &alert.Silence{ID: "s", Comment: strings.Repeat("x", n)}}
}

func TestTheHistoryIsBoundedInBytes(t *testing.T) {
	const size = 100 << 10
	s := alert.NewState()
	for range 3 * alert.MaxHistoryBytes / size {
		s.Apply(large(size))
		if s.HistoryBytes > alert.MaxHistoryBytes {
			t.Fatalf("%d bytes after %d events", s.HistoryBytes, s.Number)
		}
	}
	all := s.Latest()
	if n := len(all); n < alert.MaxHistoryBytes/size-2 || n > alert.MaxHistoryBytes/size || all[n-1].Number != s.Number || all[0].Number != s.Number-uint64(n)+1 {
		t.Errorf("%d events, %d to %d of %d", n, all[0].Number, all[n-1].Number, s.Number)
	}
	for range alert.HistorySize {
		s.Apply(large(0))
	}
	if n := len(s.Latest()); n != alert.HistorySize {
		t.Errorf("when small events follow there are %d", n)
	}
}

func TestASnapshotForgetsNoMoreHistoryThanTheEventsDo(t *testing.T) {
	events := func(yield func(alert.Event) bool) {
		for i := range 3 * alert.HistorySize {
			if !yield(large(i % 7 * i % 9000)) {
				return
			}
		}
	}
	want, got, n := alert.NewState(), alert.NewState(), 0
	for e := range events {
		if n++; n%7919 == 0 {
			got = written(t, got, 1000)
		}
		want.Apply(e)
		got.Apply(e)
	}
	if diff := alerttest.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if n := len(want.Latest()); n == alert.HistorySize {
		t.Errorf("%d events are not bounded by their bytes", n)
	}
}

// manyIDs returns IDs in order.
func manyIDs(name string, n int) []alert.ID {
	all := make([]alert.ID, n)
	for i := range all {
		all[i] = alert.ID(fmt.Sprintf("%s-%05d", name, i))
	}
	return all
}

func TestTheHistoryKeepsTheBeginningOfLongLists(t *testing.T) {
	n := alert.Notice{NoticeKey: alert.NoticeKey{Group: "g"}, Firing: manyIDs("f", 4000), Resolved: manyIDs("r", alert.HistoryAlerts+1), Outcome: alert.Sent}
	s := alert.NewState()
	s.Apply(alert.Event{At: began, Notice: &n})
	want := n
	want.Firing, want.MoreFiring = manyIDs("f", alert.HistoryAlerts), 4000-alert.HistoryAlerts
	want.Resolved, want.MoreResolved = manyIDs("r", alert.HistoryAlerts), 1
	if diff := cmp.Diff(&want, s.Latest()[0].Notice); diff != "" {
		t.Error(diff)
	}
	if k := s.Notices[n.NoticeKey]; len(k.Firing) != 4000 || len(k.Resolved) != alert.HistoryAlerts+1 {
		t.Errorf("what was told is known of %d and %d alerts", len(k.Firing), len(k.Resolved))
	}
	again := written(t, written(t, s, 10), 10)
	if diff := cmp.Diff(&want, again.Latest()[0].Notice); diff != "" {
		t.Errorf("after a snapshot: %s", diff)
	}
	short := alert.Notice{NoticeKey: n.NoticeKey, Firing: manyIDs("f", alert.HistoryAlerts)}
	s.Apply(alert.Event{At: began, Notice: &short})
	if diff := cmp.Diff(&short, s.Latest()[1].Notice); diff != "" {
		t.Errorf("a list that is not too long: %s", diff)
	}
}

// Snapshots of versions before these bounds have all of the alerts that notices
// told of.
func TestTheHistoryOfAnOldSnapshotIsShortened(t *testing.T) {
	s := alert.NewState()
	const n = 1000
	for i := range n {
		s.Load(alert.Part{Number: uint64(i + 1), History: []alert.Numbered{{Number: uint64(i + 1), Event: alert.Event{At: began.Add(time.Duration(i)),
			Notice: &alert.Notice{Firing: manyIDs("f", 4000), Outcome: alert.Sent}}}}})
	}
	if len(s.Latest()) != n || s.HistoryBytes > alert.MaxHistoryBytes {
		t.Errorf("%d events, %d bytes", len(s.Latest()), s.HistoryBytes)
	}
	if got := s.Latest()[n-1].Notice; len(got.Firing) != alert.HistoryAlerts || got.MoreFiring != 4000-alert.HistoryAlerts {
		t.Errorf("%d alerts and %d more", len(got.Firing), got.MoreFiring)
	}
}
