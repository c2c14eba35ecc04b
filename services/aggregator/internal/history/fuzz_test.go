package history

import (
	"errors"
	"math/rand/v2"
	"testing"
)

func FuzzOpenChunk(f *testing.F) {
	for seed := range uint64(5) {
		r := rand.New(rand.NewPCG(seed, 5))
		f.Add(new(Encoder).Chunk(nil, randomRows(r, 1+r.IntN(130))))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<16 {
			return
		}
		if err := readEverything(data); err != nil && !errors.Is(err, ErrDamaged) {
			t.Errorf("error is %v", err)
		}
	})
}

func FuzzLogPage(f *testing.F) {
	for seed := range uint64(5) {
		r := rand.New(rand.NewPCG(seed, 6))
		f.Add([]byte(logOf(randomRows(r, 1+r.IntN(PageRows))).Page(0)))
	}
	f.Fuzz(func(t *testing.T, page []byte) {
		var l Log
		if err := l.LoadPage(page); err != nil {
			if !errors.Is(err, ErrDamaged) || l.Len() != 0 {
				t.Errorf("error is %v, rows %d", err, l.Len())
			}
			return
		}
		// What can be read can be written, and reads the same again.
		var rows, again []Row
		l.View().Rows(func(r *Row) bool {
			rows = append(rows, cloneRow(r))
			return true
		})
		logOf(rows).View().Rows(func(r *Row) bool {
			again = append(again, cloneRow(r))
			return true
		})
		sameRows(t, rows, again)
	})
}
