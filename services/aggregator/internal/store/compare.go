package store

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"

	"github.com/cockroachdb/pebble/v2"
)

// Difference is the first difference between a store on disk and one folded
// from the journal.
type Difference struct {
	Record  string // what differs: `tenant factory/line1`
	Field   string // in it: "applied"; "" where one store lacks the record
	OnDisk  string // the field's value there, "missing" or "present"
	Journal string // the one that the journal gives
}

// String returns the difference as a sentence.
func (d *Difference) String() string {
	if d.Field == "" {
		return fmt.Sprintf("%s is %s on disk, %s by the journal", d.Record, d.OnDisk, d.Journal)
	}
	return fmt.Sprintf("%s: %s is %s on disk, %s by the journal", d.Record, d.Field, d.OnDisk, d.Journal)
}

// Compare compares all keys and values of two stores, and returns the first
// difference in the order of keys, nil if there is none.
func Compare(onDisk, journal *Store) (*Difference, error) {
	a, err := onDisk.db.NewIter(nil)
	if err != nil {
		return nil, err
	}
	defer a.Close()
	b, err := journal.db.NewIter(nil)
	if err != nil {
		return nil, err
	}
	defer b.Close()
	okA, okB := a.First(), b.First()
	for okA || okB {
		if d, err := onDisk.compareAt(a, okA, journal, b, okB); d != nil || err != nil {
			return d, err
		}
		okA, okB = a.Next(), b.Next()
	}
	if err := a.Error(); err != nil {
		return nil, readError(err)
	}
	return nil, readError(b.Error())
}

func (s *Store) compareAt(a *pebble.Iterator, okA bool, journal *Store, b *pebble.Iterator, okB bool) (*Difference, error) {
	switch {
	case !okB || (okA && bytes.Compare(a.Key(), b.Key()) < 0):
		if err := b.Error(); err != nil {
			return nil, readError(err)
		}
		rec, err := s.recordAt(a)
		return &Difference{Record: rec.name, OnDisk: "present", Journal: "missing"}, err
	case !okA || !bytes.Equal(a.Key(), b.Key()):
		if err := a.Error(); err != nil {
			return nil, readError(err)
		}
		rec, err := journal.recordAt(b)
		return &Difference{Record: rec.name, OnDisk: "missing", Journal: "present"}, err
	}
	va, err := a.ValueAndErr()
	if err != nil {
		return nil, readError(err)
	}
	vb, err := b.ValueAndErr()
	if err != nil || bytes.Equal(va, vb) {
		return nil, readError(err)
	}
	return differ(describer{s.db}.describe(a.Key(), va), describer{journal.db}.describe(b.Key(), vb), va, vb), nil
}

func (s *Store) recordAt(iter *pebble.Iterator) (record, error) {
	value, err := iter.ValueAndErr()
	if err != nil {
		return record{}, readError(err)
	}
	return describer{s.db}.describe(iter.Key(), value), nil
}

// differ returns the first field in which two records of one key differ. A field
// that only one of them has is "nothing" in the other.
func differ(a, b record, va, vb []byte) *Difference {
	for _, f := range a.fields {
		if other := b.value(f.name); other != f.value {
			return &Difference{Record: a.name, Field: f.name, OnDisk: f.value, Journal: other}
		}
	}
	for _, f := range b.fields {
		if a.value(f.name) != f.value {
			return &Difference{Record: a.name, Field: f.name, OnDisk: nothing, Journal: f.value}
		}
	}
	return &Difference{Record: a.name, Field: "encoding", OnDisk: hex.EncodeToString(va), Journal: hex.EncodeToString(vb)}
}

const nothing = "nothing"

func (r *record) value(name string) string {
	for _, f := range r.fields {
		if f.name == name {
			return f.value
		}
	}
	return nothing
}

// Dump writes all records in words, in the order of keys.
func (s *Store) Dump(w io.Writer) error {
	iter, err := s.db.NewIter(nil)
	if err != nil {
		return err
	}
	defer iter.Close()
	for ok := iter.First(); ok; ok = iter.Next() {
		rec, err := s.recordAt(iter)
		if err != nil {
			return err
		}
		fmt.Fprintln(w, rec.name)
		for _, f := range rec.fields {
			if _, err := fmt.Fprintf(w, "\t%s: %s\n", f.name, f.value); err != nil {
				return err
			}
		}
	}
	return readError(iter.Error())
}
