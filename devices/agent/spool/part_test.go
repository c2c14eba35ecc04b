package spool

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func openPart(t *testing.T, dir, id string) *Disk {
	t.Helper()
	s, err := OpenPart(dir, id, MinBound)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() }) // some tests close it themselves
	return s
}

// TestParts has two ids share a directory: each finds its own messages again.
func TestParts(t *testing.T) {
	dir := t.TempDir()
	a, b := openPart(t, dir, "a/b"), openPart(t, dir, "..")
	put(t, a, 0, 3)
	put(t, b, 3, 5)
	another := openPart(t, dir, "a/b")
	expect(t, another, 0, 0)
	if another.dir != a.dir+"-2" {
		t.Errorf("the second of an id has %s", another.dir)
	}
	if err := errors.Join(a.Close(), b.Close(), another.remove(), os.Remove(another.dir)); err != nil {
		t.Fatal(err)
	}
	expect(t, openPart(t, dir, "a/b"), 0, 3)
	expect(t, openPart(t, dir, ".."), 3, 5)
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 2 {
		t.Errorf("%v, %v", entries, err)
	}
}

// entries is how many files and directories there are in one.
func entries(t *testing.T, dir string) int {
	t.Helper()
	all, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

// TestTakeOver opens a part of a directory that was one spool: its messages go
// on in the part.
func TestTakeOver(t *testing.T) {
	dir := t.TempDir()
	old := open(t, dir)
	put(t, old, 0, 200)
	first := openPart(t, dir, "a")
	if err := first.TakeOver(dir, time.Now()); err != nil {
		t.Fatal(err)
	}
	expect(t, first, 0, 0) // the old one is in use
	items, err := old.Peek(0, 100)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(old.Drop(items[99].Number), old.Close()); err != nil {
		t.Fatal(err)
	}
	s := openPart(t, dir, "b")
	if err := s.TakeOver(dir, time.Now()); err != nil {
		t.Fatal(err)
	}
	put(t, s, 200, 205)
	expect(t, s, 100, 205)
	if n := entries(t, dir); n != 2 {
		t.Errorf("what was taken over is still there: %d entries", n)
	}
}

// TestTakeOverOfParts leaves a part alone that was written to lately, or is in
// use, and takes the others.
func TestTakeOverOfParts(t *testing.T) {
	dir := t.TempDir()
	left, busy := openPart(t, dir, "left"), openPart(t, dir, "busy")
	put(t, left, 0, 3)
	put(t, busy, 100, 103)
	if err := left.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "other", "thing"), 0o700); err != nil {
		t.Fatal(err)
	}
	s := openPart(t, dir, "s")
	if err := s.TakeOver(dir, time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	expect(t, s, 0, 0)
	if err := s.TakeOver(dir, time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	expect(t, s, 0, 3)
	expect(t, busy, 100, 103)
	if n := entries(t, dir); n != 3 { // busy, other and s
		t.Errorf("%d entries", n)
	}
}

func TestASessionLastsAsLongAsTheSpool(t *testing.T) {
	dir := t.TempDir()
	first := open(t, dir)
	session := first.Session()
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again := open(t, dir)
	if again.Session() != session || len(session) < 20 {
		t.Errorf("%q, then %q", session, again.Session())
	}
	if other := open(t, t.TempDir()); other.Session() == session {
		t.Errorf("another spool has %q, too", session)
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, clientFile), nil, 0o600); err != nil { // it was not written whole
		t.Fatal(err)
	}
	if mended := open(t, dir); mended.Session() == "" {
		t.Error("a session without a name")
	}
}

func TestNames(t *testing.T) {
	long := strings.Repeat("x", 200)
	seen := map[string]string{}
	for id, want := range map[string]string{
		"host-sleep": "host-sleep", "..": "%2e.", ".x": "%2ex", "": "", "a/b": "a%2fb", `C:\x`: "C%3a%5cx", "ä": "%c3%a4", "a%2fb": "a%252fb",
		long: Name(long), long + "y": Name(long + "y"),
	} {
		got := Name(id)
		if got != want || len(got) > longestName {
			t.Errorf("%q: %q", id, got)
		}
		if other, found := seen[got]; found {
			t.Errorf("%q and %q are both %q", id, other, got)
		}
		seen[got] = id
	}
}

// TestTakenOverAtTheStart starts an agent while another takes its part over: the
// part that it opens is there, and all messages are in one of the two.
func TestTakenOverAtTheStart(t *testing.T) {
	const rounds, messages = 300, 3
	for range rounds {
		dir := t.TempDir()
		own := openPart(t, dir, "a")
		put(t, own, 0, messages)
		other := openPart(t, dir, "b")
		if err := own.Close(); err != nil {
			t.Fatal(err)
		}
		taken := make(chan error)
		go func() { taken <- other.TakeOver(dir, time.Now().Add(time.Hour)) }()
		var opened []*Disk
		for range 20 { // until the other is in the midst of it
			s, err := OpenPart(dir, "a", MinBound)
			if err != nil {
				t.Fatal(err)
			}
			opened = append(opened, s)
			if s.dir == own.dir {
				break
			}
		}
		if err := <-taken; err != nil {
			t.Fatal(err)
		}
		all := other.State().Messages
		for _, s := range opened {
			all += s.State().Messages
			for _, name := range []string{lockFile, headFile, clientFile} {
				if _, err := os.Stat(filepath.Join(s.dir, name)); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if all != messages {
			t.Fatalf("%d messages, want %d", all, messages)
		}
	}
}
