package store

import (
	"errors"
	"fmt"

	"weir/services/aggregator/internal/fold"

	"weir/pkg/schema/wire"
)

// Meta returns the head of the state at the last checkpoint. Errors are
// ErrNoStore for an empty store, ErrVersion and ErrDamaged.
func (s *Store) Meta() (fold.Meta, error) {
	meta, err := s.readHead()
	if err != nil {
		return fold.Meta{}, fmt.Errorf("read the store in %s: %w", s.dir, err)
	}
	return meta, nil
}

// readHead reads what must be read first: without it nothing else means anything.
func (s *Store) readHead() (fold.Meta, error) {
	version, found, err := s.get([]byte{keyFormat})
	if err != nil {
		return fold.Meta{}, err
	}
	if !found {
		return fold.Meta{}, s.checkEmpty()
	}
	if v, err := readVersion(version); err != nil {
		return fold.Meta{}, damaged("format version", err)
	} else if v != formatVersion {
		return fold.Meta{}, fmt.Errorf("%w: version %d, this weir knows version %d: use the weir that wrote it, or weir rebuild", ErrVersion, v, formatVersion)
	}
	value, found, err := s.get([]byte{keyMeta})
	if err != nil {
		return fold.Meta{}, err
	}
	if !found {
		return fold.Meta{}, damaged("head record", errors.New("it is missing"))
	}
	meta, err := readMeta(value)
	if err != nil {
		return fold.Meta{}, damaged("head record", err)
	}
	if meta.Settings.Windows < 1 || meta.Origin > meta.Cursor {
		return fold.Meta{}, damaged("head record", fmt.Errorf("it says %+v", meta))
	}
	return meta, nil
}

// checkEmpty tells a store that was never written, ErrNoStore, from one that has
// lost its format version.
func (s *Store) checkEmpty() error {
	iter, err := s.db.NewIter(nil)
	if err != nil {
		return err
	}
	defer iter.Close()
	if iter.First() {
		return damaged("format version", errors.New("it is missing"))
	}
	if err := iter.Error(); err != nil {
		return readError(err)
	}
	return ErrNoStore
}

func readVersion(value []byte) (uint64, error) {
	r := wire.NewReader(value)
	v := r.Uint()
	return v, r.Done()
}
