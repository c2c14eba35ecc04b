package store

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"weir/services/aggregator/internal/fold"
	"weir/services/aggregator/internal/history"
)

// History is a view of the sealed chunks that were committed at one moment. It
// serves one goroutine, best if that asks for the tracks in the order of their
// numbers: then it goes once through each bucket.
//
// Take it after the views of the tracks: what is sealed and no longer pending in
// those is in here then, and what was sealed later shows by its number.
type History struct {
	first   *pebble.Iterator // the others are its clones: they see what it sees
	lanes   [lanes]*lane
	buckets map[uint64][]uint32 // by tenant, of those asked for; ascending
	key     []byte
}

// Chunk is a sealed chunk.
type Chunk struct {
	history.Chunk
	Seq uint64 // among the chunks of its track, main and late, from 1
}

// History returns a view of the chunks that are committed. Close it.
func (s *Store) History() (*History, error) {
	iter, err := s.db.NewIter(&pebble.IterOptions{LowerBound: []byte{keyBucket}, UpperBound: []byte{keyChunk + 1}})
	if err != nil {
		return nil, fmt.Errorf("read history: %w", err)
	}
	return &History{first: iter, buckets: map[uint64][]uint32{}}, nil
}

// Close ends the view.
func (h *History) Close() (err error) {
	for _, l := range h.lanes {
		if l != nil {
			err = errors.Join(err, l.iter.Close())
		}
	}
	return errors.Join(err, h.first.Close())
}

// Chunks returns the chunks of a track that may have rows from..to (unix
// nanoseconds, inclusive): the main ones ascending by time, the late ones in the
// order of their sealing. Errors are ErrDamaged and those of the file system.
func (h *History) Chunks(tenant, track uint64, from, to int64) (main, late []Chunk, err error) {
	buckets, err := h.bucketsOf(tenant)
	if err != nil {
		return nil, nil, err
	}
	last := history.Bucket(to)
	at, _ := slices.BinarySearch(buckets, history.Bucket(from))
	ended := false // there is no main chunk behind that begins up to to
	for ; at < len(buckets) && buckets[at] <= last; at++ {
		if !ended {
			if main, ended, err = h.main(main, tenant, buckets[at], track, from, to); err != nil {
				return nil, nil, err
			}
		}
		if late, err = h.late(late, tenant, buckets[at], track, from, to); err != nil {
			return nil, nil, err
		}
	}
	slices.SortFunc(late, func(a, b Chunk) int { return cmp.Compare(a.Seq, b.Seq) })
	return main, late, nil
}

// main adds a track's main chunks in one bucket that may have rows from..to.
// They do not overlap, so the first is the first that ends at from or behind it;
// ended reports whether one ends behind to.
func (h *History) main(into []Chunk, tenant uint64, bucket uint32, track uint64, from, to int64) (all []Chunk, ended bool, err error) {
	err = h.each(tenant, bucket, track, false, from, func(c Chunk) bool {
		if c.Min() <= to {
			into = append(into, c)
		}
		ended = c.Max() > to
		return !ended
	})
	return into, ended, err
}

// late adds a track's late chunks in one bucket that may have rows from..to.
func (h *History) late(into []Chunk, tenant uint64, bucket uint32, track uint64, from, to int64) ([]Chunk, error) {
	err := h.each(tenant, bucket, track, true, from, func(c Chunk) bool {
		if c.Min() <= to {
			into = append(into, c)
		}
		return true
	})
	return into, err
}

// each visits a track's chunks in one bucket, main or late, that end at from or
// behind it, ascending by their ends, until visit returns false.
func (h *History) each(tenant uint64, bucket uint32, track uint64, late bool, from int64, visit func(Chunk) bool) error {
	l, err := h.lane(bucket, late)
	if err != nil {
		return err
	}
	h.key = appendTrackPrefix(h.key[:0], tenant, bucket, late, track)
	prefix := len(h.key)
	h.key = appendUint64(h.key, uint64(max(from, 0)))
	for ok := l.seek(h.key); ok && bytes.HasPrefix(l.iter.Key(), h.key[:prefix]); ok = l.next() {
		c, err := chunkAt(l.iter)
		if err != nil {
			return err
		}
		if !visit(c) {
			return nil
		}
	}
	return readError(l.iter.Error())
}

// chunkAt opens the chunk at which an iterator stands.
func chunkAt(iter *pebble.Iterator) (Chunk, error) {
	value, err := iter.ValueAndErr()
	if err != nil {
		return Chunk{}, readError(err)
	}
	named, ok := chunkOf(iter.Key())
	if !ok {
		return Chunk{}, damaged(fmt.Sprintf("chunk %q", iter.Key()), errKey)
	}
	opened, err := history.OpenChunk(bytes.Clone(value))
	if err == nil && (opened.Max() != named.Max || history.Bucket(opened.Min()) != named.Bucket) {
		err = fmt.Errorf("its rows go from %s to %s", timestamp(opened.Min()), timestamp(opened.Max()))
	}
	if err != nil {
		return Chunk{}, damaged(chunkName(&named), err)
	}
	return Chunk{opened, named.Seq}, nil
}

// bucketsOf lists the buckets in which a tenant has chunks.
func (h *History) bucketsOf(tenant uint64) ([]uint32, error) {
	if list, known := h.buckets[tenant]; known {
		return list, nil
	}
	list := []uint32{}
	prefix := appendHistoryKey(nil, keyBucket, tenant)
	for ok := h.first.SeekGE(prefix); ok && bytes.HasPrefix(h.first.Key(), prefix); ok = h.first.Next() {
		if _, bucket, ok := bucketOf(h.first.Key()); ok { // the record of the tenant's history is none
			list = append(list, bucket)
		}
	}
	if err := h.first.Error(); err != nil {
		return nil, readError(err)
	}
	h.buckets[tenant] = list
	return list, nil
}

// chunkName says which chunk it is, by numbers.
func chunkName(c *fold.SealedChunk) string {
	kind := "main"
	if c.Late {
		kind = "late"
	}
	return fmt.Sprintf("%s chunk %d of track %d in the bucket from %s", kind, c.Seq, c.Track, timestamp(history.BucketStart(c.Bucket)))
}
