package fold

import (
	"fmt"

	"weir/pkg/schema"
)

// planned is what is found out about a reading before its event is applied.
type planned struct {
	source *source // nil: it would be new
	at     int64   // the time that the reading counts for
	skewed bool
}

// prepare finds out about an event's readings and whether they fit into the
// tenant's limits, before anything of it is applied: an event that does not fit
// is rejected whole.
//
// What the readings of one event add is summed up reading by reading. So an
// event that names the same new source twice counts it twice, and is rejected
// where less than that is left.
func (s *State) prepare(t *tenant, e *schema.Event, readings []schema.Reading) *schema.Rejection {
	s.plan = s.plan[:0]
	sources, series := uint64(0), uint64(0)
	for i := range readings {
		r := &readings[i]
		at, skewed := s.settings.eventTime(r, e.Received)
		src := t.sources[sourceName{r.Kind, r.ID}]
		s.plan = append(s.plan, planned{src, at, skewed})
		if src == nil {
			sources++
		}
		if r.HasValues() {
			series += uint64(src.newSeries(r, at))
		}
	}
	if limit := t.limits.Sources; sources > 0 && limit > 0 && t.Sources+sources > limit {
		return overLimit(schema.ReasonSourceLimit, t.Tenant, "sources", t.Sources, limit, sources)
	}
	if limit := t.limits.Series; series > 0 && limit > 0 && t.Series+series > limit {
		return overLimit(schema.ReasonSeriesLimit, t.Tenant, "series", t.Series, limit, series)
	}
	return nil
}

// newSeries returns how many series a reading adds to its source; nil is one
// that would be new.
func (src *source) newSeries(r *schema.Reading, at int64) int {
	if src == nil {
		return len(r.Fields)
	}
	tr := src.trackOf(src.identity(r, src.isLate(r, at)))
	if tr == nil {
		return len(r.Fields)
	}
	return tr.unseen(r.Fields)
}

func overLimit(reason schema.Reason, t schema.Tenant, what string, there, limit, more uint64) *schema.Rejection {
	return &schema.Rejection{Reason: reason, Offset: -1,
		Detail: fmt.Sprintf("%s has %d %s of at most %d, and this event adds %d", t, there, what, limit, more)}
}

// Usage is how much of its limits a tenant uses; a limit of 0 is none.
type Usage struct {
	Tenant                   schema.Tenant
	Series, SeriesLimit      uint64
	Sources, SourceLimit     uint64
	HistoryBytes, BytesLimit uint64
}

// Usage calls visit for each tenant, ascending.
func (s *State) Usage(visit func(Usage)) {
	for _, t := range s.tenants.ordered {
		visit(Usage{
			Tenant: t.Tenant, Series: t.Series, SeriesLimit: t.limits.Series, Sources: t.Sources, SourceLimit: t.limits.Sources,
			HistoryBytes: t.HistoryBytes, BytesLimit: t.limits.HistoryBytes,
		})
	}
}
