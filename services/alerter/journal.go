package alerter

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/common/model"

	"weir/pkg/journal"
	"weir/pkg/schema"
	"weir/pkg/schema/decode"
	"weir/services/alerter/internal/evaluate"
	"weir/services/alerter/internal/rule"
)

// recorder writes what rules record into the journal.
type recorder struct {
	committer *journal.Committer[struct{}]
	now       func() time.Time
}

var _ evaluate.Recorder = (*recorder)(nil)

const (
	// maxWaiting is how many bytes may wait for the journal before more is
	// refused: rules must not stand still because the journal does.
	maxWaiting = journal.DefaultMaxQueueBytes / 2
	// recordedBytes is how large an event of recorded samples gets, about.
	recordedBytes = 128 << 10
)

var errJournalBehind = errors.New("the journal cannot be written")

// Record hands the samples to the journal; it does not wait for them.
func (r *recorder) Record(_ context.Context, at time.Time, samples []rule.Sample, ended []model.LabelSet) error {
	if r.committer.Queued() > maxWaiting {
		return errJournalBehind
	}
	var some []decode.RecordedSample
	var over [][]schema.Label
	size := 0
	flush := func() error {
		if len(some)+len(over) == 0 {
			return nil
		}
		payload := decode.EncodeRecorded(nil, at.UnixMilli(), some, over)
		some, over, size = nil, nil, 0
		return r.committer.Submit(journal.Entry[struct{}]{Event: schema.Event{
			Topic: decode.RecordedTopic, Received: r.now().UnixNano(), Payload: payload, Route: schema.RouteRule}})
	}
	add := func(ls []schema.Label) error {
		for _, l := range ls {
			size += len(l.Name) + len(l.Value) + 8
		}
		if size > recordedBytes {
			return flush()
		}
		return nil
	}
	for _, s := range samples {
		ls := schemaLabels(s.Labels)
		some = append(some, decode.RecordedSample{Labels: ls, Value: s.Value})
		if err := add(ls); err != nil {
			return err
		}
	}
	for _, l := range ended {
		ls := schemaLabels(l)
		over = append(over, ls)
		if err := add(ls); err != nil {
			return err
		}
	}
	return flush()
}

func schemaLabels(set model.LabelSet) []schema.Label {
	all := make([]schema.Label, 0, len(set))
	for name, value := range set {
		all = append(all, schema.Label{Name: string(name), Value: string(value)})
	}
	slices.SortFunc(all, func(a, b schema.Label) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// counts gathers what serving tenants costs, until it travels in a frame.
type counts struct {
	mu sync.Mutex
	of map[schema.Tenant]*tenantCounts
}

type tenantCounts struct {
	counters    map[schema.Counter]uint64
	serviceTime schema.Summary
}

// Count adds to a tenant's counters.
func (c *counts) Count(o schema.Operations) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of == nil {
		c.of = map[schema.Tenant]*tenantCounts{}
	}
	t := c.of[o.Tenant]
	if t == nil {
		t = &tenantCounts{counters: map[schema.Counter]uint64{}}
		c.of[o.Tenant] = t
	}
	for _, d := range o.Counters {
		t.counters[d.Counter] += d.Delta
	}
	t.serviceTime.Merge(&o.ServiceTime)
}

// drain returns what was counted since the last call, ascending by tenant.
func (c *counts) drain() []schema.Operations {
	c.mu.Lock()
	of := c.of
	c.of = nil
	c.mu.Unlock()
	all := make([]schema.Operations, 0, len(of))
	for tenant, t := range of {
		o := schema.Operations{Tenant: tenant, ServiceTime: t.serviceTime}
		for counter, n := range t.counters {
			o.Counters = append(o.Counters, schema.CounterDelta{Counter: counter, Delta: n})
		}
		slices.SortFunc(o.Counters, func(a, b schema.CounterDelta) int { return cmp.Compare(a.Counter, b.Counter) })
		all = append(all, o)
	}
	slices.SortFunc(all, func(a, b schema.Operations) int { return a.Tenant.Compare(b.Tenant) })
	return all
}
