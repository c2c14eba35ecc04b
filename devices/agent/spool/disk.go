package spool

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/gofrs/flock"

	"weir/devices/agent/dialect"
)

// ErrInUse is returned by Open for a directory that another process has open.
var ErrInUse = errors.New("another process uses this spool")

// Disk is a Spool in a directory: records in segments, and a head that says up
// to where they were dropped. What was Put survives the end of the process, a
// kill included; the last seconds before a loss of power may be missing.
//
// The head is written after the broker's acknowledgement: a kill in between
// sends a message once more, never once less.
//
// A Disk also keeps by which name its messages are sent, see Session.
type Disk struct {
	mu       sync.Mutex
	dir      string
	lock     *flock.Flock
	head     *os.File
	bound    int64
	segments []*segment // ascending; the last one is written to
	places   []place    // of the messages that are there, ascending
	bytes    int64      // of all segments
	last     uint64     // the last message's number
	lost     uint64
	changed  chan struct{}
	session  string
}

var _ Spool = (*Disk)(nil)

// place is where a message lies.
type place struct {
	number uint64
	in     *segment
	offset int64
	length int
}

// The files beside the segments.
const (
	lockFile   = "lock"
	headFile   = "head"
	clientFile = "client"
)

// MinBound is the least that a spool on disk may be bounded to, in bytes.
const MinBound = 64 << 10

// segmentsOfBound is how many segments make up the bound: what makes room at
// once is one of them.
const segmentsOfBound = 8

// Open opens the spool in a directory, which it makes if there is none. A
// record that was not written whole, or was damaged, is lost, and counted.
func Open(dir string, bound int64) (*Disk, error) {
	if bound < MinBound {
		return nil, fmt.Errorf("open the spool: its bound is %d bytes: expected %d at least", bound, MinBound)
	}
	lock, err := lockDir(dir)
	if err != nil {
		return nil, fmt.Errorf("open the spool %s: %w", dir, err)
	}
	s := &Disk{dir: dir, bound: bound, lock: lock, changed: make(chan struct{}, 1)}
	if err := s.load(); err != nil {
		return nil, errors.Join(fmt.Errorf("open the spool: %w", err), s.release())
	}
	if len(s.places) > 0 {
		announce(s.changed)
	}
	return s, nil
}

// load reads the head and all segments, and begins a new one: nothing is
// written behind what may be damaged.
func (s *Disk) load() error {
	var err error
	if s.head, err = os.OpenFile(filepath.Join(s.dir, headFile), os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return err
	}
	if s.session, err = readSession(s.dir); err != nil {
		return err
	}
	dropped := readHead(s.head)
	s.last = dropped
	numbers, err := segmentNumbers(s.dir)
	if err != nil {
		return err
	}
	for _, n := range numbers {
		if err := s.loadSegment(n, dropped); err != nil {
			return err
		}
	}
	next := uint64(1)
	if len(numbers) > 0 {
		next = numbers[len(numbers)-1] + 1
	}
	return s.begin(next)
}

func (s *Disk) loadSegment(n, dropped uint64) error {
	g, err := openSegment(s.dir, n)
	if err != nil {
		return err
	}
	records, damaged, err := g.scan()
	if err != nil {
		return errors.Join(err, g.close())
	}
	if damaged {
		s.lost++ // at least: what follows cannot be told apart
	}
	live := 0
	for _, r := range records {
		s.last = max(s.last, r.number)
		if r.number > dropped {
			s.places = append(s.places, place{r.number, g, r.offset, r.length})
			live++
		}
	}
	if live == 0 {
		return g.remove()
	}
	s.segments = append(s.segments, g)
	s.bytes += g.size
	return nil
}

func (s *Disk) begin(n uint64) error {
	g, err := openSegment(s.dir, n)
	if err == nil {
		s.segments = append(s.segments, g)
	}
	return err
}

// Put adds a message.
func (s *Disk) Put(m dialect.Message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	record, err := encode(s.last+1, m)
	if err != nil {
		return err
	}
	share := s.bound / segmentsOfBound
	if int64(len(record)) > share {
		return ErrTooLarge
	}
	current := s.segments[len(s.segments)-1]
	if current.size+int64(len(record)) > share {
		if err := s.begin(current.number + 1); err != nil {
			return fmt.Errorf("add to the spool: %w", err)
		}
		current = s.segments[len(s.segments)-1]
	}
	for s.bytes+int64(len(record)) > s.bound {
		if err := s.makeRoom(); err != nil {
			return fmt.Errorf("make room in the spool: %w", err)
		}
	}
	offset, err := current.append(record)
	if err != nil {
		return fmt.Errorf("add to the spool: %w", err)
	}
	s.last++
	s.bytes += int64(len(record))
	s.places = append(s.places, place{s.last, current, offset, len(record)})
	announce(s.changed)
	return nil
}

// makeRoom forgets the oldest segment with all that is in it.
func (s *Disk) makeRoom() error {
	oldest := s.segments[0]
	n := 0
	for n < len(s.places) && s.places[n].in == oldest {
		n++
	}
	s.lost += uint64(n)
	s.places = s.places[n:]
	return s.removeOldest()
}

func (s *Disk) removeOldest() error {
	oldest := s.segments[0]
	s.segments = s.segments[1:]
	s.bytes -= oldest.size
	return oldest.remove()
}

// Peek returns messages behind a number. One that cannot be read any more is
// left out, and lost.
func (s *Disk) Peek(after uint64, n int) ([]Item, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	from, found := slices.BinarySearchFunc(s.places, after, func(p place, number uint64) int {
		return compare(p.number, number)
	})
	if found {
		from++
	}
	var items []Item
	for len(items) < n && from < len(s.places) {
		p := s.places[from]
		item, err := p.in.read(p.offset, p.length)
		if err != nil { // what cannot be read must not hold up the others
			s.lost++
			s.places = slices.Delete(s.places, from, from+1)
			continue
		}
		items = append(items, item)
		from++
	}
	return items, nil
}

func compare(a, b uint64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// Drop forgets messages, and the segments that have no others.
func (s *Disk) Drop(through uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for n < len(s.places) && s.places[n].number <= through {
		n++
	}
	if n == 0 {
		return nil
	}
	if err := writeHead(s.head, s.places[n-1].number); err != nil {
		return fmt.Errorf("write the spool's head: %w", err)
	}
	if s.places = s.places[n:]; len(s.places) == 0 {
		s.places = nil
	}
	for len(s.segments) > 1 && (len(s.places) == 0 || s.places[0].in != s.segments[0]) {
		if err := s.removeOldest(); err != nil {
			return fmt.Errorf("remove a segment of the spool: %w", err)
		}
	}
	return nil
}

// State says how many messages there are, and how large the segments are.
func (s *Disk) State() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return State{len(s.places), s.bytes, s.lost}
}

// Changed is sent to after a Put.
func (s *Disk) Changed() <-chan struct{} { return s.changed }

// Close syncs what there is to the disk and lets other processes open it.
func (s *Disk) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	for _, g := range s.segments {
		err = errors.Join(err, g.sync())
	}
	return errors.Join(err, s.head.Sync(), s.release())
}

func (s *Disk) release() error { return errors.Join(s.closeFiles(), s.lock.Unlock()) }

func (s *Disk) closeFiles() error {
	var err error
	for _, g := range s.segments {
		err = errors.Join(err, g.close())
	}
	if s.head != nil {
		err = errors.Join(err, s.head.Close())
	}
	return err
}
