package index

import (
	"cmp"
	"math"
	"slices"

	"weir/pkg/schema"
)

// Cardinality returns what there is most of: at most limit entries of each
// table, the largest first, equal ones by name.
func (x *Index) Cardinality(limit int) schema.Cardinality {
	c := schema.Cardinality{
		Series: x.series, Tracks: uint64(x.all.n),
		SeriesByMetric: []schema.NameCount{}, ValuesByLabel: []schema.NameCount{}, BytesByLabel: []schema.NameCount{},
	}
	var metrics, bytes uint64
	x.eachField(func(name string, n int) {
		metrics++
		bytes += uint64(len(name))
		c.SeriesByMetric = append(c.SeriesByMetric, schema.NameCount{Name: name, Count: uint64(n)})
	})
	for name, values := range x.labels {
		c.LabelPairs += uint64(len(values))
		c.ValuesByLabel = append(c.ValuesByLabel, schema.NameCount{Name: name, Count: uint64(len(values))})
		c.BytesByLabel = append(c.BytesByLabel, schema.NameCount{Name: name, Count: textBytes(values)})
	}
	if metrics > 0 {
		c.LabelPairs += metrics
		c.ValuesByLabel = append(c.ValuesByLabel, schema.NameCount{Name: schema.MetricNameLabel, Count: metrics})
		c.BytesByLabel = append(c.BytesByLabel, schema.NameCount{Name: schema.MetricNameLabel, Count: bytes})
	}
	for _, counts := range []*[]schema.NameCount{&c.SeriesByMetric, &c.ValuesByLabel, &c.BytesByLabel} {
		*counts = top(*counts, limit)
	}
	c.SeriesByPair = x.seriesByPair(limit)
	return c
}

func textBytes(values map[string]*list) (n uint64) {
	for value := range values {
		n += uint64(len(value))
	}
	return n
}

func top(counts []schema.NameCount, limit int) []schema.NameCount {
	slices.SortFunc(counts, compareCounts)
	return counts[:min(len(counts), limit)]
}

func compareCounts(a, b schema.NameCount) int {
	return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Name, b.Name))
}

// pair is a label's value with its tracks.
type pair struct {
	name, value string
	tracks      *list
}

// seriesByPair counts exactly only where it matters: a pair has at most
// mostFields series a track, so once limit pairs are known to have at least so
// and so many, small ones need not be counted. There may be hundreds of
// thousands of them, while everybody waits.
func (x *Index) seriesByPair(limit int) []schema.NameCount {
	if limit <= 0 {
		return []schema.NameCount{}
	}
	floor := x.floorOfTop(limit)
	mostFields := x.mostFields()
	counts := []schema.NameCount{}
	x.eachPair(func(p pair) {
		if p.tracks.n*mostFields < floor {
			return
		}
		if n := x.countSeries(p.tracks); n >= floor && n > 0 {
			counts = append(counts, schema.NameCount{Name: p.name + "=" + p.value, Count: uint64(n)})
		}
	})
	x.eachField(func(name string, n int) {
		if n >= floor {
			counts = append(counts, schema.NameCount{Name: schema.MetricNameLabel + "=" + name, Count: uint64(n)})
		}
	})
	return top(counts, limit)
}

// floorOfTop returns a number of series that at least limit pairs reach, 0 if
// there are not that many pairs: the least of those with the most tracks.
func (x *Index) floorOfTop(limit int) int {
	sizes := []int{}
	x.eachPair(func(p pair) { sizes = append(sizes, p.tracks.n) })
	if len(sizes) < limit {
		return 0
	}
	slices.Sort(sizes)
	least := sizes[len(sizes)-limit]
	floor := math.MaxInt
	x.eachPair(func(p pair) {
		if p.tracks.n >= least {
			floor = min(floor, x.countSeries(p.tracks))
		}
	})
	return floor
}

func (x *Index) eachPair(visit func(pair)) {
	for name, values := range x.labels {
		for value, tracks := range values {
			visit(pair{name, value, tracks})
		}
	}
}

// eachField calls visit with the name of each field that tracks have, and with
// how many have it.
func (x *Index) eachField(visit func(name string, n int)) {
	for f, l := range x.fields {
		if l != nil && l.n > 0 {
			visit(x.names.Name(schema.Field(f)), l.n)
		}
	}
}

func (x *Index) mostFields() (most int) {
	for _, set := range x.sets {
		most = max(most, len(set.fields))
	}
	return most
}

func (x *Index) countSeries(l *list) (n int) {
	for _, b := range l.blocks {
		for _, id := range b {
			n += len(x.tracks[id].fields)
		}
	}
	return n
}
