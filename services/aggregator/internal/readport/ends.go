package readport

import (
	"cmp"
	"math"
	"slices"
	"sort"

	"weir/services/aggregator/internal/fold"
)

// A source has one set of labels at a time: what it sends under other ones ends
// the series it had before. The fold enters an end when the labels change, but
// it cannot if the readings come late. So what a track's siblings sent is looked
// at here; an end by word, too, is one of all of them.

// moment is when a track has a row.
type moment struct {
	time  int64 // unix nanoseconds
	track uint64
}

// past is when the tracks of a source have rows, ascending by time.
type past struct {
	all   []moment
	next  []int32 // for each the next one that is of another track; len(all) if there is none
	order []int32 // all by track, then as they are
}

func newPast(all []moment) *past {
	slices.SortFunc(all, func(a, b moment) int { return cmp.Compare(a.time, b.time) })
	p := &past{all: all, next: make([]int32, len(all)), order: make([]int32, len(all))}
	for i := len(all) - 1; i >= 0; i-- {
		p.order[i], p.next[i] = int32(i), int32(i+1)
		if i+1 < len(all) && all[i+1].track == all[i].track {
			p.next[i] = p.next[i+1]
		}
	}
	slices.SortStableFunc(p.order, func(a, b int32) int { return cmp.Compare(all[a].track, all[b].track) })
	return p
}

// ends appends when others than a track have rows, as far as it ends something:
// the first such time at all, and the first behind each of the track's own rows.
// All of them would be as many for each track as there are for all.
func (p *past) ends(track uint64, into []int64) []int64 {
	add := func(i int) {
		if i < len(p.all) && p.all[i].track == track {
			i = int(p.next[i])
		}
		if i < len(p.all) && (len(into) == 0 || into[len(into)-1] < p.all[i].time) {
			into = append(into, p.all[i].time)
		}
	}
	add(0)
	first, _ := slices.BinarySearchFunc(p.order, track, func(i int32, track uint64) int { return cmp.Compare(p.all[i].track, track) })
	for _, i := range p.order[first:] {
		own := p.all[i]
		if own.track != track {
			break
		}
		add(p.behind(int(i)))
	}
	return into
}

// behind returns the first moment that is later than another.
func (p *past) behind(i int) int {
	if i+1 == len(p.all) || p.all[i+1].time > p.all[i].time {
		return i + 1
	}
	return i + sort.Search(len(p.all)-i, func(n int) bool { return p.all[i+n].time > p.all[i].time })
}

// moments remembers the pasts of sources: their tracks are often read one soon
// after the other.
type moments struct {
	known map[*fold.TrackView]*past // by the first of a source's siblings
	count int
	times []int64 // scratch
	ends  []int64 // of the track that is read
}

// mostMoments bounds how many are remembered.
const mostMoments = 1 << 20

// endsFrom returns from when on the siblings' rows matter: a series lives from
// before no longer.
func (s *selection) endsFrom() int64 {
	before := int64(s.staleness.Ceiling)
	return max(s.first, math.MinInt64+before) - before
}

// ends returns when siblings of a track have rows, as far as it matters,
// ascending. It is valid until the next call, and no parts are loaded then.
func (s *selection) ends(tr *fold.TrackMatch) ([]int64, error) {
	if tr.Siblings == nil {
		return nil, nil
	}
	of, known := s.moments.known[&tr.Siblings[0]]
	if !known {
		var err error
		if of, err = s.readMoments(tr.Siblings); err != nil {
			return nil, err
		}
	}
	s.moments.ends = of.ends(tr.Number, s.moments.ends[:0])
	return s.moments.ends, nil
}

// readMoments reads when the tracks of a source have rows.
func (s *selection) readMoments(tracks []fold.TrackView) (*past, error) {
	ms := &s.moments
	var all []moment
	for i := range tracks {
		if err := outOfTime(s.ctx); err != nil {
			return nil, err
		}
		tr := &tracks[i]
		from := max(s.endsFrom(), tr.First)
		err := s.reader.load(tr, from, s.last)
		if err != nil {
			return nil, err
		}
		if ms.times, err = s.decoder.Times(&s.parts, from, s.last, ms.times[:0]); err != nil {
			return nil, err
		}
		for _, t := range ms.times {
			all = append(all, moment{t, tr.Number})
		}
	}
	if ms.known == nil || ms.count+len(all) > mostMoments {
		ms.known, ms.count = map[*fold.TrackView]*past{}, 0
	}
	of := newPast(all)
	ms.known[&tracks[0]] = of
	ms.count += len(all)
	return of, nil
}
