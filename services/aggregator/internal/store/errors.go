package store

import "errors"

// ErrInUse means that another process, or another part of this one, has the
// store open.
var ErrInUse = errors.New("store is in use")

// ErrVersion means that the store was written by a version of weir that keeps
// it in another format.
var ErrVersion = errors.New("store has another format")

// ErrDamaged means that the store holds what no version of weir wrote, or lacks
// what was written. The journal has it all: rebuild it.
var ErrDamaged = errors.New("store is damaged")

// ErrSettings means that the store was folded under other settings than asked
// for: it would hold another state.
var ErrSettings = errors.New("store was folded under other settings")

// ErrNoStore means that the directory holds no store.
var ErrNoStore = errors.New("no store")

// ErrBroken means that Pebble could not write and cannot go on. What was
// committed before is on disk.
var ErrBroken = errors.New("store can no longer write")
