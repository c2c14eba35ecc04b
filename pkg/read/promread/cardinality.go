package promread

import (
	"cmp"
	"slices"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
)

// counter counts series by what they are of. The zero counter is ready.
type counter struct {
	series uint64
	pairs  map[labels.Label]uint64
}

func (c *counter) add(l labels.Labels) {
	if c.pairs == nil {
		c.pairs = map[labels.Label]uint64{}
	}
	c.series++
	l.Range(func(l labels.Label) { c.pairs[l]++ })
}

// top returns the numbers, the lists cut to limit entries.
func (c *counter) top(limit int) Cardinality {
	byName, values, bytes, byPair := counts{}, counts{}, counts{}, counts{}
	for pair, n := range c.pairs {
		if pair.Name == model.MetricNameLabel {
			byName[pair.Value] = n
		}
		values[pair.Name]++
		bytes[pair.Name] += uint64(len(pair.Value))
		byPair[pair.Name+"="+pair.Value] = n
	}
	return Cardinality{
		Series: c.series, LabelPairs: uint64(len(c.pairs)),
		SeriesByName: byName.top(limit), ValuesByLabel: values.top(limit),
		BytesByLabel: bytes.top(limit), SeriesByPair: byPair.top(limit),
	}
}

type counts map[string]uint64

// top returns the largest, at most limit; equal ones by name.
func (c counts) top(limit int) []Count {
	all := make([]Count, 0, len(c))
	for name, n := range c {
		all = append(all, Count{name, n})
	}
	slices.SortFunc(all, func(a, b Count) int {
		return cmp.Or(cmp.Compare(b.Value, a.Value), cmp.Compare(a.Name, b.Name))
	})
	return all[:min(limit, len(all))]
}
