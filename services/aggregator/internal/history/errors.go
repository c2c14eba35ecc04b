package history

import (
	"errors"
	"fmt"
)

// ErrDamaged means that bytes which should be a chunk or a log's page are not:
// the disk, or a bug, changed them. It is wrapped with what was found where.
var ErrDamaged = errors.New("history: damaged")

// ErrShort means that samples depend on rows before Parts.Since.
var ErrShort = errors.New("history: the parts do not reach far enough back")

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, args...))
}
