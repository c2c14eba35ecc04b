package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

// lockDir locks a directory, which it makes if there is none. Who takes a spool
// over removes it with its lock: a lock on a file that has gone is none, and is
// tried again.
func lockDir(dir string) (*flock.Flock, error) {
	path := filepath.Join(dir, lockFile)
	for {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
		lock := flock.New(path)
		got, err := lock.TryLock()
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue // the directory was removed meanwhile
		case err != nil:
			return nil, fmt.Errorf("lock it: %w", err)
		case !got:
			return nil, ErrInUse
		}
		mine, err := lock.Stat()
		there, gone := os.Stat(path)
		if err == nil && gone == nil && os.SameFile(mine, there) {
			return lock, nil
		}
		if err := errors.Join(err, lock.Unlock()); err != nil {
			return nil, fmt.Errorf("lock it: %w", err)
		}
	}
}

// removeLock unlocks a directory and removes the lock's file: before it is
// unlocked, or where files that are open cannot be removed, after it.
func removeLock(lock *flock.Flock) error {
	early := os.Remove(lock.Path())
	err := lock.Unlock()
	if early != nil {
		err = errors.Join(err, os.Remove(lock.Path()))
	}
	return err
}
