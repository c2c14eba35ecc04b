package aggregator

import (
	"errors"

	"weir/services/aggregator/internal/store"
)

// ErrJournalShort means that the journal ends before the position up to which
// the store goes: it was lost or truncated.
var ErrJournalShort = errors.New("the journal ends before the store")

// ErrJournalOther means that the store was folded from another journal: one of
// the two was lost or exchanged.
var ErrJournalOther = errors.New("the journal is not the one that the store was folded from")

// ErrJournalGap means that the journal begins behind what the store needs next.
var ErrJournalGap = errors.New("the journal lacks what comes after the store")

// ErrFrame means that a frame in the journal cannot be read.
var ErrFrame = errors.New("a frame in the journal cannot be read")

// Errors of opening the store.
var (
	ErrInUse    = store.ErrInUse    // another process has it open
	ErrNoStore  = store.ErrNoStore  // there is none in the directory
	ErrVersion  = store.ErrVersion  // another version of weir wrote it in another format
	ErrSettings = store.ErrSettings // it was folded under other settings
	ErrDamaged  = store.ErrDamaged  // rebuild it from the journal
	ErrBroken   = store.ErrBroken   // it cannot be written any more: the disk is full or failing
)
