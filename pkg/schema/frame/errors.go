package frame

import "errors"

// ErrCorrupt means that the bytes are no frame, or were changed since they were
// written: a wrong checksum, a column too short, an index out of range.
var ErrCorrupt = errors.New("frame is corrupt")

// ErrVersion means that the frame was written in a format that this program
// does not know: a newer one wrote it.
var ErrVersion = errors.New("frame has an unknown format version")

// ErrTooLarge means that a frame's body is larger than MaxBody.
var ErrTooLarge = errors.New("frame is too large")
