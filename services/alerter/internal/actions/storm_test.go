package actions

import (
	"errors"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/prometheus/common/model"

	"weir/services/alerter/internal/alert"
)

// fireMany makes alerts of so many entities fire.
func (b *bench) fireMany(n int, at time.Time) { b.fireManyOf(b.key(), n, at) }

func (b *bench) fireManyOf(key string, n int, at time.Time) {
	for i := range n {
		ls := maps.Clone(labels)
		ls["id"] = model.LabelValue(fmt.Sprint("sensor-", i))
		b.move(alert.Inactive, alert.Alert{ID: alert.NewID(key, ls, at), Rule: key, Labels: ls, Status: alert.Firing, Value: 31.5, ActiveAt: at, FiredAt: at}, at)
	}
}

func TestManyActionsAtOnceAreDoneOnceEach(t *testing.T) {
	b := newBench(t, time.Now, `{"type":"post","template":"x","parameters":{"url":"SINK/"}}`)
	defer b.run()()
	const n = 2*depth*ruleWidth + 1
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
	b.fireMany(depth*ruleWidth, time.Now())
	eventually(t, "those that have a turn are tried", func() bool { return len(b.sink.got()) == ruleWidth })
	gone := alert.Event{At: time.Now(), Rule: &alert.RuleChange{Tenant: line1, Name: "too_hot", ID: "1", Deleted: true, UpdatedAt: time.Now()}}
	if err := b.Append(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	close(b.sink.hang)
	eventually(t, "nothing waits", func() bool {
		b.Runner.mu.Lock()
		defer b.Runner.mu.Unlock()
		return b.owed.all.begun == 0 && len(b.owed.rules)+len(b.owed.tenants) == 0
	})
	if got := len(b.sink.got()); got != ruleWidth {
		t.Errorf("%d requests, %d had begun when the rule ended", got, ruleWidth)
	}
}

// Targets that never answer keep neither another tenant's actions waiting, nor
// those of another rule of the same tenant.
func TestAHangingTargetDelaysItsOwnRuleAlone(t *testing.T) {
	b := newBench(t, time.Now, `[]`)
	silent := newSink(t)
	silent.hang = make(chan struct{})
	at := time.Now()
	b.setRuleOf(line1, "too_hot", at, `{"type":"post","template":"x","parameters":{"url":"`+silent.URL+`/"}}`)
	b.setRuleOf(line1, "too_cold", at, `{"type":"post","template":"x","parameters":{"url":"SINK/same"}}`)
	b.setRuleOf(line2, "too_hot", at, `{"type":"post","template":"x","parameters":{"url":"SINK/other"}}`)
	b.fireMany(300, at)
	defer b.run()()
	defer close(silent.hang)
	eventually(t, "the target is asked as often as it may be", func() bool { return len(silent.got()) == ruleWidth })
	const n = 10
	b.fireManyOf(b.keyOf(line1, "too_cold"), n, at)
	b.fireManyOf(b.keyOf(line2, "too_hot"), n, at)
	eventually(t, "the others' actions", func() bool { return len(b.sink.got()) == 2*n })
	if got := len(silent.got()); got != ruleWidth {
		t.Errorf("%d requests are under way, expected %d", got, ruleWidth)
	}
}

// The same holds for what others ask for.
func TestAHangingTargetDelaysItsOwnRuleAloneIfOthersAsk(t *testing.T) {
	b := newBench(t, time.Now, `[]`)
	silent := newSink(t)
	silent.hang = make(chan struct{})
	at := time.Now()
	b.setRuleOf(line1, "too_hot", at, `{"type":"post","template":"x","parameters":{"url":"`+silent.URL+`/"}}`)
	b.setRuleOf(line2, "too_hot", at, `{"type":"post","template":"x","parameters":{"url":"SINK/other"}}`)
	do := func(i int, tenant alert.Tenant) error {
		return b.Do(fmt.Sprint(i), tenant, Event{"ruleName": "too_hot", "id": fmt.Sprint(i)})
	}
	defer b.run()()
	defer close(silent.hang)
	for i := range depth * ruleWidth {
		if err := do(i, line1); err != nil {
			t.Fatal(err)
		}
	}
	if err := do(1000, line1); !errors.Is(err, ErrBusy) {
		t.Errorf("one more than may wait: %v", err)
	}
	if err := do(0, line2); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the other's action", func() bool { return len(b.sink.got()) == 1 })
}
