package claim

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func take(t *testing.T, dir, id, want string) *Claim {
	t.Helper()
	c, err := Take(dir, id)
	if err != nil || c.ID != want {
		t.Fatalf("%+v, %v, want %s", c, err, want)
	}
	t.Cleanup(func() { _ = c.Release() }) // some tests release it themselves
	return c
}

func TestEachHasAnIDOfItsOwn(t *testing.T) {
	dir := t.TempDir()
	first := take(t, dir, "host-sleep", "host-sleep")
	second := take(t, dir, "host-sleep", "host-sleep-2")
	take(t, dir, "host-sleep", "host-sleep-3")
	take(t, dir, "host-cat", "host-cat")
	if err := errors.Join(first.Release(), second.Release()); err != nil {
		t.Fatal(err)
	}
	take(t, dir, "host-sleep", "host-sleep")
	take(t, dir, "host-sleep", "host-sleep-2")
	take(t, dir, "host-sleep", "host-sleep-4")
}

// TestClaimsAreReleased has many programs claim and release at once: no two have an
// id at the same time, and no file stays.
func TestClaimsAreReleased(t *testing.T) {
	dir := t.TempDir()
	var held sync.Map
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 200 {
				c, err := Take(dir, "id")
				if err != nil {
					t.Error(err)
					return
				}
				if _, taken := held.LoadOrStore(c.ID, true); taken {
					t.Errorf("%s is claimed twice", c.ID)
				}
				held.Delete(c.ID)
				if err := c.Release(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("%v, %v", entries, err)
	}
}

func TestAnIDMayHaveAnyCharacters(t *testing.T) {
	dir := t.TempDir()
	take(t, dir, "a/../b", "a/../b")
	take(t, dir, "a/../b", "a/../b-2")
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 2 {
		t.Errorf("%v, %v", entries, err)
	}
}

func TestWhereNothingCanBeLockedTheIDIsUnclaimed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		c, err := Take(dir, "host-sleep")
		if err == nil || c.ID != "host-sleep" || !strings.Contains(err.Error(), "claim the id host-sleep") {
			t.Errorf("%+v, %v", c, err)
		}
		if err := c.Release(); err != nil {
			t.Error(err)
		}
	}
}
