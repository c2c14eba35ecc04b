package fold

import (
	"testing"
	"time"

	"weir/services/aggregator/internal/foldtest"

	"weir/pkg/schema"
)

var tenantA = schema.Tenant{Service: "factory", Subservice: "line1"}

const second = int64(time.Second)

// at returns a moment of the test's journal.
func at(seconds int64) int64 { return foldtest.Start + seconds*second }

// journal folds one frame after the other into a state.
type journal struct {
	*State
	seq uint64
}

func newJournal() *journal { return &journal{State: New(DefaultSettings())} }

func (j *journal) frame(f schema.Frame) Outcome {
	j.seq++
	if f.Writer == "" {
		f.Writer, f.Number = "w", j.seq
	}
	return j.Apply(j.seq, &f)
}

func (j *journal) events(events ...schema.Event) Outcome {
	return j.frame(schema.Frame{Events: events})
}

// verdicts leaves out what an outcome says of the history.
func verdicts(out Outcome) Outcome {
	out.History = HistoryOutcome{}
	return out
}

func (j *journal) find(t *testing.T, kind schema.Kind, id string) schema.Source {
	t.Helper()
	j.Order()
	var found []schema.Source
	j.Sources(&schema.SourcesRequest{Kinds: []schema.Kind{kind}, ID: id}, func(s *schema.Source) { found = append(found, *s) })
	if len(found) != 1 {
		t.Fatalf("%d sources are %v %q", len(found), kind, id)
	}
	return found[0]
}

func (j *journal) tenant(t *testing.T, name schema.Tenant) schema.TenantState {
	t.Helper()
	state := j.tenants.byName[name]
	if state == nil {
		t.Fatalf("no tenant %s", name)
	}
	return state.Clone()
}

func task(cpu float64, own, received int64) schema.Event {
	return schema.Event{Topic: foldtest.TaskTopic(tenantA), Client: "c", Received: received, Payload: foldtest.Task("t", "p", cpu, own)}
}

func alive(received int64) schema.Event {
	return schema.Event{Topic: foldtest.AliveTopic(tenantA), Client: "c", Received: received, Payload: foldtest.Alive("p")}
}

func newest(s schema.Source) *schema.Source { return &s }
