package journal

import "errors"

// ErrUnsafe means that a server or stream is set up so that an acknowledged
// message could be lost: it does not sync each write, or keeps it in memory.
var ErrUnsafe = errors.New("not durable")

// ErrClosed means that the Committer or Reader was closed.
var ErrClosed = errors.New("journal is closed")

// ErrTooLarge means that an entry does not fit into a frame.
var ErrTooLarge = errors.New("entry is too large for a frame")
