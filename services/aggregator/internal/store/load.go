package store

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2"

	"weir/services/aggregator/internal/fold"

	"weir/pkg/schema"
	"weir/pkg/schema/wire"
)

// Load returns the state at the last checkpoint, or a new one from an empty
// store. Errors are ErrVersion, ErrSettings, ErrDamaged.
func (s *Store) Load(settings fold.Settings) (*fold.State, error) {
	state, err := s.load(settings)
	if err != nil {
		return nil, fmt.Errorf("load the store in %s: %w", s.dir, err)
	}
	return state, nil
}

func (s *Store) load(settings fold.Settings) (*fold.State, error) {
	meta, err := s.readHead()
	if errors.Is(err, ErrNoStore) {
		s.fresh = true
		return fold.New(settings), nil
	}
	if err != nil {
		return nil, err
	}
	if !settings.Equal(meta.Settings) {
		return nil, fmt.Errorf("%w: %s, not %s: set them back, or weir rebuild", ErrSettings, settingsText(meta.Settings), settingsText(settings))
	}
	return s.loadTables(meta)
}

func (s *Store) loadTables(meta fold.Meta) (*fold.State, error) {
	l := fold.NewLoader(meta)
	for _, t := range []struct {
		table byte
		what  string
		take  func(key, value []byte) error
	}{
		{keyMappings, "mappings", func(k, v []byte) error { return loadMappings(l, k, v) }},
		{keyName, "name", func(k, v []byte) error { return loadName(l, k, v) }},
		{keyTenant, "tenant", func(k, v []byte) error { return loadTenant(l, k, v) }},
		{keyBucket, "bucket of history", func(k, v []byte) error { return loadBucket(l, k, v) }},
		{keySource, "source", func(k, v []byte) error { return loadSource(l, k, v) }},
		{keyTrack, "track", func(k, v []byte) error { return loadTrack(l, k, v) }},
		{keyLog, "page of a log", func(k, v []byte) error { return loadPage(l, k, v) }},
		{keyClient, "duplicate window", func(k, v []byte) error { return loadWindow(l, k, v) }},
		{keySegment, "segment of a duplicate window", func(k, v []byte) error { return loadSegment(l, k, v) }},
		{keyWriter, "writer", func(k, v []byte) error { return loadWriter(l, k, v) }},
		{keyFormat, "format version", loadSingle},
		{keyMeta, "head record", loadSingle},
	} {
		if err := s.scan(t.table, t.what, t.take); err != nil {
			return nil, err
		}
	}
	if err := s.checkStrangers(); err != nil {
		return nil, err
	}
	if err := s.checkDeadLetters(meta.DeadLetters); err != nil {
		return nil, err
	}
	state, err := l.State()
	if err != nil {
		return nil, damaged("tables", err)
	}
	return state, nil
}

// scan calls take for each record of a table, in the order of keys.
func (s *Store) scan(table byte, what string, take func(key, value []byte) error) error {
	iter, err := s.db.NewIter(&pebble.IterOptions{LowerBound: []byte{table}, UpperBound: []byte{table + 1}})
	if err != nil {
		return err
	}
	defer iter.Close()
	for iter.First(); iter.Valid(); iter.Next() {
		value, err := iter.ValueAndErr()
		if err != nil {
			return readError(err)
		}
		if err := take(iter.Key(), value); err != nil {
			return damaged(fmt.Sprintf("%s %q", what, iter.Key()[1:]), err)
		}
	}
	return readError(iter.Error())
}

var errKey = errors.New("its key is not of its table's form")

func loadMappings(l *fold.Loader, key, value []byte) error {
	if len(key) != 1 {
		return errKey
	}
	m, err := readMappings(value)
	if err != nil {
		return err
	}
	return l.Mappings(m)
}

func loadName(l *fold.Loader, key, value []byte) error {
	var m schema.Metadata
	r := wire.NewReader(value)
	if m.ReadBinary(r); r.Done() != nil {
		return r.Done()
	}
	if !bytes.Equal(key, appendNameKey(nil, m.Field)) {
		return errKey
	}
	return l.Name(m)
}

func loadTenant(l *fold.Loader, key, value []byte) error {
	var t schema.TenantState
	r := wire.NewReader(value)
	if t.ReadBinary(r); r.Done() != nil {
		return r.Done()
	}
	if !bytes.Equal(key, appendTenantKey(nil, keyTenant, t.Tenant)) {
		return errKey
	}
	l.Tenant(t)
	return nil
}

func loadSource(l *fold.Loader, key, value []byte) error {
	number, ok := numberOf(key)
	if !ok {
		return errKey
	}
	var record schema.Source
	r := wire.NewReader(value)
	if record.ReadBinary(r); r.Done() != nil {
		return r.Done()
	}
	return l.Source(number, record)
}

func loadWindow(l *fold.Loader, key, value []byte) error {
	number, ok := numberOf(key)
	if !ok {
		return errKey
	}
	w, err := readWindow(number, value)
	if err != nil {
		return err
	}
	return l.Window(w)
}

func loadSegment(l *fold.Loader, key, value []byte) error {
	client, segment, ok := segmentOf(key)
	if !ok {
		return errKey
	}
	entries, err := readSegment(value)
	if err != nil {
		return err
	}
	return l.Segment(client, segment, entries)
}

func loadWriter(l *fold.Loader, key, value []byte) error {
	number, seq, err := readWriter(value)
	if err != nil {
		return err
	}
	l.Writer(string(key[1:]), number, seq)
	return nil
}

// loadSingle checks the key of a table that has one record.
func loadSingle(key, _ []byte) error {
	if len(key) != 1 {
		return errKey
	}
	return nil
}

// checkStrangers looks for keys of no table, between the tables.
func (s *Store) checkStrangers() error {
	iter, err := s.db.NewIter(nil)
	if err != nil {
		return err
	}
	defer iter.Close()
	for ok := iter.First(); ok; {
		table := iter.Key()
		if len(table) == 0 || !strings.ContainsRune(tables, rune(table[0])) {
			return damaged(fmt.Sprintf("key %q", table), errors.New("no such table"))
		}
		ok = iter.SeekGE([]byte{table[0] + 1})
	}
	return readError(iter.Error())
}

// checkDeadLetters looks at the ends of the dead letters, which stay on disk.
func (s *Store) checkDeadLetters(count uint64) error {
	iter, err := s.db.NewIter(&pebble.IterOptions{LowerBound: []byte{keyDeadLetter}, UpperBound: []byte{keyDeadLetter + 1}})
	if err != nil {
		return err
	}
	defer iter.Close()
	first, last := uint64(1), uint64(0)
	if iter.First() {
		first, _ = numberOf(iter.Key())
		iter.Last()
		last, _ = numberOf(iter.Key())
	}
	if err := iter.Error(); err != nil {
		return readError(err)
	}
	if first != 1 || last != count {
		return damaged("dead letters", fmt.Errorf("they go from %d to %d, %d were stored", first, last, count))
	}
	return nil
}

func (s *Store) get(key []byte) (value []byte, found bool, err error) {
	return get(s.db, key)
}

func get(from pebble.Reader, key []byte) (value []byte, found bool, err error) {
	value, closer, err := from.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, readError(err)
	}
	defer closer.Close()
	return slices.Clone(value), true, nil
}

func damaged(what string, err error) error {
	return fmt.Errorf("%w: %s: %w", ErrDamaged, what, err)
}

// readError marks what Pebble says of damaged files.
func readError(err error) error {
	if pebble.IsCorruptionError(err) {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return err
}
