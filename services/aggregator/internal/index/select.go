package index

import (
	"slices"

	"github.com/prometheus/prometheus/model/labels"

	"weir/pkg/schema"
)

// Match is a track with those of its fields that were selected: one series
// each.
type Match struct {
	ID     uint64
	Fields []schema.Field // ascending, at least one; shared: not to be changed
}

// Select returns the series that all matchers match, ascending by track. As in
// Prometheus a label that a track does not have is an empty one, and __name__
// is the name of the field.
func (x *Index) Select(ms []*labels.Matcher) []Match {
	wanted, ids := x.selectTracks(ms)
	if len(ids) == 0 {
		return nil
	}
	matches := make([]Match, 0, len(ids))
	if one := wanted.fields; len(one) == 1 {
		for _, id := range ids {
			matches = append(matches, Match{id, one})
		}
		return matches
	}
	lists := map[*fieldSet][]schema.Field{} // few: tracks of a kind have the same fields
	lastSet := noFields
	var last []schema.Field
	for _, id := range ids {
		if set := x.tracks[id]; set != lastSet {
			fields, known := lists[set]
			if !known {
				fields = wanted.of(set)
				lists[set] = fields
			}
			lastSet, last = set, fields
		}
		if len(last) > 0 {
			matches = append(matches, Match{id, last})
		}
	}
	return matches
}

// selectTracks returns the fields whose names match, and the tracks whose other
// labels do. If only one field matches, all of the tracks have it; else there
// may be some that have none of the fields.
func (x *Index) selectTracks(ms []*labels.Matcher) (w wanted, ids []uint64) {
	w = x.wantedBy(ms)
	var whole []*list        // tracks must be in each of these
	var some, none [][]*list // in at least one of each; in none of any
	switch lists := x.fieldLists(&w); {
	case w.all:
	case len(lists) == 0:
		return w, nil
	case len(lists) == 1:
		whole = append(whole, lists[0])
	case total(lists) <= x.all.n/2:
		some = append(some, lists)
	}
	for _, m := range ms {
		if m.Name == schema.MetricNameLabel {
			continue
		}
		if m.Matches("") {
			if lists := x.listsNot(m); len(lists) > 0 {
				none = append(none, lists)
			}
			continue
		}
		switch lists := x.lists(m); len(lists) {
		case 0:
			return w, nil
		case 1:
			whole = append(whole, lists[0])
		default:
			some = append(some, lists)
		}
	}
	ids, some = x.begin(whole, some)
	for _, lists := range some {
		ids = filter(ids, lists, true)
	}
	for _, lists := range none {
		ids = filter(ids, lists, false)
	}
	return w, ids
}

// begin returns the tracks to begin with, in memory of their own, and the groups
// of lists that are not yet regarded: those that are in all of whole; else those
// of the smallest group, if it is much smaller than all; else all.
func (x *Index) begin(whole []*list, some [][]*list) (ids []uint64, rest [][]*list) {
	if len(whole) > 0 || len(some) == 0 {
		return x.intersect(whole), some
	}
	least := 0
	for i := range some {
		if total(some[i]) < total(some[least]) {
			least = i
		}
	}
	if total(some[least]) > x.all.n/8 { // putting them in order is not worth it
		return x.intersect(nil), some
	}
	for _, l := range some[least] {
		for _, b := range l.blocks {
			ids = append(ids, b...)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), slices.Delete(some, least, least+1)
}

// total returns how many ids lists have together.
func total(lists []*list) (n int) {
	for _, l := range lists {
		n += l.n
	}
	return n
}

// fieldLists returns the tracks of each of the fields, if not all are wanted.
func (x *Index) fieldLists(w *wanted) (lists []*list) {
	for _, f := range w.fields {
		lists = append(lists, x.fields[f])
	}
	return lists
}

// lists returns the tracks of each value that m matches, where m does not match
// the empty one.
func (x *Index) lists(m *labels.Matcher) []*list {
	values := x.labels[m.Name]
	switch {
	case m.Type == labels.MatchEqual:
		return pick(values, []string{m.Value})
	case m.Type == labels.MatchRegexp && len(m.SetMatches()) > 0:
		return pick(values, m.SetMatches())
	}
	return scan(values, m.Matches)
}

// listsNot returns the tracks of each value that m does not match, where m
// matches the empty one.
func (x *Index) listsNot(m *labels.Matcher) []*list {
	values := x.labels[m.Name]
	switch {
	case m.Type == labels.MatchNotEqual:
		return pick(values, []string{m.Value})
	case m.Type == labels.MatchNotRegexp && len(m.SetMatches()) > 0:
		return pick(values, m.SetMatches())
	}
	return scan(values, func(v string) bool { return !m.Matches(v) })
}

func pick(values map[string]*list, names []string) (lists []*list) {
	for _, name := range names {
		if l := values[name]; l != nil {
			lists = append(lists, l)
		}
	}
	return lists
}

func scan(values map[string]*list, match func(string) bool) (lists []*list) {
	for value, l := range values {
		if match(value) {
			lists = append(lists, l)
		}
	}
	return lists
}

// intersect returns the tracks that are in all lists, all tracks for no list,
// in memory of their own.
func (x *Index) intersect(lists []*list) []uint64 {
	if len(lists) == 0 {
		return x.all.ids()
	}
	slices.SortFunc(lists, func(a, b *list) int { return a.n - b.n })
	ids := lists[0].ids()
	for _, l := range lists[1:] {
		ids = filter(ids, []*list{l}, true)
	}
	return ids
}

// filter keeps of ids those that are in one of the lists, or, not keep, those
// that are in none. It works within ids.
func filter(ids []uint64, lists []*list, keep bool) []uint64 {
	if len(ids) == 0 {
		return ids
	}
	hit := make([]bool, len(ids))
	for _, l := range lists {
		eachCommon(ids, l, func(i int) bool {
			hit[i] = true
			return true
		})
	}
	kept := ids[:0]
	for i, id := range ids {
		if hit[i] == keep {
			kept = append(kept, id)
		}
	}
	return kept
}

// eachCommon calls visit with the place in ids of each id that is in l too,
// until it returns false. It walks along the shorter of the two and gallops
// through the other.
func eachCommon(ids []uint64, l *list, visit func(i int) bool) {
	if len(ids) <= l.n {
		c := cursor{rest: l.blocks}
		for i := 0; i < len(ids); i++ {
			found, ok := c.seek(ids[i])
			if !ok || (found == ids[i] && !visit(i)) {
				return
			}
		}
		return
	}
	i := 0
	for _, b := range l.blocks {
		for _, id := range b {
			if i += gallop(ids[i:], id); i == len(ids) {
				return
			}
			if ids[i] == id && !visit(i) {
				return
			}
		}
	}
}
