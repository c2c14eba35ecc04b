package fold

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/pkg/schema"
)

// entity is a reading of the device "b" with a type, "" for none.
func entity(typ string, own int64) schema.Reading {
	r := board("", "", own, "a")
	if r.Labels = []schema.Label{}; typ != "" {
		r.Labels = []schema.Label{{Name: "type", Value: typ}}
	}
	return r
}

func TestDevicesOfOneIDAndSeveralTypesDoNotHideEachOther(t *testing.T) {
	j := openJournal()
	for i := range int64(3) {
		j.events(say(10*i, entity("A", 10*i), entity("B", 10*i)), say(10*i+5, entity("A", 10*i+5)))
	}
	j.events(say(30, entity("", 30)), say(40, board("", "", 40, "a"))) // the latter says nothing of a type
	j.Order()
	var got []string
	j.SourcesNow(func(schema.Tenant) bool { return true }, func(n *SourceNow) {
		got = append(got, fmt.Sprint(n.ID, n.Labels, " ", n.Readings, " ", n.SeriesLabels()))
	})
	want := []string{
		"b[] 2 [{device b} {service factory} {subservice line1}]",
		"b[{type A}] 6 [{device b} {service factory} {subservice line1} {type A}]",
		"b[{type B}] 3 [{device b} {service factory} {subservice line1} {type B}]",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("sources (-want +got):\n%s", diff)
	}
	tracks := j.SourceTracks(schema.KindDevice, "b", schema.Tenant{})
	if len(tracks) != 3 {
		t.Fatalf("%d tracks", len(tracks))
	}
	for _, v := range tracks {
		if !v.Current || v.Ends {
			t.Errorf("track %d of %v has ended", v.Number, v.Labels)
		}
	}
	if n := j.tenant(t, tenantA).Sources; n != 3 {
		t.Errorf("the tenant has %d sources", n)
	}
}

func TestATypeIsPartOfTheNameOfDevicesOnly(t *testing.T) {
	labels := []schema.Label{{Name: "type", Value: "A"}}
	for _, kind := range schema.Kinds() {
		if got := nameOf(kind, "x", labels); (got.typ == "A") != (kind == schema.KindDevice) {
			t.Errorf("%v: %+v", kind, got)
		}
	}
}
