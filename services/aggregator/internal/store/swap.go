package store

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// A store that is built anew is built beside the one in use. The steps of the
// swap, each a rename or removal that happens wholly or not:
//
//	dir.new                being built; worthless until it is whole
//	dir.new   -> dir.ready it is whole and on disk: from here on it is the store
//	dir       -> dir.old   only while dir.ready is there
//	dir.ready -> dir
//	dir.old removed
//
// Settle takes the remaining steps from wherever a crash has left them, so the
// old store is kept until the new one is whole, and there is always one.
// Rejected: exchanging the two by one system call, which only Linux has.
const (
	suffixNew   = ".new"
	suffixReady = ".ready"
	suffixOld   = ".old"
)

// Disk is the operating system's file system.
var Disk = vfs.Default

// BuildDir returns an empty place for building a store that is to replace the
// one in dir, and removes what an earlier build has left there.
func BuildDir(fsys vfs.FS, dir string) (string, error) {
	if err := fsys.RemoveAll(dir + suffixNew); err != nil {
		return "", fmt.Errorf("remove an unfinished build: %w", err)
	}
	return dir + suffixNew, nil
}

// Adopt makes the store that was built and closed in BuildDir the store of dir.
func Adopt(fsys vfs.FS, dir string) error {
	if err := fsys.Rename(dir+suffixNew, dir+suffixReady); err != nil {
		return fmt.Errorf("adopt the new store: %w", err)
	}
	if err := syncParent(fsys, dir); err != nil {
		return err
	}
	return Settle(fsys, dir)
}

// Settle ends an adoption that was interrupted. Call it before opening a store.
func Settle(fsys vfs.FS, dir string) error {
	ready, err := exists(fsys, dir+suffixReady)
	if err != nil {
		return err
	}
	if ready {
		if err := replace(fsys, dir); err != nil {
			return fmt.Errorf("put the new store in the place of the old: %w", err)
		}
	}
	if there, err := exists(fsys, dir); err != nil || !there {
		return err
	}
	if err := fsys.RemoveAll(dir + suffixOld); err != nil {
		return fmt.Errorf("remove the old store: %w", err)
	}
	return nil
}

func replace(fsys vfs.FS, dir string) error {
	there, err := exists(fsys, dir)
	if err != nil {
		return err
	}
	if there {
		if err := fsys.RemoveAll(dir + suffixOld); err != nil {
			return err
		}
		if err := fsys.Rename(dir, dir+suffixOld); err != nil {
			return err
		}
	}
	if err := fsys.Rename(dir+suffixReady, dir); err != nil {
		return err
	}
	return syncParent(fsys, dir)
}

func exists(fsys vfs.FS, path string) (bool, error) {
	_, err := fsys.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

func syncParent(fsys vfs.FS, dir string) error {
	d, err := fsys.OpenDir(fsys.PathDir(dir))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
