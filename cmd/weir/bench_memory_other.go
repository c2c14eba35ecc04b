//go:build !linux

package main

// inMemory reports whether a directory is known to be in memory rather than on
// a disk; here that cannot be asked.
func inMemory(string) bool { return false }
