package store

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Config says where a store lies and how it is opened.
type Config struct {
	Dir      string
	FS       vfs.FS       // nil is the operating system's
	Logger   *slog.Logger // nil discards
	ReadOnly bool         // changes nothing; ErrNoStore if there is none
	// Bulk opens a store that is being filled for the first time: commits are
	// not synced, and nothing is on disk for sure before Close.
	Bulk bool
}

func (c Config) withDefaults() Config {
	if c.FS == nil {
		c.FS = vfs.Default
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// Store is an open store. Commits come from one goroutine at a time; everything
// else may be called concurrently.
type Store struct {
	db   *pebble.DB
	lock *pebble.Lock
	dir  string
	bulk bool

	fresh  bool // nothing was ever committed to it
	broken atomic.Bool
	fault  atomic.Pointer[string] // the last background error
}

// Open opens the store in a directory, which is made if absent. Errors are
// ErrInUse, ErrDamaged, ErrNoStore, and those of the file system.
func Open(cfg Config) (*Store, error) {
	cfg = cfg.withDefaults()
	if !cfg.ReadOnly {
		if err := cfg.FS.MkdirAll(cfg.Dir, 0o755); err != nil {
			return nil, fmt.Errorf("make the store's directory: %w", err)
		}
	}
	lock, err := lockDir(cfg)
	if err != nil {
		return nil, err
	}
	s, err := open(cfg, lock)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return s, nil
}

func open(cfg Config, lock *pebble.Lock) (s *Store, err error) {
	if err := checkManifest(cfg); err != nil {
		return nil, err
	}
	s = &Store{lock: lock, dir: cfg.Dir, bulk: cfg.Bulk}
	opts := options(cfg, s.noteFault)
	opts.Lock = lock
	if s.db, err = pebble.Open(cfg.Dir, opts); err != nil {
		return nil, openError(cfg.Dir, err)
	}
	return s, nil
}

// lockDir takes the directory's lock. Pebble's error does not tell a lock that
// is held from a directory that cannot be written.
func lockDir(cfg Config) (*pebble.Lock, error) {
	if _, err := cfg.FS.Stat(cfg.Dir); err != nil {
		return nil, fmt.Errorf("%w in %s", ErrNoStore, cfg.Dir)
	}
	lock, err := pebble.LockDirectory(cfg.Dir, cfg.FS)
	switch {
	case err == nil:
		return lock, nil
	case isLockHeld(err):
		return nil, fmt.Errorf("open the store in %s: %w by another process", cfg.Dir, ErrInUse)
	}
	return nil, fmt.Errorf("lock the store in %s: %w", cfg.Dir, err)
}

// checkManifest refuses a directory that has tables but no manifest, in which
// Pebble would begin an empty database.
func checkManifest(cfg Config) error {
	desc, err := pebble.Peek(cfg.Dir, cfg.FS)
	if err != nil {
		return openError(cfg.Dir, err)
	}
	names, err := cfg.FS.List(cfg.Dir)
	if err != nil || desc.Exists {
		return err
	}
	for _, name := range names {
		if strings.HasSuffix(name, ".sst") {
			return fmt.Errorf("open the store in %s: %w: %s is there, and no manifest", cfg.Dir, ErrDamaged, name)
		}
	}
	return nil
}

func openError(dir string, err error) error {
	if errors.Is(err, pebble.ErrDBDoesNotExist) {
		return fmt.Errorf("%w in %s", ErrNoStore, dir)
	}
	if pebble.IsCorruptionError(err) || errors.Is(err, fs.ErrNotExist) || strings.Contains(err.Error(), "malformed manifest") {
		return fmt.Errorf("open the store in %s: %w: %w", dir, ErrDamaged, err)
	}
	return fmt.Errorf("open the store in %s: %w", dir, err)
}

// Close closes the store. A bulk store is on disk afterwards.
func (s *Store) Close() error {
	if s.broken.Load() {
		return nil // Pebble would wait for a commit that never ends
	}
	var err error
	if s.bulk {
		err = s.db.Flush()
	}
	return errors.Join(err, s.db.Close(), s.lock.Close())
}

// Size returns how many bytes the store takes on disk.
func (s *Store) Size() uint64 {
	if s.broken.Load() {
		return 0
	}
	return s.db.Metrics().DiskSpaceUsage()
}

// Fault returns what was wrong in the background last (a flush that failed and
// is tried again, say), "" for nothing. A commit that succeeds clears it.
func (s *Store) Fault() string {
	if text := s.fault.Load(); text != nil {
		return *text
	}
	return ""
}

func (s *Store) noteFault(err error) {
	text := err.Error()
	s.fault.Store(&text)
}
