package pull

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

// Settle is how long files must be quiet before they are read: an editor, a
// deployment, writes several times.
const Settle = 300 * time.Millisecond

// Watch calls changed when something in the directories of the files was changed
// and it has been quiet since for the time of settling, until ctx ends. It looks
// at directories, since files are replaced by others, or by links to others: where
// a file is one, or on the way to it there are some, at those of the links and of
// what they lead to. It does not look whether a file itself is another: whoever
// reads it sees that. The last part of a file's name may be a pattern. It returns
// when it watches.
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
	follow(w, files)
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
				follow(w, files) // before they are read: links may lead elsewhere now
				changed()
			}
		}
	}()
	return nil
}

// follow watches the directories that links lead to. One that cannot be watched,
// or is there no more, is left out: the file cannot be read either.
func follow(w *fsnotify.Watcher, files []string) {
	for _, pattern := range files {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			found = []string{pattern}
		}
		for _, file := range found {
			for _, dir := range directories(file) {
				_ = w.Add(dir)
			}
		}
	}
}

// maxLinks is how many links are followed on the way to a file, as in Linux.
const maxLinks = 40

// directories returns those directories in which something leads to another file
// if it is replaced: those of the links on the way to it, and its own in the end.
func directories(file string) (all []string) {
	at, err := filepath.Abs(file)
	if err != nil {
		return nil
	}
	dir, rest := "/", strings.TrimPrefix(at, "/")
	for links := 0; rest != ""; {
		name, behind, _ := strings.Cut(rest, "/")
		path := filepath.Join(dir, name)
		target, err := os.Readlink(path)
		switch {
		case err != nil && behind == "":
			return append(all, dir)
		case err != nil:
			dir, rest = path, behind
			continue
		}
		if links++; links > maxLinks {
			break
		}
		all = append(all, dir)
		if !filepath.IsAbs(target) {
			target = filepath.Join(dir, target)
		}
		dir, rest = "/", strings.TrimPrefix(filepath.Join(target, behind), "/")
	}
	return all
}
