//go:build unix

package store

import (
	"errors"
	"strings"
	"syscall"
)

// isLockHeld reports whether a lock was refused because it is held: by another
// process, or by this one, for which Pebble has no error of its own.
func isLockHeld(err error) bool {
	return errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EACCES) || strings.Contains(err.Error(), "lock held by current process")
}
