package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"

	"weir/cmd/weir/internal/config"
	"weir/cmd/weir/internal/datadir"
)

// ErrNoJournal means that a directory is no data directory of weir's.
var ErrNoJournal = errors.New("there is no journal")

// Journal is a journal and the state of one of its partitions, which nobody
// else uses.
type Journal struct {
	NATS      *nats.Conn
	Partition int
	State     string // the state's directory
}

// offlinePatience is how long an offline tool tries to reach a NATS server: it
// has somebody who waits for it.
const offlinePatience = 10 * time.Second

// WithJournal calls work with the journal of a data directory that no weir runs
// on, or of the NATS server of the settings, and closes it afterwards. It makes
// no data directory: a name that is not one is a slip, ErrNoJournal.
func WithJournal(ctx context.Context, c config.Config, log *slog.Logger, work func(Journal) error) (err error) {
	if c.NATSURL == "" && !datadir.Exists(c.DataDir) {
		return fmt.Errorf("%w in %s; name the data directory with --data-dir", ErrNoJournal, c.DataDir)
	}
	a := New(Config{Settings: c, Role: config.Offline, Logger: log})
	defer func() {
		bound, cancel := context.WithTimeout(context.WithoutCancel(ctx), StopTimeout)
		defer cancel()
		err = errors.Join(err, a.Stop(bound))
	}()
	for _, step := range []func(context.Context) error{a.lockDataDir, a.startJournal} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	nc, err := a.patiently(ctx)
	if err != nil {
		return err
	}
	return work(Journal{nc, partition, datadir.State(c.DataDir, partition)})
}

func (a *App) patiently(ctx context.Context) (*nats.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, offlinePatience)
	defer cancel()
	return a.connection(ctx, "offline")
}
