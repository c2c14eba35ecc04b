package readport

import (
	"cmp"
	"math"
	"slices"

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

// moments remembers the moments of sources: their tracks are often read one soon
// after the other.
type moments struct {
	known map[*fold.TrackView][]moment // by the first of a source's siblings; ascending by time
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
	all, known := s.moments.known[&tr.Siblings[0]]
	if !known {
		var err error
		if all, err = s.readMoments(tr.Siblings); err != nil {
			return nil, err
		}
	}
	ends := s.moments.ends[:0]
	for _, m := range all {
		if m.track != tr.Number {
			ends = append(ends, m.time)
		}
	}
	s.moments.ends = ends
	return ends, nil
}

// readMoments reads when the tracks of a source have rows.
func (s *selection) readMoments(tracks []fold.TrackView) (all []moment, err error) {
	ms := &s.moments
	for i := range tracks {
		tr := &tracks[i]
		from := max(s.endsFrom(), tr.First)
		if err := s.reader.load(tr, from, s.last); err != nil {
			return nil, err
		}
		if ms.times, err = s.decoder.Times(&s.parts, from, s.last, ms.times[:0]); err != nil {
			return nil, err
		}
		for _, t := range ms.times {
			all = append(all, moment{t, tr.Number})
		}
	}
	slices.SortFunc(all, func(a, b moment) int { return cmp.Compare(a.time, b.time) })
	if ms.known == nil || ms.count+len(all) > mostMoments {
		ms.known, ms.count = map[*fold.TrackView][]moment{}, 0
	}
	ms.known[&tracks[0]] = all
	ms.count += len(all)
	return all, nil
}
