package schema

import (
	"math/bits"
	"slices"

	"weir/pkg/schema/wire"
)

// summaryBits is how many bits below its leading one a value keeps in its
// bucket: 5 bits make buckets at most 1/32 wide, so a quantile is off by at
// most 1.6 % of its value.
const summaryBits = 5

// Summary is a mergeable sketch of a distribution of non-negative integers:
// count, sum, extremes and a histogram of logarithmic buckets. It uses integer
// arithmetic only, so that equal inputs give equal bytes on every machine,
// which a sketch with float logarithms would not promise. The zero Summary is
// empty and ready to use.
type Summary struct {
	Count uint64
	Sum   uint64
	Min   uint64 // 0 when empty
	Max   uint64

	buckets []bucket // ascending by index, no empty ones
}

type bucket struct {
	index uint16
	count uint64
}

// bucketOf returns the index of v's bucket: v itself below 2^(summaryBits+1),
// then 2^summaryBits buckets for each power of two.
func bucketOf(v uint64) uint16 {
	if v < 1<<(summaryBits+1) {
		return uint16(v)
	}
	shift := bits.Len64(v) - summaryBits - 1
	return uint16(uint64(shift)<<summaryBits + v>>shift)
}

// bucketMiddle returns a value in the middle of a bucket.
func bucketMiddle(index uint16) uint64 {
	if index < 1<<(summaryBits+1) {
		return uint64(index)
	}
	shift := index>>summaryBits - 1
	low := (uint64(index&(1<<summaryBits-1)) | 1<<summaryBits) << shift
	return low + (uint64(1)<<shift)/2
}

// Add adds one value.
func (s *Summary) Add(v uint64) { s.AddN(v, 1) }

// AddN adds the value v n times.
func (s *Summary) AddN(v, n uint64) {
	if n == 0 {
		return
	}
	if s.Count == 0 || v < s.Min {
		s.Min = v
	}
	s.Max = max(s.Max, v)
	s.Count += n
	s.Sum += v * n
	s.addBucket(bucketOf(v), n)
}

func (s *Summary) addBucket(index uint16, n uint64) {
	i, found := slices.BinarySearchFunc(s.buckets, index, func(b bucket, x uint16) int { return int(b.index) - int(x) })
	if found {
		s.buckets[i].count += n
		return
	}
	s.buckets = slices.Insert(s.buckets, i, bucket{index, n})
}

// Merge adds everything that o holds.
func (s *Summary) Merge(o *Summary) {
	if o.Count == 0 {
		return
	}
	if s.Count == 0 || o.Min < s.Min {
		s.Min = o.Min
	}
	s.Max = max(s.Max, o.Max)
	s.Count += o.Count
	s.Sum += o.Sum
	for _, b := range o.buckets {
		s.addBucket(b.index, b.count)
	}
}

// Quantile returns a value v such that about q of the values are at most v,
// within 1.6 % of v; q is 0 to 1. It is 0 for an empty Summary.
func (s *Summary) Quantile(q float64) uint64 {
	if s.Count == 0 {
		return 0
	}
	rank := uint64(q * float64(s.Count-1))
	seen := uint64(0)
	for _, b := range s.buckets {
		seen += b.count
		if seen > rank {
			return min(max(bucketMiddle(b.index), s.Min), s.Max)
		}
	}
	return s.Max
}

// Reset empties s and keeps its memory.
func (s *Summary) Reset() { *s = Summary{buckets: s.buckets[:0]} }

// Clone returns a copy that shares nothing with s.
func (s *Summary) Clone() Summary {
	c := *s
	c.buckets = slices.Clone(s.buckets)
	return c
}

// AppendBinary appends the summary's deterministic encoding.
func (s *Summary) AppendBinary(b []byte) []byte {
	b = wire.AppendUint(b, s.Count)
	if s.Count == 0 {
		return b
	}
	b = wire.AppendUint(b, s.Sum)
	b = wire.AppendUint(b, s.Min)
	b = wire.AppendUint(b, s.Max)
	b = wire.AppendUint(b, uint64(len(s.buckets)))
	last := uint16(0)
	for _, k := range s.buckets {
		b = wire.AppendUint(b, uint64(k.index-last))
		b = wire.AppendUint(b, k.count)
		last = k.index
	}
	return b
}

// ReadBinary reads what AppendBinary wrote; r keeps the error.
func (s *Summary) ReadBinary(r *wire.Reader) {
	s.Reset()
	s.Count = r.Uint()
	if s.Count == 0 {
		return
	}
	s.Sum, s.Min, s.Max = r.Uint(), r.Uint(), r.Uint()
	n := r.Count()
	last := uint16(0)
	for range n {
		last += uint16(r.Uint())
		s.buckets = append(s.buckets, bucket{last, r.Uint()})
	}
}
