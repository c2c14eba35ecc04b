package alert_test

import (
	"encoding/json"
	"math/rand/v2"
	"testing"

	"weir/services/alerter/internal/alert"
	"weir/services/alerter/internal/alert/alerttest"
)

// written returns what is read of a state that was written.
func written(t *testing.T, s *alert.State, size int) *alert.State {
	t.Helper()
	out := alert.NewState()
	for p := range s.Clone().Parts(size) {
		data, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		var q alert.Part
		if err := json.Unmarshal(data, &q); err != nil {
			t.Fatal(err)
		}
		out.Load(q)
	}
	return out
}

// read returns an event as it is read again.
func read(t *testing.T, e alert.Event) (out alert.Event) {
	t.Helper()
	data, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestASnapshotAtAnyMomentAndTheRestMakeTheSameState(t *testing.T) {
	for range 30 {
		seed := rand.Uint64()
		source := alerttest.NewSource(seed)
		n := 1 + int(seed%400)
		cut := int(seed>>32) % (n + 1)
		got := alert.NewState()
		for i := range n {
			if i == cut {
				got = written(t, got, 1+i%7)
			}
			got.Apply(read(t, source.Next()))
		}
		if diff := alerttest.Diff(source.State, got); diff != "" {
			t.Fatalf("seed %d, %d events, snapshot before %d:\n%s", seed, n, cut, diff)
		}
	}
}

func TestACloneStaysAsItWas(t *testing.T) {
	source := alerttest.NewSource(1)
	source.Events(300)
	clone := source.State.Clone()
	before := written(t, source.State, 100)
	source.Events(300)
	if diff := alerttest.Diff(before, clone); diff != "" {
		t.Error(diff)
	}
}

func TestASnapshotHoldsNoMoreThanTheLatestHistory(t *testing.T) {
	s := alert.NewState()
	for range alert.HistorySize + 100 {
		s.Apply(alert.Event{Silence: &alert.Silence{ID: "s"}})
	}
	if got := written(t, s, 1000); len(got.History) != alert.HistorySize {
		t.Errorf("%d events", len(got.History))
	}
}

func TestHalvesMakeTheSameState(t *testing.T) {
	source := alerttest.NewSource(3)
	source.Events(500)
	parts, got := []alert.Part{}, alert.NewState()
	for p := range source.State.Parts(100) {
		parts = append(parts, p)
	}
	for len(parts) > 0 {
		p := parts[0]
		parts = parts[1:]
		if halves, ok := p.Halves(); ok {
			parts = append(halves[:], parts...)
			continue
		}
		got.Load(p)
	}
	if diff := alerttest.Diff(source.State, got); diff != "" {
		t.Error(diff)
	}
}

func TestAPartsEndCanBeCut(t *testing.T) {
	source := alerttest.NewSource(2)
	source.Events(300)
	n := 0
	for range source.State.Parts(10) {
		if n++; n == 5 {
			break
		}
	}
	if n != 5 {
		t.Errorf("%d parts", n)
	}
}

func TestValuesAreNumbersInQuotes(t *testing.T) {
	for _, bad := range []string{`81.5`, `"hot"`, `null x`} {
		var v alert.Value
		if err := v.UnmarshalJSON([]byte(bad)); err == nil {
			t.Errorf("%s was read as %v", bad, v)
		}
	}
}
