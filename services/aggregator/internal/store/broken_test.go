package store

import (
	"errors"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"weir/services/aggregator/internal/foldtest"
)

// TestADiskThatFailsBreaksTheStore fails all writes from one moment on: the
// commit says so, and what was committed before is there afterwards.
func TestADiskThatFailsBreaksTheStore(t *testing.T) {
	frames := foldtest.Frames(foldtest.Rand(1), foldtest.NewGenerator(foldtest.Rand(1)).Items(200), 10)
	disk := vfs.NewCrashableMem()
	var failing atomic.Bool
	full := errorfs.InjectorFunc(func(op errorfs.Op) error {
		if failing.Load() && op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
			return errors.New("no space left on device")
		}
		return nil
	})
	s := open1(t, errorfs.Wrap(disk, full))
	state := load1(t, s)
	for i, f := range frames {
		state.Apply(uint64(i+1), f)
		if i == len(frames)/2 {
			commit1(t, s, state)
		}
	}
	failing.Store(true)
	if err := s.Commit(state); !errors.Is(err, ErrBroken) {
		t.Fatalf("commit: %v", err)
	}
	if s.Fault() == "" {
		t.Error("the fault does not show")
	}
	if err := s.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	again := open1(t, disk.CrashClone(vfs.CrashCloneCfg{}))
	defer again.Close()
	if at := load1(t, again).Cursor(); at != uint64(len(frames)/2+1) {
		t.Errorf("the store goes up to %d of %d", at, len(frames))
	}
}
