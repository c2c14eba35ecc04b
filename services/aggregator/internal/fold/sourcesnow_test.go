package fold

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/services/aggregator/internal/foldtest"
	"weir/services/aggregator/internal/history"

	"weir/pkg/schema"
)

// now returns what is visited of the one source of a kind.
func (j *journal) now(t *testing.T, kind schema.Kind, visit func(*SourceNow)) {
	t.Helper()
	j.Order()
	found := 0
	j.SourcesNow(func(name schema.Tenant) bool { return true }, func(n *SourceNow) {
		if n.Kind == kind {
			found++
			visit(n)
		}
	})
	if found != 1 {
		t.Fatalf("%d sources are %v", found, kind)
	}
}

func TestASourceHasItsLabelsBeforeItHasSeries(t *testing.T) {
	j := newJournal()
	j.events(alive(at(0)))
	j.now(t, schema.KindProplet, func(n *SourceNow) {
		want := []schema.Label{{Name: "proplet_id", Value: "p"}, {Name: "service", Value: "factory"}, {Name: "subservice", Value: "line1"}}
		if diff := cmp.Diff(want, n.SeriesLabels()); diff != "" {
			t.Error(diff)
		}
		if tr, found := n.Latest(); found {
			t.Errorf("its newest track is %v", tr)
		}
	})
}

func TestTheLatestTrackOfASourceIsThatOfItsNewestReading(t *testing.T) {
	j := newJournal()
	send := func(zone string, second int64) {
		j.events(schema.Event{Topic: foldtest.SporeTopic(tenantA, "n"), Received: at(second), Payload: foldtest.SporeNode("n", zone, 1, at(second))})
	}
	for i := range int64(history.ChunkRows + 5) {
		send("east", 10*i)
	}
	latest := func() (tr TrackNow, zone string) {
		j.now(t, schema.KindSporeNode, func(n *SourceNow) {
			tr, _ = n.Latest()
			zone = (&schema.Source{Labels: n.SeriesLabels()}).Label("zone")
		})
		return tr, zone
	}
	tr, zone := latest()
	if tr.Rows != 5 || tr.Chunks != 1 || tr.Newest != at(10*(history.ChunkRows+4)) || zone != "east" {
		t.Errorf("it is %+v in %s", tr, zone)
	}
	send("west", 5000)
	if tr, zone = latest(); tr.Rows != 1 || tr.Chunks != 0 || tr.Newest != at(5000) || zone != "west" {
		t.Errorf("with other labels it is %+v in %s", tr, zone)
	}
	send("east", 5010)
	if tr, zone = latest(); tr.Rows < 2 || tr.Chunks != 1 || tr.Newest != at(5010) || zone != "east" {
		t.Errorf("with those it had before it is %+v in %s", tr, zone)
	}
	var v TrackView
	if tr.View(&v); v.Number != tr.Number || v.Main.Len() != tr.Rows {
		t.Errorf("its view is %+v", v)
	}
	if got, want := new(history.Decoder).TailTimes(v.Main, nil), at(5010); got[len(got)-1] != want || len(got) != tr.Rows-1 { // one is an end
		t.Errorf("its latest times are %v", got)
	}
}

func TestWhatTheNewestReadingsLackIsMissing(t *testing.T) {
	j := newJournal()
	stats := func(second int64) {
		j.events(schema.Event{Topic: foldtest.DataNodeTopic(tenantA, "n", "stats"), Received: at(second), Payload: foldtest.Stats(8, at(second))})
	}
	health := func(second int64) {
		j.events(schema.Event{Topic: foldtest.DataNodeTopic(tenantA, "n", "health"), Received: at(second), Payload: foldtest.Health(true, at(second))})
	}
	missing := func() map[schema.Field]Absence {
		all := map[schema.Field]Absence{}
		j.now(t, schema.KindDataNode, func(n *SourceNow) {
			n.Missing(func(series []schema.Label, newest int64, a Absence) {
				if newest != j.Clock() || len(series) == 0 {
					t.Errorf("its newest reading is of %d, in %v", newest, series)
				}
				all[a.Field] = a
			})
		})
		return all
	}
	stats(0)
	if got := missing(); len(got) > 0 {
		t.Errorf("at first %v", got)
	}
	health(10)
	health(20)
	if got := missing()[schema.DataNodeTotalPeers]; got.Since != at(0) || got.Longest != 0 {
		t.Errorf("without stats %+v", got)
	}
	stats(60)
	if got, found := missing()[schema.DataNodeTotalPeers]; found {
		t.Errorf("with them again %+v", got)
	}
	health(70)
	if got := missing()[schema.DataNodeTotalPeers]; got.Since != at(60) || got.Longest != 60*second {
		t.Errorf("without them again %+v", got)
	}
}
