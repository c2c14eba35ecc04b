package spool

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/devices/agent/dialect"
)

func message(n int) dialect.Message {
	return dialect.Message{Topic: "t/" + fmt.Sprint(n%3), Payload: fmt.Appendf(nil, "payload %d %s", n, bytes.Repeat([]byte{'x'}, n%7))}
}

func put(t *testing.T, s Spool, from, to int) {
	t.Helper()
	for n := from; n < to; n++ {
		if err := s.Put(message(n)); err != nil {
			t.Fatal(err)
		}
	}
}

// expect compares all messages with those of the numbers from to to.
func expect(t *testing.T, s Spool, from, to int) []Item {
	t.Helper()
	items, err := s.Peek(0, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	var got, want []dialect.Message
	for _, i := range items {
		got = append(got, i.Message)
	}
	for n := from; n < to; n++ {
		want = append(want, message(n))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("messages (-want +got):\n%s", diff)
	}
	if s.State().Messages != len(items) {
		t.Fatalf("%d messages in the state, %d there", s.State().Messages, len(items))
	}
	return items
}

func open(t *testing.T, dir string) *Disk {
	t.Helper()
	s, err := Open(dir, MinBound)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() }) // some tests close it themselves
	return s
}

// TestSpool is the contract that both spools keep.
func TestSpool(t *testing.T) {
	for name, make := range map[string]func(*testing.T) Spool{
		"in memory": func(*testing.T) Spool { return NewMemory(MinBound) },
		"on disk":   func(t *testing.T) Spool { return open(t, t.TempDir()) },
	} {
		t.Run(name, func(t *testing.T) {
			s := make(t)
			expect(t, s, 0, 0)
			put(t, s, 0, 10)
			select {
			case <-s.Changed():
			default:
				t.Error("a Put is not announced")
			}
			items := expect(t, s, 0, 10)
			if err := s.Drop(items[3].Number); err != nil {
				t.Fatal(err)
			}
			expect(t, s, 4, 10)
			some, err := s.Peek(items[5].Number, 2)
			if err != nil || len(some) != 2 || some[0].Number != items[6].Number {
				t.Errorf("two behind the sixth: %+v, %v", some, err)
			}
			if none, err := s.Peek(items[9].Number, 2); err != nil || len(none) > 0 {
				t.Errorf("behind the last: %+v, %v", none, err)
			}
			if err := s.Drop(items[9].Number); err != nil {
				t.Fatal(err)
			}
			expect(t, s, 10, 10)
			put(t, s, 10, 12)
			expect(t, s, 10, 12)
			if err := s.Put(dialect.Message{Payload: bytes.Repeat([]byte{'x'}, 2*MinBound)}); !errors.Is(err, ErrTooLarge) {
				t.Errorf("a message larger than the spool: %v", err)
			}
		})
	}
}

// TestBound fills spools far beyond their bound: the newest stay, in order, and
// what had to go is counted.
func TestBound(t *testing.T) {
	for name, s := range map[string]Spool{"in memory": NewMemory(MinBound), "on disk": open(t, t.TempDir())} {
		t.Run(name, func(t *testing.T) {
			const all = 20_000
			put(t, s, 0, all)
			state := s.State()
			if state.Bytes > MinBound || state.Bytes < MinBound/2 {
				t.Errorf("%d bytes", state.Bytes)
			}
			if int(state.Lost)+state.Messages != all {
				t.Errorf("%d lost and %d kept are not %d", state.Lost, state.Messages, all)
			}
			expect(t, s, all-state.Messages, all)
			// What a sender holds may have made room meanwhile: dropping it drops no other.
			if err := s.Drop(5); err != nil {
				t.Fatal(err)
			}
			expect(t, s, all-state.Messages, all)
		})
	}
}

func TestDiskSurvivesAKill(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	put(t, s, 0, 300)
	items := expect(t, s, 0, 300)
	if err := s.Drop(items[99].Number); err != nil {
		t.Fatal(err)
	}
	// A kill: nothing is closed or synced. Only the lock is let go, as the system does.
	if err := s.lock.Unlock(); err != nil {
		t.Fatal(err)
	}
	again := open(t, dir)
	expect(t, again, 100, 300)
	put(t, again, 300, 310)
	expect(t, again, 100, 310)
	if lost := again.State().Lost; lost != 0 {
		t.Errorf("%d lost", lost)
	}
}

func TestDiskIsForOneProcess(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if _, err := Open(dir, MinBound); !errors.Is(err, ErrInUse) {
		t.Errorf("a second one: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
}

func TestDiskForgetsWhatIsDropped(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	for n := range 5000 {
		put(t, s, n, n+1)
		items := expect(t, s, n, n+1)
		if err := s.Drop(items[0].Number); err != nil {
			t.Fatal(err)
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.spool"))
	if err != nil || len(files) > 1 {
		t.Errorf("segments %q, %v", files, err)
	}
}

func TestDamagedSpools(t *testing.T) {
	tests := []struct {
		name     string
		damage   func(t *testing.T, dir, segment string)
		from, to int
		lost     uint64
	}{
		{"the last record is cut off", func(t *testing.T, _, segment string) { truncate(t, segment, -3) }, 2, 9, 1},
		{"the last record is a few bytes", func(t *testing.T, _, segment string) { appendTo(t, segment, 5) }, 2, 10, 1},
		{"the last record says it is enormous", func(t *testing.T, _, segment string) { appendTo(t, segment, 12) }, 2, 10, 1},
		{"a record has another byte: what follows cannot be told", func(t *testing.T, _, segment string) { change(t, segment, 200) }, 2, 5, 1},
		{"the segment is empty", func(t *testing.T, _, segment string) { truncate(t, segment, 0) }, 10, 10, 0},
		{"the head is damaged: rather twice than never", func(t *testing.T, dir, _ string) { change(t, filepath.Join(dir, "head"), 3) }, 0, 10, 0},
		{"the head is gone", func(t *testing.T, dir, _ string) { remove(t, filepath.Join(dir, "head")) }, 0, 10, 0},
		{"another file is there", func(t *testing.T, dir, _ string) { touch(t, filepath.Join(dir, "README.spool")) }, 2, 10, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, dir)
			put(t, s, 0, 10)
			items := expect(t, s, 0, 10)
			if err := s.Drop(items[1].Number); err != nil {
				t.Fatal(err)
			}
			segment := s.segments[0].file.Name()
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			tt.damage(t, dir, segment)
			again := open(t, dir)
			expect(t, again, tt.from, tt.to)
			if lost := again.State().Lost; lost != tt.lost {
				t.Errorf("%d lost", lost)
			}
			put(t, again, 10, 12) // what comes later is kept behind it
			all, err := again.Peek(0, 100)
			if err != nil || len(all) != tt.to-tt.from+2 {
				t.Errorf("%d messages, %v", len(all), err)
			}
		})
	}
}

func TestARecordThatIsDamagedUnderUsIsLeftOut(t *testing.T) {
	s := open(t, t.TempDir())
	put(t, s, 0, 5)
	change(t, s.segments[0].file.Name(), int(s.places[2].offset)+12)
	items, err := s.Peek(0, 10)
	if err != nil || len(items) != 4 || s.State() != (State{4, s.bytes, 1}) {
		t.Errorf("%d messages, %+v, %v", len(items), s.State(), err)
	}
}

// FuzzSegment gives anything for a segment: opening it must neither panic nor
// fail.
func FuzzSegment(f *testing.F) {
	record, err := encode(7, message(3))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(record)
	f.Add(append(record, record...))
	f.Add([]byte{0, 0, 0, 1, 2, 3, 4, 5, 6})
	f.Fuzz(func(t *testing.T, b []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "0000000000000003.spool"), b, 0o600); err != nil {
			t.Fatal(err)
		}
		s := open(t, dir)
		before := s.State().Messages
		put(t, s, 0, 1)
		if items, err := s.Peek(0, 1<<20); err != nil || len(items) > before+1 {
			t.Errorf("%d messages, %d before: %v", len(items), before, err)
		}
	})
}

// TestSpoolsAgree does the same at random to both spools.
func TestSpoolsAgree(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	dir := t.TempDir()
	memory, disk := Spool(NewMemory(1<<40)), open(t, dir)
	var next, dropped int
	for range 300 {
		switch random.IntN(4) {
		case 0, 1:
			n := random.IntN(20)
			put(t, memory, next, next+n)
			put(t, disk, next, next+n)
			next += n
		case 2:
			if next > dropped {
				dropped += random.IntN(next - dropped + 1)
			}
			for _, s := range []Spool{memory, disk} {
				if err := s.Drop(uint64(dropped)); err != nil {
					t.Fatal(err)
				}
			}
		case 3:
			if err := disk.Close(); err != nil {
				t.Fatal(err)
			}
			disk = open(t, dir)
		}
		expect(t, memory, dropped, next)
		if int(disk.State().Lost) > 0 {
			return // it is bounded, the other is not
		}
		expect(t, disk, dropped, next)
	}
}

func truncate(t *testing.T, path string, size int64) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if size < 0 {
		size += info.Size()
	}
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
}

func appendTo(t *testing.T, path string, n int) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(b, bytes.Repeat([]byte{0x7f}, n)...), 0o600); err != nil {
		t.Fatal(err)
	}
}

func change(t *testing.T, path string, at int) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[at] ^= 0x20
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func touch(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
}
