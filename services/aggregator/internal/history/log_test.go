package history

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// logOf returns a log of rows.
func logOf(rows []Row) *Log {
	var l Log
	for i := range rows {
		l.Append(&rows[i])
	}
	return &l
}

func TestALogLoadedFromItsPagesGoesOnAsIfNothingHappened(t *testing.T) {
	seeds(t, 50, func(t *testing.T, r *rand.Rand) {
		rows := randomRows(r, 1+r.IntN(100))
		whole := logOf(rows)
		cut := r.IntN(len(rows) + 1)
		before := logOf(rows[:cut])
		var l Log
		for i := range before.Pages() {
			if err := l.LoadPage(bytes.Clone(before.Page(i))); err != nil {
				t.Fatal(err)
			}
		}
		for i := range rows[cut:] {
			l.Append(&rows[cut+i])
		}
		if l.Len() != whole.Len() || l.Oldest() != whole.Oldest() || l.Newest() != whole.Newest() {
			t.Errorf("%d rows from %d to %d, not %d from %d to %d", l.Len(), l.Oldest(), l.Newest(), whole.Len(), whole.Oldest(), whole.Newest())
		}
		for i := range whole.Pages() {
			if !bytes.Equal(l.Page(i), whole.Page(i)) {
				t.Fatalf("page %d of %d differs, cut at row %d of %d", i, whole.Pages(), cut, len(rows))
			}
		}
	})
}

func TestAResetLogWritesTheBytesOfANewOne(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	l := logOf(randomRows(r, 50))
	rows := randomRows(r, 40)
	l.Reset()
	for i := range rows {
		l.Append(&rows[i])
	}
	if d := cmp.Diff(logOf(rows).View(), l.View(), cmp.AllowUnexported(LogView{})); d != "" {
		t.Errorf("views (-new +reset):\n%s", d)
	}
}

func TestAnEmptyLogHasNothing(t *testing.T) {
	var l Log
	if l.Len() != 0 || l.Pages() != 0 || l.Oldest() != 0 || l.Newest() != 0 || l.View().Len() != 0 {
		t.Errorf("an empty log is %+v", l)
	}
	if sealed := new(Encoder).SealLog(nil, l.View()); len(sealed) != 0 {
		t.Errorf("an empty log seals to %v", sealed)
	}
}

// TestViewsStayWhileTheLogGrows reads views in goroutines while rows are
// appended and the log is reset: the race detector watches, too.
func TestViewsStayWhileTheLogGrows(t *testing.T) {
	rows := randomRows(rand.New(rand.NewPCG(2, 2)), 200)
	var l Log
	var readers sync.WaitGroup
	for i := range rows {
		l.Append(&rows[i])
		view, want := l.View(), rows[:i+1]
		if i >= 150 {
			want = rows[150 : i+1]
		}
		readers.Go(func() {
			k := 0
			view.Rows(func(r *Row) bool {
				if !cmp.Equal(*r, want[k], sameBits) && len(r.Fields)+len(want[k].Fields) > 0 {
					t.Errorf("row %d of %d is %v, not %v", k, len(want), *r, want[k])
				}
				k++
				return true
			})
			if k != view.Len() || k != len(want) {
				t.Errorf("%d rows of %d in a view of %d", k, len(want), view.Len())
			}
		})
		if i == 149 {
			l.Reset()
		}
	}
	readers.Wait()
}

func TestDamagedPages(t *testing.T) {
	rows := randomRows(rand.New(rand.NewPCG(3, 3)), 3*PageRows)
	full, part := logOf(rows).Page(1), logOf(rows[:5]).Page(0)
	var afterPart Log
	if err := afterPart.LoadPage(part); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		log  *Log
		page []byte
	}{
		{"an empty page has no row", new(Log), nil},
		{"a page that is cut off ends in a row", new(Log), full[:len(full)-1]},
		{"a page with more behind it has too many rows", new(Log), append(bytes.Clone(full), part...)},
		{"a page of nothing but ones has an impossible row", new(Log), bytes.Repeat([]byte{0xff}, 40)},
		{"a page after one that is not full is out of place", &afterPart, full},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := tt.log.Len()
			if err := tt.log.LoadPage(tt.page); !errors.Is(err, ErrDamaged) {
				t.Errorf("error is %v", err)
			}
			if tt.log.Len() != before {
				t.Errorf("the log has %d rows, before %d", tt.log.Len(), before)
			}
		})
	}
}
