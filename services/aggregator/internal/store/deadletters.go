package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"sort"

	"github.com/cockroachdb/pebble/v2"

	"weir/pkg/schema"
	"weir/pkg/schema/wire"
)

// Group is the dead letters of one tenant with one reason.
type Group struct {
	Tenant schema.Tenant
	Reason schema.Reason
}

// DeadLetters is a view of the stored dead letters at one moment.
type DeadLetters struct{ snapshot *pebble.Snapshot }

// DeadLetters returns a view of the dead letters that are committed. Close it.
func (s *Store) DeadLetters() *DeadLetters { return &DeadLetters{s.db.NewSnapshot()} }

// Close ends the view.
func (d *DeadLetters) Close() error { return d.snapshot.Close() }

// Get returns the dead letter with a number.
func (d *DeadLetters) Get(seq uint64) (letter schema.DeadLetter, found bool, err error) {
	value, found, err := get(d.snapshot, appendNumber(nil, keyDeadLetter, seq))
	if err != nil || !found {
		return letter, false, err
	}
	r := wire.NewReader(value)
	if letter.ReadBinary(r); r.Done() != nil {
		return letter, false, damaged(fmt.Sprintf("dead letter %d", seq), r.Done())
	}
	return letter, true, nil
}

// Page returns at most limit dead letters with numbers up to last, newest
// first, after passing over the skip newest of them. With nil groups it is all
// dead letters, whose numbers have no gap.
func (d *DeadLetters) Page(groups []Group, last, skip, limit uint64) ([]schema.DeadLetter, error) {
	if groups == nil {
		return d.pageOfAll(last, skip, limit)
	}
	m, err := d.newMerge(groups)
	if err != nil {
		return nil, err
	}
	defer m.close()
	var page []schema.DeadLetter
	for seq := m.start(last, skip); uint64(len(page)) < limit; {
		if seq = m.newest(seq); seq == 0 {
			break
		}
		letter, found, err := d.Get(seq)
		if err != nil {
			return nil, err
		}
		if !found {
			return nil, damaged(fmt.Sprintf("dead letter %d", seq), errors.New("it is in the index only"))
		}
		page = append(page, letter)
		seq--
	}
	return page, m.err
}

func (d *DeadLetters) pageOfAll(last, skip, limit uint64) ([]schema.DeadLetter, error) {
	var page []schema.DeadLetter
	for seq := last - min(skip, last); seq > 0 && uint64(len(page)) < limit; seq-- {
		letter, found, err := d.Get(seq)
		if err != nil {
			return nil, err
		}
		if !found {
			return nil, damaged(fmt.Sprintf("dead letter %d", seq), errors.New("it is missing"))
		}
		page = append(page, letter)
	}
	return page, nil
}

// merge reads the index of several groups as one descending list of numbers.
type merge struct {
	groups []*groupIndex
	err    error // the first one
}

type groupIndex struct {
	prefix []byte // of its keys; a number follows
	iter   *pebble.Iterator
}

func (d *DeadLetters) newMerge(groups []Group) (*merge, error) {
	m := &merge{}
	for _, g := range groups {
		prefix := slices.Clip(appendIndexPrefix(nil, g.Tenant, g.Reason))
		iter, err := d.snapshot.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: appendUint64(prefix, math.MaxUint64)})
		if err != nil {
			m.close()
			return nil, err
		}
		m.groups = append(m.groups, &groupIndex{prefix, iter})
	}
	return m, nil
}

func (m *merge) close() {
	for _, g := range m.groups {
		m.note(g.iter.Close())
	}
}

// newest returns the highest number of a group that is at most seq, 0 for none.
func (m *merge) newest(seq uint64) uint64 {
	found := uint64(0)
	for _, g := range m.groups {
		if n, _ := m.at(g, seq); n > found {
			found = n
		}
	}
	return found
}

// count returns how many numbers of the groups are at most seq: the index holds
// each dead letter's ordinal in its group, so nothing has to be walked.
func (m *merge) count(seq uint64) uint64 {
	sum := uint64(0)
	for _, g := range m.groups {
		_, ordinal := m.at(g, seq)
		sum += ordinal
	}
	return sum
}

// start returns a number such that those of the groups that are at most it are
// all up to last but the skip newest.
func (m *merge) start(last, skip uint64) uint64 {
	if skip == 0 {
		return last
	}
	total := m.count(last)
	if skip >= total {
		return 0
	}
	n := sort.Search(int(last), func(seq int) bool { return m.count(uint64(seq)) >= total-skip })
	return uint64(n)
}

// at returns the highest number of a group that is at most seq, and its ordinal.
func (m *merge) at(g *groupIndex, seq uint64) (number, ordinal uint64) {
	if !g.iter.SeekLT(appendUint64(g.prefix, seq+1)) {
		m.note(g.iter.Error())
		return 0, 0
	}
	value, err := g.iter.ValueAndErr()
	m.note(err)
	r := wire.NewReader(value)
	ordinal = r.Uint()
	m.note(r.Err())
	return binary.BigEndian.Uint64(g.iter.Key()[len(g.prefix):]), ordinal
}

func (m *merge) note(err error) {
	if err != nil && m.err == nil {
		m.err = readError(err)
	}
}
