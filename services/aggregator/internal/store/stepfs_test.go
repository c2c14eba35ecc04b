package store

import (
	"errors"

	"github.com/cockroachdb/pebble/v2/vfs"
)

var errCrashed = errors.New("crashed")

// stepFS fails all that changes it after a number of changes.
type stepFS struct {
	*vfs.MemFS
	left int
}

func (fs *stepFS) step() error {
	if fs.left == 0 {
		return errCrashed
	}
	fs.left--
	return nil
}

func (fs *stepFS) Rename(from, to string) error {
	if err := fs.step(); err != nil {
		return err
	}
	return fs.MemFS.Rename(from, to)
}

func (fs *stepFS) RemoveAll(path string) error {
	if err := fs.step(); err != nil {
		return err
	}
	return fs.MemFS.RemoveAll(path)
}

func (fs *stepFS) OpenDir(path string) (vfs.File, error) {
	if err := fs.step(); err != nil {
		return nil, err
	}
	return fs.MemFS.OpenDir(path)
}

// crash returns what is on disk as the changes made so far have left it: a
// journalling file system keeps renames in their order.
func (fs *stepFS) crash() *vfs.MemFS { return fs.MemFS }
