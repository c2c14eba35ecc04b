package live_test

import (
	"testing"
	"time"

	"weir/services/aggregator/internal/history"
	"weir/services/aggregator/internal/live"

	"weir/pkg/schema"
)

// A memory that follows every row, one that follows some, and one that is new all
// say the same.
func TestAMemoryOnlySavesTime(t *testing.T) {
	every, some := live.NewMemory(history.DefaultStaleness), live.NewMemory(history.DefaultStaleness)
	var times []int64
	asked := 0
	follow := func(m *live.Memory, tr *live.Track) live.Limit {
		limit, known := m.Follow(tr)
		if !known {
			asked++
			limit = m.Learn(tr, times[max(0, len(times)-20):])
		}
		return limit
	}
	tr := live.Track{Number: 3}
	asked0, at := 0, now
	for i := range 1000 {
		at += int64(15+i/100*10+i%3) * second
		times = append(times, at)
		if tr.Newest, tr.Rows = at, tr.Rows+1; tr.Rows == history.ChunkRows {
			tr.Rows, tr.Chunks = 0, tr.Chunks+1
		}
		want := follow(live.NewMemory(history.DefaultStaleness), &tr)
		asked = asked0
		if got := follow(every, &tr); got != want {
			t.Fatalf("row %d: %v, want %v", i, got, want)
		}
		if asked0 = asked; i%20 != 7 {
			continue
		}
		if got := follow(some, &tr); got != want {
			t.Fatalf("row %d, of some: %v, want %v", i, got, want)
		}
	}
	if asked0 != 1 {
		t.Errorf("it had to be told %d times", asked0)
	}
}

func TestAMemoryRemembersLabelsUntilTheyChange(t *testing.T) {
	m, made := live.NewMemory(history.DefaultStaleness), 0
	record := schema.Source{Kind: schema.KindTask, ID: "t", Parent: "p", Labels: []schema.Label{{Name: "zone", Value: "east"}}}
	ask := func() []schema.Label {
		return m.Labels(1, &record, func() []schema.Label { made++; return record.Labels })
	}
	ask()
	if got := ask(); made != 1 || len(got) != 3 {
		t.Errorf("made %d times: %v", made, got)
	}
	record.Labels = []schema.Label{{Name: "zone", Value: "west"}}
	if got := ask(); made != 2 || got[2].Value != "west" {
		t.Errorf("made %d times: %v", made, got)
	}
	record.Parent = "q"
	if ask(); made != 3 {
		t.Errorf("made %d times", made)
	}
}

func TestAMemoryForgetsWhatIsGone(t *testing.T) {
	m := live.NewMemory(history.DefaultStaleness)
	for i := range uint64(2000) {
		m.Learn(&live.Track{Number: i}, []int64{ago(60), ago(40), ago(20), ago(0)})
	}
	tr := live.Track{Number: 7}
	learned := func() bool { limit, known := m.Follow(&tr); return known && limit.Learned }
	if m.Forget(600, 600); !learned() {
		t.Error("it forgot too early")
	}
	if m.Forget(1, 1); learned() {
		t.Error("it forgot nothing")
	}
	if limit, _ := m.Follow(&tr); limit != m.Unknown() || limit.Time != 5*time.Minute {
		t.Errorf("then the limit is %v", limit)
	}
}
