package store

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"weir/services/aggregator/internal/fold"
)

// Reservation keeps others from opening the store in a directory.
type Reservation struct {
	cfg  Config
	lock *pebble.Lock
}

// Reserve takes the lock of a store's directory, which is made if absent. The
// store need not be whole, nor be there. The error is ErrInUse.
func Reserve(cfg Config) (*Reservation, error) {
	cfg = cfg.withDefaults()
	if err := cfg.FS.MkdirAll(cfg.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the store's directory: %w", err)
	}
	lock, err := lockDir(cfg)
	if err != nil {
		return nil, err
	}
	return &Reservation{cfg, lock}, nil
}

// Close ends the reservation.
func (r *Reservation) Close() error { return r.lock.Close() }

// Meta returns the head of the store that is there. Errors are ErrNoStore and
// those of Load.
func (r *Reservation) Meta() (fold.Meta, error) {
	cfg := r.cfg
	cfg.ReadOnly = true
	s, err := open(cfg, r.lock)
	if err != nil {
		return fold.Meta{}, err
	}
	defer s.db.Close()
	return s.Meta()
}
