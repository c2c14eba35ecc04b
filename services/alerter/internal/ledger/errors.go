package ledger

import (
	"errors"

	"weir/pkg/journal"
	"weir/services/alerter/internal/alert"
)

// ErrFenced means that another alerter has opened the ledger since: this one
// must not go on.
var ErrFenced = errors.New("another alerter writes the ledger")

// ErrLost means that the stream has lost messages that it had acknowledged.
var ErrLost = errors.New("the ledger has lost what was stored in it")

// ErrCorrupt means that a message of the stream cannot be read.
var ErrCorrupt = errors.New("the ledger is damaged")

// ErrVersion means that a message was written by a newer program.
var ErrVersion = errors.New("the ledger is of a newer version")

// ErrUnsafe means that the stream is set up so that what it acknowledged could
// be lost.
var ErrUnsafe = journal.ErrUnsafe

// ErrTooLarge means that an event does not fit into a message.
var ErrTooLarge = errors.New("the event is too large for the ledger")

// ErrStale means that an alert is not what a transition says it was: somebody
// else changed it in between. Nothing was stored.
var ErrStale = alert.ErrStale

// ErrClosed means that the ledger was closed.
var ErrClosed = errors.New("the ledger is closed")

// ErrWrongSequence is a Stream's: the message was not stored, since the stream's
// last one is not the one that was expected.
var ErrWrongSequence = errors.New("another message is the last one")

// ErrNotFound is a Stream's: there is no message at the position.
var ErrNotFound = errors.New("no such message")
