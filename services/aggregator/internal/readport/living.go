package readport

import (
	"fmt"
	"slices"
	"sync"

	"weir/services/aggregator/internal/fold"
	"weir/services/aggregator/internal/history"
	"weir/services/aggregator/internal/live"

	"weir/pkg/schema"
)

// liveMemory is what requests for live series share.
type liveMemory struct {
	mu     sync.Mutex // the last one that is locked
	memory *live.Memory
	most   int // sources that the last request for any took
}

// living is what a request for live series takes from the state.
type living struct {
	port   *Port
	wanted *live.Selection // nil for no live series
	at     int64           // of the samples, unix milliseconds
	moment live.Moment

	tenants []schema.TenantState
	sources []live.Source
	lacking []lacking
}

// lacking is a track of which it is not known how often it gets rows.
type lacking struct {
	source int // in living's
	track  live.Track
	view   fold.TrackView
}

// listen makes the port ready to answer with live series.
func (p *Port) listen() {
	p.live.memory = live.NewMemory(p.Staleness)
	p.hearing.DeafTo = p.Now().UnixNano()
	p.State.Read(func(s *fold.State) { p.hearing.DeafFrom = s.Clock() })
}

// living returns what is wanted of the live series in a range, unix
// milliseconds.
func (p *Port) living(wanted *live.Selection, from, to int64) *living {
	l := &living{port: p, moment: p.hearing}
	l.moment.Now = p.Now().UnixNano()
	at, has := l.moment.Sample(from, to)
	if has {
		l.at, l.wanted = at, wanted
	}
	return l
}

// capture takes from the state what is wanted. While the state is not of the
// present yet it says nothing of sources: all would seem to be silent.
func (l *living) capture(s *fold.State) {
	if l.wanted == nil {
		return
	}
	if l.wanted.Tenants() {
		s.Tenants(func(t *schema.TenantState) {
			if l.wanted.Tenant(t.Tenant) {
				l.tenants = append(l.tenants, *t)
				l.tenants[len(l.tenants)-1].ServiceTime = schema.Summary{} // it is the state's
			}
		})
	}
	if !l.wanted.Sources() || s.Cursor() < l.port.Present {
		return
	}
	names := s.FieldNames()
	shared := &l.port.live
	shared.mu.Lock()
	defer shared.mu.Unlock()
	l.sources = make([]live.Source, 0, shared.most)
	s.SourcesNow(l.wanted.Tenant, func(n *fold.SourceNow) {
		if l.wanted.Kind(n.Kind) {
			l.source(shared.memory, n, names)
		}
	})
	shared.most = len(l.sources)
	shared.memory.Forget(s.SourceCount(), s.Index().Tracks())
}

// source takes a source.
func (l *living) source(m *live.Memory, n *fold.SourceNow, names fold.FieldNames) {
	src := live.Source{
		Kind: n.Kind, Labels: m.Labels(n.Number, n.Source, n.SeriesLabels), LastSeen: n.LastSeen, Presence: n.Presence,
		Readings: n.Readings, ReadingTime: n.ReadingTime, ReadingSeen: n.ReadingSeen,
	}
	whole := l.wanted.Whole() && l.wanted.Labels(src.Labels)
	if !whole && !(l.wanted.Fields() && n.Misses()) {
		return
	}
	known := true
	var of live.Track
	tr, found := n.Latest()
	switch src.Limit = m.Unknown(); {
	case n.Interval == schema.UntilEnded:
		src.Limit = live.Unlimited
	case n.Interval > 0:
		src.Limit = live.Expected(l.port.Staleness, n.Interval)
	case found:
		of = live.Track{Number: tr.Number, Chunks: tr.Chunks, Rows: tr.Rows, Newest: tr.Newest}
		src.Limit, known = m.Follow(&of)
	}
	if l.wanted.Fields() && n.Interval != schema.UntilEnded {
		l.missing(&src, n, names, !known)
	}
	if !whole && len(src.Missing) == 0 {
		return
	}
	if !known {
		l.lacking = append(l.lacking, lacking{source: len(l.sources), track: of})
		tr.View(&l.lacking[len(l.lacking)-1].view)
	}
	l.sources = append(l.sources, src)
}

// missing notes what a source's newest readings lack: for too long, or all. A
// source that sends its fields in turn lacks some all the time.
func (l *living) missing(src *live.Source, n *fold.SourceNow, names fold.FieldNames, all bool) {
	n.Missing(func(series []schema.Label, newest int64, a fold.Absence) {
		f := live.Missing{Since: a.Since, Newest: newest, Longest: a.Longest}
		if all || src.MissingTooLong(&f, &l.moment) {
			f.Name, f.Labels = names.Name(a.Field), live.Labels(n.Kind, n.ID, series)
			src.Missing = append(src.Missing, f)
		}
	})
}

// learn finds out what the memory lacks. Without a reader it does not look into
// chunks, and what is in there stays as it was known before.
func (l *living) learn(r *reader) error {
	var log history.Decoder
	var times []int64
	shared := &l.port.live
	for i := range l.lacking {
		if r != nil && r.ctx.Err() != nil {
			return outOfTime(r.ctx)
		}
		k := &l.lacking[i]
		times = log.TailTimes(k.view.Main, times[:0])
		if len(times) < live.Rows && k.track.Chunks > 0 {
			if r == nil {
				continue
			}
			var err error
			if times, err = r.latestTimes(&k.view, k.track.Newest, int64(live.Within(l.port.Staleness)), times[:0]); err != nil {
				return fmt.Errorf("read how often track %d has rows: %w", k.track.Number, err)
			}
		}
		shared.mu.Lock()
		l.sources[k.source].Limit = shared.memory.Learn(&k.track, times)
		shared.mu.Unlock()
	}
	return nil
}

// latestTimes appends the times of a track's rows that came in order within a
// time before its newest, ascending.
func (r *reader) latestTimes(tr *fold.TrackView, newest, within int64, into []int64) ([]int64, error) {
	if err := r.load(tr, newest-within, newest); err != nil {
		return into, err
	}
	r.parts.Late, r.parts.LateLog = nil, history.LogView{}
	into, err := r.decoder.Times(&r.parts, newest-within, newest, into)
	slices.Sort(into)
	return into, err
}

// visit visits the series.
func (l *living) visit(visit live.Visit) {
	for i := range l.sources {
		if !l.wanted.Source(&l.sources[i], &l.moment, visit) {
			return
		}
	}
	for i := range l.tenants {
		if !l.wanted.Of(&l.tenants[i], visit) {
			return
		}
	}
}

// live answers with the live series.
func (s *selection) live(l *living) error {
	if err := l.learn(s.reader); err != nil {
		return err
	}
	var err error
	t, v := [1]int64{l.at}, [1]float64{}
	l.visit(func(of []schema.Label, value float64) bool {
		if s.request.LabelsOnly {
			s.send(of, nil, nil)
		} else {
			v[0] = value
			err = s.giveLabelled(of, t[:], v[:])
		}
		return err == nil && s.to.err == nil && !s.full() && s.ctx.Err() == nil
	})
	if err == nil {
		err = outOfTime(s.ctx)
	}
	if err != nil {
		return err
	}
	return s.to.err
}

// texts adds to what was found in the index what is found in the live series.
func (l *living) texts(found []string, find func([]schema.Label, func(string))) ([]string, error) {
	if l.wanted == nil {
		return found, nil
	}
	if err := l.learn(nil); err != nil {
		return nil, err
	}
	known := make(map[string]bool, len(found))
	for _, text := range found {
		known[text] = true
	}
	l.visit(func(of []schema.Label, _ float64) bool {
		find(of, func(text string) {
			if !known[text] {
				known[text] = true
				found = append(found, text)
			}
		})
		return true
	})
	return found, nil
}
