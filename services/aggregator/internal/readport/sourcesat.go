package readport

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"weir/services/aggregator/internal/fold"
	"weir/services/aggregator/internal/history"

	"weir/pkg/schema"
)

// sourcesAt answers with the sources as they were at a moment.
func (p *Port) sourcesAt(ctx context.Context, request []byte, to *stream) (err error) {
	var q schema.SourcesRequest
	if err := parse(request, &q); err != nil {
		return err
	}
	if q.At == 0 {
		return fmt.Errorf("%w: at must be given", ErrBadRequest)
	}
	ctx, cancel := bounded(ctx, q.TimeoutMS)
	defer cancel()
	to.live.ctx = ctx
	var sources []fold.SourceView
	r, err := p.enter(ctx, to.lane, func(s *fold.State) { sources = s.SourceViews(&q) })
	if err != nil {
		return err
	}
	defer p.leave(r, &err)
	for i := range sources {
		was, found, err := r.sourceAt(&sources[i], q.At)
		if err != nil {
			return fmt.Errorf("read %s %s: %w", sources[i].Source.Kind, sources[i].Source.ID, err)
		}
		if !found || !wasLike(&q, &was) {
			continue
		}
		if to.record(was.AppendBinary); to.err != nil {
			return to.err
		}
	}
	return nil
}

// wasLike reports whether a source had the labels and the parent that the
// request wants.
func wasLike(q *schema.SourcesRequest, src *schema.Source) bool {
	if q.Parent != "" && q.Parent != src.Parent {
		return false
	}
	for name, value := range q.Labels {
		if src.Label(name) != value {
			return false
		}
	}
	return true
}

// sourceAt makes the record of a source of its last reading up to a moment.
func (r *reader) sourceAt(v *fold.SourceView, at int64) (was schema.Source, found bool, err error) {
	var last uint64 // its arrival
	for i := range v.Tracks {
		tr := &v.Tracks[i]
		if err := outOfTime(r.ctx); err != nil {
			return was, false, err
		}
		if found && tr.Newest < was.ReadingTime {
			continue
		}
		err := r.lastRow(tr, at, func(row *history.Row) {
			if found && (row.Time < was.ReadingTime || row.Time == was.ReadingTime && row.Arrival < last) {
				return
			}
			found, last = true, row.Arrival
			was = schema.Source{
				Tenant: v.Source.Tenant, Kind: v.Source.Kind, ID: v.Source.ID, Parent: tr.Parent, FirstSeen: v.Source.FirstSeen,
				LastSeen: row.Time, Readings: row.Arrival, ReadingTime: row.Time, ReadingSeen: row.Time,
				Dialect: row.Dialect, Clock: row.Clock, Fields: fixedFields(tr, row), Labels: tr.Own, Attributes: v.Source.Attributes,
			}
		})
		if err != nil {
			return was, false, err
		}
	}
	return was, found, nil
}

// fixedFields returns a row's values that a source's record has: no named ones,
// and none of one with dimensions.
func fixedFields(tr *fold.TrackView, row *history.Row) []schema.FieldValue {
	if len(tr.Dims) > 0 {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(row.Fields), func(v schema.FieldValue) bool {
		return v.Field >= schema.FirstNamed || math.IsNaN(v.Value) || math.IsInf(v.Value, 0)
	})
}

// Steps back in time in search of a last row: most sources have one within
// minutes.
const (
	firstStep = time.Hour
	growth    = 8
)

// lastRow calls visit with the last row of a track up to a moment that is no
// end, if there is one.
func (r *reader) lastRow(tr *fold.TrackView, at int64, visit func(*history.Row)) error {
	oldest := tr.First
	for step := int64(firstStep); ; step *= growth {
		from := oldest
		if step > 0 && at-oldest > step { // it overflows only after centuries
			from = at - step
		}
		if err := r.load(tr, from, at); err != nil {
			return err
		}
		found := false
		err := r.decoder.RowsDescending(&r.parts, func(row *history.Row) bool {
			if row.Time > at || row.End {
				return true
			}
			// What is older than from may have company that was not loaded.
			if found = row.Time >= from; found {
				visit(row)
			}
			return false
		})
		if err != nil || found || from == oldest {
			return err
		}
	}
}
