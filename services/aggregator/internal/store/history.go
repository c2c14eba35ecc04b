package store

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"weir/services/aggregator/internal/fold"
	"weir/services/aggregator/internal/history"
)

// History is a view of the sealed chunks that were committed at one moment. It
// serves one goroutine.
//
// Take it after the views of the tracks: what is sealed and no longer pending in
// those is in here then, and what was sealed later shows by its number.
type History struct {
	snapshot *pebble.Snapshot
	iter     *pebble.Iterator
	buckets  map[uint64][]uint32 // by tenant, of those asked for; ascending
	key      []byte
}

// Chunk is a sealed chunk.
type Chunk struct {
	history.Chunk
	Seq uint64 // among the chunks of its track, main and late, from 1
}

// History returns a view of the chunks that are committed. Close it.
func (s *Store) History() (*History, error) {
	snapshot := s.db.NewSnapshot()
	iter, err := snapshot.NewIter(&pebble.IterOptions{LowerBound: []byte{keyChunk}, UpperBound: []byte{keyChunk + 1}})
	if err != nil {
		return nil, fmt.Errorf("read history: %w", errors.Join(err, snapshot.Close()))
	}
	return &History{snapshot: snapshot, iter: iter, buckets: map[uint64][]uint32{}}, nil
}

// Close ends the view.
func (h *History) Close() error { return errors.Join(h.iter.Close(), h.snapshot.Close()) }

// Chunks returns the chunks of a track that may have rows from..to (unix
// nanoseconds, inclusive): the main ones ascending by time, the late ones in the
// order of their sealing. With beyond there are also the main one before these
// and the one behind, if they are in the next bucket at the most: they tell how
// long the gaps at the range's ends are. Errors are ErrDamaged and those of the
// file system.
func (h *History) Chunks(tenant, track uint64, from, to int64, beyond bool) (main, late []Chunk, err error) {
	first, last := history.Bucket(from), history.Bucket(to)
	if beyond {
		first, last = first-min(first, 1), last+1
	}
	buckets := h.bucketsOf(tenant)
	at, _ := slices.BinarySearch(buckets, first)
	for ; at < len(buckets) && buckets[at] <= last; at++ {
		if n := len(main); n > 0 && main[n-1].Min() > to {
			break // the one behind
		}
		if main, err = h.main(main, tenant, buckets[at], track, from, to, beyond); err != nil {
			return nil, nil, err
		}
		if late, err = h.late(late, tenant, buckets[at], track, from, to); err != nil {
			return nil, nil, err
		}
	}
	slices.SortFunc(late, func(a, b Chunk) int { return cmp.Compare(a.Seq, b.Seq) })
	return trim(main, from, beyond), late, readError(h.iter.Error())
}

// trim drops the chunks that end before from, with beyond all but the last of
// them.
func trim(main []Chunk, from int64, beyond bool) []Chunk {
	n := 0
	for n < len(main) && main[n].Max() < from {
		n++
	}
	if beyond && n > 0 {
		n--
	}
	return main[n:]
}

// main adds a track's main chunks in one bucket from the second last that begins
// before from to the first that begins behind to.
func (h *History) main(into []Chunk, tenant uint64, bucket uint32, track uint64, from, to int64, beyond bool) ([]Chunk, error) {
	h.key = appendTrackPrefix(h.key[:0], tenant, bucket, track, false)
	prefix := h.key[:len(h.key):len(h.key)]
	ok := false
	if history.Bucket(from) < bucket {
		ok = h.iter.SeekGE(prefix)
	} else {
		ok = h.seekBack(prefix, from)
	}
	for ; ok && bytes.HasPrefix(h.iter.Key(), prefix); ok = h.iter.Next() {
		c, err := h.chunk()
		if err != nil {
			return nil, err
		}
		behind := c.Min() > to
		if behind && !beyond {
			break
		}
		into = append(into, c)
		if behind {
			return into, nil
		}
	}
	return into, nil
}

// seekBack goes to the second last key with a prefix and a time up to from, or
// to the last one, or to what comes behind the prefix.
func (h *History) seekBack(prefix []byte, from int64) bool {
	limit := appendUint64(prefix, uint64(max(from, 0)))
	if !h.iter.SeekLT(append(limit, math.MaxUint8, math.MaxUint8, math.MaxUint8, math.MaxUint8, 0)) || !bytes.HasPrefix(h.iter.Key(), prefix) {
		return h.iter.SeekGE(prefix)
	}
	if !h.iter.Prev() || !bytes.HasPrefix(h.iter.Key(), prefix) {
		return h.iter.SeekGE(prefix)
	}
	return true
}

// late adds a track's late chunks in one bucket that have rows from..to.
func (h *History) late(into []Chunk, tenant uint64, bucket uint32, track uint64, from, to int64) ([]Chunk, error) {
	h.key = appendTrackPrefix(h.key[:0], tenant, bucket, track, true)
	prefix := h.key
	for ok := h.iter.SeekGE(prefix); ok && bytes.HasPrefix(h.iter.Key(), prefix); ok = h.iter.Next() {
		c, err := h.chunk()
		if err != nil {
			return nil, err
		}
		if c.Min() > to {
			break
		}
		if c.Max() >= from {
			into = append(into, c)
		}
	}
	return into, nil
}

// chunk opens the chunk at which the iterator stands.
func (h *History) chunk() (Chunk, error) {
	value, err := h.iter.ValueAndErr()
	if err != nil {
		return Chunk{}, readError(err)
	}
	named, ok := chunkOf(h.iter.Key())
	if !ok {
		return Chunk{}, damaged(fmt.Sprintf("chunk %q", h.iter.Key()), errKey)
	}
	opened, err := history.OpenChunk(bytes.Clone(value))
	if err == nil && (opened.Min() != named.Min || history.Bucket(opened.Max()) != named.Bucket) {
		err = fmt.Errorf("its rows go from %s to %s", timestamp(opened.Min()), timestamp(opened.Max()))
	}
	if err != nil {
		return Chunk{}, damaged(chunkName(&named), err)
	}
	return Chunk{opened, named.Seq}, nil
}

// bucketsOf lists the buckets in which a tenant has chunks.
func (h *History) bucketsOf(tenant uint64) []uint32 {
	if list, known := h.buckets[tenant]; known {
		return list
	}
	list := []uint32{}
	for ok := h.iter.SeekGE(appendHistoryKey(nil, keyChunk, tenant)); ok; {
		c, valid := chunkOf(h.iter.Key())
		if !valid || c.Tenant != tenant {
			break
		}
		list = append(list, c.Bucket)
		if c.Bucket == math.MaxUint32 {
			break
		}
		ok = h.iter.SeekGE(appendBucketKey(nil, keyChunk, tenant, c.Bucket+1))
	}
	h.buckets[tenant] = list
	return list
}

// chunkName says which chunk it is, by numbers.
func chunkName(c *fold.SealedChunk) string {
	kind := "main"
	if c.Late {
		kind = "late"
	}
	return fmt.Sprintf("%s chunk %d of track %d in the bucket from %s", kind, c.Seq, c.Track, timestamp(history.BucketStart(c.Bucket)))
}
