package fold

import (
	"fmt"

	"weir/pkg/schema"
)

// planned is what is found out about a reading before its event is applied.
type planned struct {
	source *source // nil: it would be new
	strand *strand // nil: it would be new
	at     int64   // the time that the reading counts for
	skewed bool
	translation
}

// added is what an event adds to a tenant.
type added struct {
	name            schema.Tenant
	tenant          *tenant // nil: it would be new
	sources, series uint64
	names           int // that are new, though one may be among them twice
}

// prepare finds out about an event's readings and whether they fit into their
// tenants' limits, before anything of it is applied: an event that does not fit
// is rejected whole.
//
// What the readings of one event add is summed up reading by reading. So an
// event that names the same new source twice, and not one after the other, counts
// it twice, and is rejected where less than that is left.
func (s *State) prepare(t *tenant, e *schema.Event, readings []schema.Reading) *schema.Rejection {
	s.plan, s.values, s.added = s.plan[:0], s.values[:0], append(s.added[:0], added{name: t.Tenant, tenant: t})
	names, whose := 0, 0
	times := s.settings.times(readings, e.Received)
	for i := range readings {
		r := &readings[i]
		var p planned
		p.at, p.skewed = times.of(r)
		before := whose
		whose = s.addedTo(t, r, whose)
		a := &s.added[whose]
		if r.Ended {
			s.plan = append(s.plan, p)
			continue
		}
		if a.tenant != nil {
			p.source = a.tenant.sources[nameIn(r)]
		}
		if p.source == nil {
			if again := i > 0 && whose == before && nameIn(&readings[i-1]) == nameIn(r) && !readings[i-1].Ended; !again {
				a.sources++
			}
		} else {
			p.strand = s.strandOf(p.source, r.Dims)
		}
		if r.HasValues() {
			p.translation, s.values = s.names.translate(r, s.values)
			names += p.unknown
			a.names += p.unknown
			a.series += uint64(p.newSeries(r))
		}
		s.plan = append(s.plan, p)
	}
	return s.checkLimits(readings, names)
}

// addedTo returns the place in s.added of the tenant of a reading, which is mostly
// that of the reading before.
func (s *State) addedTo(t *tenant, r *schema.Reading, last int) int {
	name := t.Tenant
	if r.Tenant != nil {
		name = *r.Tenant
	}
	if s.added[last].name == name {
		return last
	}
	for i := range s.added {
		if s.added[i].name == name {
			return i
		}
	}
	s.added = append(s.added, added{name: name, tenant: s.tenants.byName[name]})
	return len(s.added) - 1
}

// checkLimits rejects an event that adds more than its tenants may have, or more
// names than there may be.
func (s *State) checkLimits(readings []schema.Reading, names int) *schema.Rejection {
	for i := range s.added {
		a := &s.added[i]
		if a.sources == 0 && a.series == 0 {
			continue
		}
		var limits Limits
		var sources, series uint64 // there are
		if t := a.tenant; t != nil {
			limits, sources, series = t.limits, t.Sources, t.Series
		} else {
			limits = s.settings.limits(a.name)
		}
		if limit := limits.Sources; a.sources > 0 && limit > 0 && sources+a.sources > limit {
			return overLimit(schema.ReasonSourceLimit, a.name.String(), "sources", sources, limit, a.sources)
		}
		if limit := limits.Series; a.series > 0 && limit > 0 && series+a.series > limit {
			return overLimit(schema.ReasonSeriesLimit, a.name.String(), "series", series, limit, a.series)
		}
	}
	if names == 0 {
		return nil
	}
	return s.checkNames(readings, names)
}

// checkNames rejects an event that brings more names than there may be, or than
// one of its tenants may bring.
func (s *State) checkNames(readings []schema.Reading, names int) *schema.Rejection {
	for i := range s.added {
		a := &s.added[i]
		there := uint64(0)
		if a.tenant != nil {
			there = a.tenant.Names
		}
		if fresh := a.names; fresh > 0 && there+uint64(fresh) > uint64(s.names.share) {
			if fresh = s.newNames(readings, i); there+uint64(fresh) > uint64(s.names.share) {
				return overLimit(schema.ReasonNameLimit, a.name.String(), "names of values", there, uint64(s.names.share), uint64(fresh))
			}
		}
	}
	if count, most := len(s.names.known), s.names.most; count+names > most {
		if names = s.newNames(readings, allTenants); count+names > most {
			return overLimit(schema.ReasonNameLimit, "the journal", "names of values", uint64(count), uint64(most), uint64(names))
		}
	}
	return nil
}

// allTenants stands for all of s.added.
const allTenants = -1

// newNames returns how many names of an event's readings of a tenant, by its place
// in s.added, are new.
func (s *State) newNames(readings []schema.Reading, of int) int {
	fresh := map[string]bool{}
	for i := range readings {
		if of != allTenants && s.added[of].name != s.ownerOf(&readings[i]) {
			continue
		}
		for _, v := range readings[i].Named {
			if _, known := s.names.byName[v.Name]; !known {
				fresh[v.Name] = true
			}
		}
	}
	return len(fresh)
}

// ownerOf returns whose a reading of the event is that is being prepared.
func (s *State) ownerOf(r *schema.Reading) schema.Tenant {
	if r.Tenant != nil {
		return *r.Tenant
	}
	return s.added[0].name // the event's
}

// newSeries returns how many series a reading adds to its source.
func (p *planned) newSeries(r *schema.Reading) int {
	if p.strand != nil {
		if tr := p.strand.trackOf(p.strand.identity(r, p.source.isLate(r, p.at))); tr != nil {
			return tr.unseen(p.fields) + p.unknown
		}
	}
	return len(p.fields) + p.unknown
}

func overLimit(reason schema.Reason, whose, what string, there, limit, more uint64) *schema.Rejection {
	return &schema.Rejection{Reason: reason, Offset: -1,
		Detail: fmt.Sprintf("%s has %d %s of at most %d, and this event adds %d", whose, there, what, limit, more)}
}

// Usage is how much of its limits a tenant uses; a limit of 0 is none.
type Usage struct {
	Tenant                   schema.Tenant
	Series, SeriesLimit      uint64
	Names, NameLimit         uint64
	Sources, SourceLimit     uint64
	HistoryBytes, BytesLimit uint64
}

// Usage calls visit for each tenant, ascending.
func (s *State) Usage(visit func(Usage)) {
	for _, t := range s.tenants.ordered {
		visit(Usage{
			Tenant: t.Tenant, Series: t.Series, SeriesLimit: t.limits.Series, Sources: t.Sources, SourceLimit: t.limits.Sources,
			Names: t.Names, NameLimit: uint64(s.names.share), HistoryBytes: t.HistoryBytes, BytesLimit: t.limits.HistoryBytes,
		})
	}
}
