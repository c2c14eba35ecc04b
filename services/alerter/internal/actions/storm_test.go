package actions

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/prometheus/common/model"

	"weir/services/alerter/internal/alert"
)

// fireMany makes alerts of so many entities fire.
func (b *bench) fireMany(n int, at time.Time) {
	for i := range n {
		ls := maps.Clone(labels)
		ls["id"] = model.LabelValue(fmt.Sprint("sensor-", i))
		b.move(alert.Inactive, alert.Alert{ID: alert.NewID(b.key(), ls, at), Rule: b.key(), Labels: ls, Status: alert.Firing, Value: 31.5, ActiveAt: at, FiredAt: at}, at)
	}
}

func TestManyActionsAtOnceAreDoneOnceEach(t *testing.T) {
	b := newBench(t, time.Now, `{"type":"post","template":"x","parameters":{"url":"SINK/"}}`)
	defer b.run()()
	const n = 2*maxBusy + 1
	b.fireMany(n, time.Now())
	eventually(t, "all are done", func() bool { return len(b.outcomes()) >= n })
	if got := len(b.sink.got()); got != n {
		t.Errorf("%d requests for %d alerts", got, n)
	}
}

func TestActionsThatWaitForTheirTurnEndWithTheirRule(t *testing.T) {
	b := newBench(t, time.Now, `{"type":"post","template":"x","parameters":{"url":"SINK/"}}`)
	b.sink.hang = make(chan struct{})
	defer b.run()()
	b.fireMany(maxBusy, time.Now())
	eventually(t, "those that have a turn are tried", func() bool { return len(b.sink.got()) == concurrent })
	gone := alert.Event{At: time.Now(), Rule: &alert.RuleChange{Tenant: line1, Name: "too_hot", ID: "1", Deleted: true, UpdatedAt: time.Now()}}
	if err := b.Append(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	close(b.sink.hang)
	eventually(t, "nothing waits", func() bool {
		b.Runner.mu.Lock()
		defer b.Runner.mu.Unlock()
		return b.begun == 0
	})
	if got := len(b.sink.got()); got != concurrent {
		t.Errorf("%d requests, %d had begun when the rule ended", got, concurrent)
	}
}
