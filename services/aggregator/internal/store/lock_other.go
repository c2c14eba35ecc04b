//go:build !unix

package store

// isLockHeld reports whether a lock was refused because it is held: the only
// reason there is for a directory that exists.
func isLockHeld(error) bool { return true }
