package app

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestStopListStopsTheLastFirst(t *testing.T) {
	l := stopList{log: slog.New(slog.DiscardHandler)}
	var order []string
	for _, name := range []string{"lock", "journal", "ingest"} {
		l.push(name, func(context.Context) error {
			order = append(order, name)
			if name == "journal" {
				return errors.New("disk on fire")
			}
			return nil
		})
	}
	err := l.stop(t.Context())
	if want := []string{"ingest", "journal", "lock"}; !slices.Equal(order, want) {
		t.Errorf("order %q, expected %q", order, want)
	}
	if err == nil || err.Error() != "stop journal: disk on fire" {
		t.Errorf("error %v", err)
	}
	if err := l.stop(t.Context()); err != nil {
		t.Errorf("second stop: %v", err)
	}
}

// A part that hangs costs the bound once, and the others are stopped all the same.
func TestStopListLeavesAHangingPartBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := stopList{log: slog.New(slog.DiscardHandler)}
		stopped, release := false, make(chan struct{})
		l.push("lock", func(context.Context) error { stopped = true; return nil })
		l.push("query", func(context.Context) error { <-release; return nil })
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		err := l.stop(ctx)
		if !errors.Is(err, errStopTimeout) || err.Error() != "stop query: not done in time" {
			t.Errorf("error %v", err)
		}
		if took := time.Since(began); took > 11*time.Second {
			t.Errorf("took %s", took)
		}
		if !stopped {
			t.Error("the lock was not stopped")
		}
		close(release)
	})
}
