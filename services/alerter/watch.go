package alerter

import (
	"context"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	// settle is for how long nothing more must change before the files are read:
	// an editor writes a file in several steps.
	settle = 200 * time.Millisecond
	// lookAnyway is how often the files are looked at without being told of a
	// change: some file systems tell of none.
	lookAnyway = 15 * time.Second
)

// watch reloads when the files say something else than when they were last
// read. It returns when ctx ends.
func (a *App) watch(ctx context.Context) {
	events, faults, follow, stop := a.fileEvents()
	defer stop()
	follow()
	tick := time.NewTicker(lookAnyway)
	defer tick.Stop()
	var settled <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-events:
			settled = time.After(settle)
			continue
		case <-faults: // news were lost, perhaps
			settled = time.After(settle)
			continue
		case <-settled:
			settled = nil
		case <-tick.C:
		}
		if fingerprint(&a.cfg) != a.lastRead() {
			_ = a.Reload(ctx) // which says what is wrong
			follow()          // other directories may be named now, or be new ones of the same name
		}
	}
}

// fileEvents returns a channel that has an event when something changes beside
// the files, and one of what goes wrong with that. follow makes it those files
// that there are now. Without such news, there is lookAnyway.
func (a *App) fileEvents() (events <-chan fsnotify.Event, faults <-chan error, follow, stop func()) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		a.cfg.Logger.Warn("changes of the rules' and routes' files are noticed late", "error", err)
		return nil, nil, func() {}, func() {}
	}
	follow = func() {
		for _, dir := range directories(&a.cfg) {
			if err := w.Add(dir); err != nil {
				a.cfg.Logger.Warn("changes in a directory are noticed late", "directory", dir, "error", err)
			}
		}
	}
	return w.Events, w.Errors, follow, func() { _ = w.Close() }
}
