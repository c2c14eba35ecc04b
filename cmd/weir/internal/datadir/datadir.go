// Package datadir knows the layout of weir's data directory and keeps two
// processes from using one at a time.
package datadir

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/gofrs/flock"
)

// LockFile is the name of the lock in a data directory. It holds the process id
// of its holder and stays when the holder ends: the lock is the kernel's.
const LockFile = "LOCK"

// ErrInUse means that another process holds the lock of a data directory.
var ErrInUse = errors.New("data directory is in use")

// Journal returns the directory of the embedded NATS server's streams.
func Journal(dir string) string { return filepath.Join(dir, "journal") }

// State returns the directory of a partition's state.
func State(dir string, partition int) string {
	return filepath.Join(dir, "state", strconv.Itoa(partition))
}

// Lock is a locked data directory.
type Lock struct{ file *flock.Flock }

// Acquire locks a data directory and makes it if it is absent. While another
// process has it, the error is an ErrInUse that names the directory and, if it
// is known, the process.
func Acquire(dir string) (*Lock, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("make the data directory: %w", err)
	}
	path := filepath.Join(dir, LockFile)
	file := flock.New(path, flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o640))
	ours, err := file.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock the data directory: %w", err)
	}
	if !ours {
		return nil, inUse(dir, path)
	}
	l := &Lock{file}
	if err := os.WriteFile(path, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o640); err != nil {
		return nil, errors.Join(fmt.Errorf("write the lock file: %w", err), l.Release())
	}
	return l, nil
}

func inUse(dir, path string) error {
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	holder := "another process"
	if data, err := os.ReadFile(path); err == nil {
		if pid, err := strconv.Atoi(strings.TrimSpace(string(data))); err == nil {
			holder = fmt.Sprintf("process %d", pid)
		}
	}
	return fmt.Errorf("%w: %s has %s; stop it, or use another directory with --data-dir", ErrInUse, holder, dir)
}

// Exists reports whether a journal was ever kept in a data directory. Tools
// that mend one ask before they would make an empty one by a slip.
func Exists(dir string) bool {
	info, err := os.Stat(Journal(dir))
	return err == nil && info.IsDir()
}

// Release gives the directory free.
func (l *Lock) Release() error {
	if err := l.file.Close(); err != nil {
		return fmt.Errorf("unlock the data directory: %w", err)
	}
	return nil
}
