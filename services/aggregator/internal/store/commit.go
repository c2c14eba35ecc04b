package store

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"weir/services/aggregator/internal/fold"

	"weir/pkg/schema"
	"weir/pkg/schema/wire"
)

// Checkpoint is a batch that holds all that changed in a state, and its cursor.
type Checkpoint struct {
	Meta  fold.Meta
	Keys  int // written or deleted
	Bytes int

	store *Store
	batch *pebble.Batch
}

// Prepare takes the state's changes. It reads and cleans the state, so that must
// not change meanwhile; Commit no longer needs it. Checkpoints must be committed
// in the order in which they were prepared.
func (s *Store) Prepare(state *fold.State) (*Checkpoint, error) {
	w := &batchWriter{batch: s.db.NewBatch()}
	if s.fresh {
		w.set([]byte{keyFormat}, wire.AppendUint(nil, formatVersion))
		s.fresh = false
	}
	state.Changes(w)
	if w.err != nil {
		return nil, fmt.Errorf("write a checkpoint: %w", w.err)
	}
	return &Checkpoint{Meta: state.Meta(), Keys: int(w.batch.Count()), Bytes: w.batch.Len(), store: s, batch: w.batch}, nil
}

// Commit writes the checkpoint: all of it or, if the machine stops, nothing. It
// is on disk on return. An error is ErrBroken: the store has to be opened anew.
func (c *Checkpoint) Commit() (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			text, ok := cause.(fatal)
			if !ok {
				panic(cause)
			}
			c.store.broken.Store(true)
			c.store.noteFault(fmt.Errorf("%s", text))
			err = fmt.Errorf("commit the checkpoint at %d: %w: %s", c.Meta.Cursor, ErrBroken, text)
		}
	}()
	sync := pebble.Sync
	if c.store.bulk {
		sync = pebble.NoSync
	}
	if err := c.batch.Commit(sync); err != nil {
		c.store.broken.Store(true)
		return fmt.Errorf("commit the checkpoint at %d: %w: %w", c.Meta.Cursor, ErrBroken, err)
	}
	c.store.fault.Store(nil)
	return c.batch.Close()
}

// Commit prepares and commits a checkpoint of the state.
func (s *Store) Commit(state *fold.State) error {
	c, err := s.Prepare(state)
	if err != nil {
		return err
	}
	if err := c.Commit(); err != nil {
		return err
	}
	state.Committed(c.Meta)
	return nil
}

// batchWriter encodes a state's changes into a batch.
type batchWriter struct {
	batch      *pebble.Batch
	key, value []byte // reused: the batch copies
	err        error  // the first one
}

var _ fold.Sink = (*batchWriter)(nil)

func (w *batchWriter) set(key, value []byte) {
	if err := w.batch.Set(key, value, nil); err != nil && w.err == nil {
		w.err = err
	}
	w.key, w.value = key[:0], value[:0]
}

// deleteRange deletes the keys from..to, to excluded.
func (w *batchWriter) deleteRange(from, to []byte) {
	if err := w.batch.DeleteRange(from, to, nil); err != nil && w.err == nil {
		w.err = err
	}
}

func (w *batchWriter) delete(key []byte) {
	if err := w.batch.Delete(key, nil); err != nil && w.err == nil {
		w.err = err
	}
	w.key = key[:0]
}

func (w *batchWriter) Client(win fold.Window) {
	w.set(appendNumber(w.key, keyClient, win.Client), appendWindow(w.value, win))
}

func (w *batchWriter) ClientForgotten(number uint64, segments int) {
	w.delete(appendNumber(w.key, keyClient, number))
	for i := range segments {
		w.delete(appendSegmentKey(w.key, number, i))
	}
}

func (w *batchWriter) DeadLetter(d *fold.DeadLetter) {
	w.set(appendNumber(w.key, keyDeadLetter, d.Seq), d.AppendBinary(w.value))
	key := appendIndexPrefix(w.key, d.Tenant, d.Reason)
	w.set(appendUint64(key, d.Seq), wire.AppendUint(w.value, d.Ordinal))
}

func (w *batchWriter) Writer(name string, number, seq uint64) {
	w.set(append(append(w.key, keyWriter), name...), appendWriter(w.value, number, seq))
}

func (w *batchWriter) WriterForgotten(name string) {
	w.delete(append(append(w.key, keyWriter), name...))
}

func (w *batchWriter) Meta(m fold.Meta) {
	w.set(append(w.key, keyMeta), appendMeta(w.value, m))
}

func (w *batchWriter) Mappings(m *fold.Mappings) {
	w.set(append(w.key, keyMappings), appendMappings(w.value, m))
}

func (w *batchWriter) Name(m *schema.Metadata) {
	w.set(appendNameKey(w.key, m.Field), m.AppendBinary(w.value))
}

func (w *batchWriter) Source(number uint64, record *schema.Source) {
	w.set(appendNumber(w.key, keySource, number), record.AppendBinary(w.value))
}

func (w *batchWriter) SourceForgotten(number uint64) {
	w.delete(appendNumber(w.key, keySource, number))
}

func (w *batchWriter) Tenant(t *schema.TenantState) {
	w.set(appendTenantKey(w.key, keyTenant, t.Tenant), t.AppendBinary(w.value))
}

func (w *batchWriter) Segment(client uint64, segment int, entries []uint64) {
	w.set(appendSegmentKey(w.key, client, segment), appendSegment(w.value, entries))
}

func (w *batchWriter) TenantHistory(h fold.TenantHistory) {
	w.set(appendHistoryKey(w.key, keyBucket, h.Number), appendTenantHistory(w.value, h))
}

// Expired deletes by range, so that whole tables go without being read.
func (w *batchWriter) Expired(tenant uint64, below uint32) {
	for _, table := range []byte{keyBucket, keyChunk} {
		w.deleteRange(appendBucketKey(nil, table, tenant, 0), appendBucketKey(nil, table, tenant, below))
	}
}

func (w *batchWriter) Bucket(tenant uint64, b fold.Bucket) {
	w.set(appendBucketKey(w.key, keyBucket, tenant, b.Number), appendBucket(w.value, b))
}

func (w *batchWriter) Track(t *fold.Track) {
	w.set(appendNumber(w.key, keyTrack, t.Number), appendTrack(w.value, t))
}

func (w *batchWriter) TrackForgotten(number uint64, main, late int) {
	w.delete(appendNumber(w.key, keyTrack, number))
	w.LogDropped(number, false, 0, main)
	w.LogDropped(number, true, 0, late)
}

func (w *batchWriter) LogPage(track uint64, late bool, page int, data []byte) {
	w.set(appendPageKey(w.key, track, late, page), append(w.value, data...))
}

func (w *batchWriter) LogDropped(track uint64, late bool, from, to int) {
	for page := from; page < to; page++ {
		w.delete(appendPageKey(w.key, track, late, page))
	}
}

func (w *batchWriter) Chunk(c *fold.SealedChunk) {
	w.set(appendChunkKey(w.key, c), append(w.value, c.Data...))
}
