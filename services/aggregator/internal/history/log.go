package history

import (
	"fmt"
	"math"
)

// Log holds open rows in the order of their arrival, delta-coded. Its zero
// value is an empty log.
//
// Bytes once written never change and never move under a reader: a View may be
// read, by another goroutine too, while the Log grows. To empty a log, Reset
// it or put a zero Log in its place.
type Log struct {
	buf    []byte
	pages  []uint32 // where each page starts in buf
	rows   int
	oldest int64
	newest int64
	state  pageState // at the latest row
}

// Append adds a row. It copies what it keeps.
func (l *Log) Append(r *Row) {
	if l.rows%PageRows == 0 {
		l.startPage()
	}
	l.buf = l.state.appendRow(l.buf, r)
	l.count(r.Time)
}

func (l *Log) startPage() {
	if uint64(len(l.buf)) > math.MaxUint32 {
		panic("BUG: a log of more than 4 GiB")
	}
	l.pages = append(l.pages, uint32(len(l.buf)))
	l.state.restart()
}

func (l *Log) count(time int64) {
	if l.rows == 0 || time < l.oldest {
		l.oldest = time
	}
	if l.rows == 0 || time > l.newest {
		l.newest = time
	}
	l.rows++
}

// Reset empties the log. Views of it stay valid: it takes new memory, as much
// as it had filled, since the next rows will need about that again.
func (l *Log) Reset() {
	*l = Log{
		buf:   make([]byte, 0, len(l.buf)+len(l.buf)/8),
		pages: make([]uint32, 0, len(l.pages)),
		state: pageState{fields: l.state.fields[:0]},
	}
}

// Len returns the number of rows.
func (l *Log) Len() int { return l.rows }

// Oldest returns the smallest time of a row, in unix nanoseconds; 0 if there is none.
func (l *Log) Oldest() int64 { return l.oldest }

// Newest returns the largest time of a row, in unix nanoseconds; 0 if there is none.
func (l *Log) Newest() int64 { return l.newest }

// Bytes returns how much memory the rows take.
func (l *Log) Bytes() int { return cap(l.buf) }

// Pages returns the number of pages. All but the last have PageRows rows.
func (l *Log) Pages() int { return len(l.pages) }

// Page returns the bytes of page i, which has the rows from i*PageRows on. The
// last page grows while rows are appended; the bytes that were there stay.
func (l *Log) Page(i int) []byte { return pageOf(l.buf, l.pages, i) }

func pageOf(buf []byte, pages []uint32, i int) []byte {
	start, end := int(pages[i]), len(buf)
	if i+1 < len(pages) {
		end = int(pages[i+1])
	}
	return buf[start:end:end]
}

// LoadPage appends the rows of a page that Page gave, copying it. The log then
// is what it was when Page was called: further rows give the same bytes. An
// error wraps ErrDamaged and leaves the log as it was, if it was full pages.
func (l *Log) LoadPage(data []byte) error {
	if l.rows%PageRows != 0 {
		return damaged("page %d follows one of only %d rows", len(l.pages), l.rows%PageRows)
	}
	if err := checkPage(data); err != nil {
		return fmt.Errorf("page %d of a log: %w", len(l.pages), err)
	}
	l.startPage()
	l.buf = append(l.buf, data...)
	for rest := data; len(rest) > 0; {
		rest = rest[l.state.readRow(rest):]
		l.count(l.state.time)
	}
	for i := range l.state.fields {
		f := &l.state.fields[i]
		f.bits = math.Float64bits(f.value())
	}
	return nil
}

// checkPage says whether a page can be read to its end.
func checkPage(data []byte) error {
	var s pageState
	for rest, row := data, 0; ; row++ {
		switch {
		case len(rest) == 0 && row > 0:
			return nil
		case row == PageRows:
			return damaged("%d bytes after the last row", len(rest))
		}
		n := s.readRow(rest)
		if n == 0 {
			return damaged("row %d, at byte %d of %d", row, len(data)-len(rest), len(data))
		}
		rest = rest[n:]
	}
}
