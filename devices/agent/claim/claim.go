// Package claim makes ids unique on a machine: of several programs that would
// have the same one by default, each claims another.
package claim

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/gofrs/flock"

	"weir/devices/agent/spool"
)

// Claim is an id that no other program of this machine claims, until it is
// released or this program ends, however it does.
type Claim struct {
	ID   string
	lock *flock.Flock // nil if it could not be claimed
}

// most is how many of an id there may be.
const most = 10_000

// Take claims an id, or the first that is free of it with -2, -3 and so on behind
// it. Claims are locks on files in a directory, which all who are to have
// different ids have in common: os.TempDir.
//
// Where no file can be locked the error says why, and the id is the given one,
// unclaimed. A file that is another user's, and not to be opened, is taken for a
// claim.
func Take(dir, id string) (*Claim, error) {
	for n := 1; n <= most; n++ {
		claimed := id
		if n > 1 {
			claimed += "-" + strconv.Itoa(n)
		}
		lock, err := try(filepath.Join(dir, "weir-agent-"+spool.Name(claimed)+".lock"))
		switch {
		case errors.Is(err, errTaken):
		case err != nil:
			return &Claim{ID: id}, fmt.Errorf("claim the id %s: %w", id, err)
		default:
			return &Claim{claimed, lock}, nil
		}
	}
	return &Claim{ID: id}, fmt.Errorf("claim the id %s: %d of it are taken", id, most)
}

var errTaken = errors.New("the id is taken")

// try locks a file. It is opened in two ways, since some systems do not let one
// user create a file again, in a directory that is everybody's, which is
// another's.
func try(path string) (*flock.Flock, error) {
	for _, flags := range []int{os.O_CREATE | os.O_RDONLY, os.O_RDONLY} {
		lock, err := tryOpened(path, flags)
		if err == nil || !errors.Is(err, fs.ErrPermission) {
			return lock, err
		}
	}
	if _, err := os.Lstat(path); err == nil {
		return nil, errTaken
	}
	return nil, fs.ErrPermission
}

// tryOpened locks a file that it opens with some flags. Who releases a claim
// removes the file: a lock on one that has gone claims nothing, and is tried again.
func tryOpened(path string, flags int) (*flock.Flock, error) {
	for {
		lock := flock.New(path, flock.SetFlag(flags), flock.SetPermissions(0o644))
		got, err := lock.TryLock()
		switch {
		case err != nil:
			return nil, err
		case !got:
			return nil, errTaken
		}
		mine, err := lock.Stat()
		there, gone := os.Stat(path)
		if err == nil && gone == nil && os.SameFile(mine, there) {
			return lock, nil
		}
		if err := errors.Join(err, lock.Unlock()); err != nil {
			return nil, err
		}
	}
}

// Release lets others have the id.
func (c *Claim) Release() error {
	if c.lock == nil {
		return nil
	}
	_ = os.Remove(c.lock.Path()) // if that is not allowed, the file is there the next time
	return c.lock.Unlock()
}
