package pull

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

// Settle is how long files must be quiet before they are read: an editor, a
// deployment, writes several times.
const Settle = 300 * time.Millisecond

// Watch calls changed when something in the directories of the files was changed
// and it has been quiet since for the time of settling, until ctx ends. It looks
// at directories, since files are replaced by others, or by links to others, and
// does not look whether a file itself is another: whoever reads it sees that. It
// returns when it watches.
func Watch(ctx context.Context, files []string, settle time.Duration, changed func()) error {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watch files: %w", err)
	}
	for _, file := range files {
		if err := w.Add(filepath.Dir(file)); err != nil {
			_ = w.Close()
			return fmt.Errorf("watch the directory %s: %w", filepath.Dir(file), err)
		}
	}
	go func() {
		defer w.Close()
		settled := time.NewTimer(settle)
		settled.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case e, open := <-w.Events:
				if !open {
					return
				}
				if e.Op != fsnotify.Chmod {
					settled.Reset(settle)
				}
			case _, open := <-w.Errors: // events were lost: look
				if !open {
					return
				}
				settled.Reset(settle)
			case <-settled.C:
				changed()
			}
		}
	}()
	return nil
}
