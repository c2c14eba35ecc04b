package readport

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"math"
	"slices"

	"weir/services/aggregator/internal/fold"
	"weir/services/aggregator/internal/history"

	"weir/pkg/schema"
)

// maxRows bounds a page.
const maxRows = 100_000

func (p *Port) rows(ctx context.Context, request []byte, to *stream) (err error) {
	var q schema.RowsRequest
	if err := parse(request, &q); err != nil {
		return err
	}
	if q.ID == "" || q.Kind == 0 {
		return fmt.Errorf("%w: kind and id must be given", ErrBadRequest)
	}
	upTo, err := parseUntil(q.Until)
	if err != nil {
		return err
	}
	if q.To == 0 {
		q.To = math.MaxInt64
	}
	if q.From == 0 {
		q.From = math.MinInt64
	}
	ctx, cancel := bounded(ctx, q.TimeoutMS)
	defer cancel()
	to.live.ctx = ctx
	var tracks []fold.TrackView
	r, err := p.enter(ctx, to.lane, func(s *fold.State) {
		tracks = s.SourceTracks(q.Kind, q.ID, schema.Tenant{Service: q.Service, Subservice: q.Subservice})
	})
	if err != nil {
		return err
	}
	defer p.leave(r, &err)
	page := rowsPage{reader: r, request: &q, upTo: upTo, to: to}
	return page.answer(tracks)
}

// rowsPage is a request for rows that is being answered.
type rowsPage struct {
	*reader
	request *schema.RowsRequest
	upTo    until
	tracks  []pageTrack
	to      *stream
}

// pageTrack is a track with its parts.
type pageTrack struct {
	*fold.TrackView
	parts history.Parts
	from  int64
}

func (p *rowsPage) answer(tracks []fold.TrackView) error {
	for i := range tracks {
		tr := &tracks[i]
		if err := outOfTime(p.ctx); err != nil {
			return err
		}
		if err := p.load(tr, p.request.From, p.request.To); err != nil {
			return err
		}
		p.tracks = append(p.tracks, pageTrack{tr, p.parts, max(p.request.From, tr.First)})
		p.parts = history.Parts{} // is the track's now
	}
	head, err := p.head()
	if err != nil {
		return err
	}
	p.to.record(head.AppendBinary)
	return p.page(head.Total)
}

// page answers with the rows of the page.
func (p *rowsPage) page(total uint64) error {
	skip, left := p.request.Offset, min(p.request.Limit, maxRows)
	if skip >= total || left == 0 {
		return nil
	}
	for row, err := range p.merged() {
		switch {
		case err != nil:
			return err
		case skip > 0:
			skip--
			continue
		}
		stored := schema.StoredReading{Time: row.Time, Parent: row.track.Parent, Dims: row.track.Dims, Dialect: row.Dialect, Clock: row.Clock, Fields: row.Fields}
		p.to.record(stored.AppendBinary)
		if left--; left == 0 || p.to.err != nil {
			break
		}
	}
	return p.to.err
}

// pageRow is a row of a page.
type pageRow struct {
	*history.Row
	track *pageTrack
}

// wanted reports whether the request asks for a row of a track.
func (p *rowsPage) wanted(tr *pageTrack, row *history.Row) bool {
	return !row.End && row.Time >= tr.from && row.Time <= p.request.To && row.Arrival <= p.upTo.arrival(tr.Tenant)
}

// merged gives the wanted rows of all tracks, newest first. A row is valid until
// the next one.
func (p *rowsPage) merged() iter.Seq2[pageRow, error] {
	if len(p.tracks) == 1 {
		return p.descending(&p.tracks[0], &p.decoder)
	}
	return func(yield func(pageRow, error) bool) {
		var heads []rowHead
		defer func() {
			for i := range heads {
				heads[i].stop()
			}
		}()
		for i := range p.tracks {
			next, stop := iter.Pull2(p.descending(&p.tracks[i], new(history.Decoder)))
			heads = append(heads, rowHead{next: next, stop: stop})
		}
		for i := range heads {
			heads[i].advance()
		}
		for {
			heads = slices.DeleteFunc(heads, func(h rowHead) bool { return h.ended })
			if len(heads) == 0 {
				return
			}
			newest := slices.MinFunc(heads, compareHeads) // the first of equal ones
			i := slices.IndexFunc(heads, func(h rowHead) bool { return h.row == newest.row && h.err == newest.err })
			if !yield(newest.row, newest.err) || newest.err != nil {
				return
			}
			heads[i].advance()
		}
	}
}

// rowHead is the newest row of a track that was not given yet.
type rowHead struct {
	row   pageRow
	err   error
	ended bool
	next  func() (pageRow, error, bool)
	stop  func()
}

func (h *rowHead) advance() {
	var ok bool
	if h.row, h.err, ok = h.next(); !ok {
		h.ended = true
	}
}

// compareHeads puts errors first, then later rows before earlier ones.
func compareHeads(a, b rowHead) int {
	switch {
	case a.err != nil:
		return -1
	case b.err != nil:
		return 1
	}
	return cmp.Or(cmp.Compare(b.row.Time, a.row.Time), cmp.Compare(b.row.Arrival, a.row.Arrival))
}

// descending gives the wanted rows of a track, newest first.
func (p *rowsPage) descending(tr *pageTrack, d *history.Decoder) iter.Seq2[pageRow, error] {
	return func(yield func(pageRow, error) bool) {
		ended := false
		var late error
		err := d.RowsDescending(&tr.parts, func(row *history.Row) bool {
			if late = outOfTime(p.ctx); late != nil || row.Time < tr.from {
				return false
			}
			ended = p.wanted(tr, row) && !yield(pageRow{row, tr}, nil)
			return !ended
		})
		switch {
		case ended:
		case late != nil:
			yield(pageRow{}, late)
		case err != nil:
			yield(pageRow{}, fmt.Errorf("read track %d: %w", tr.Number, err))
		}
	}
}
