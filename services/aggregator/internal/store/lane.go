package store

import "github.com/cockroachdb/pebble/v2"

// lane is an iterator that goes through the main or the late chunks of a bucket.
// It only ever seeks: as long as the keys ascend, Pebble goes on from where it
// is, and need not move at all to find that a track has nothing.
type lane struct {
	iter *pebble.Iterator
	key  []byte // behind the one at which it is
}

// Lanes are shared by buckets that are laneBuckets apart: a request that reads
// more of them than that goes back and forth anyway.
const (
	laneBuckets = 4
	lanes       = 2 * laneBuckets
)

// lane returns the lane in which to read a bucket.
func (h *History) lane(bucket uint32, late bool) (*lane, error) {
	i := bucket%laneBuckets*2 + uint32(class(late))
	if h.lanes[i] == nil {
		iter, err := h.first.Clone(pebble.CloneOptions{})
		if err != nil {
			return nil, readError(err)
		}
		h.lanes[i] = &lane{iter: iter}
	}
	return h.lanes[i], nil
}

// seek goes to the first key that is not below key.
func (l *lane) seek(key []byte) bool { return l.iter.SeekGE(key) }

// next goes to the next key. After a Next Pebble would not go on from where it
// is with the next seek.
func (l *lane) next() bool {
	l.key = append(append(l.key[:0], l.iter.Key()...), 0)
	return l.iter.SeekGE(l.key)
}
