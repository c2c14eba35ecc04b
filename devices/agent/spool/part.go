package spool

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// mostParts is how many agents may use the part of one id at a time.
const mostParts = 1000

// OpenPart opens the part of a directory that is for one id, so that several
// agents may share the directory; where another process has it open, the next
// one, for the id with -2, -3 and so on behind it. The errors are those of Open.
func OpenPart(dir, id string, bound int64) (*Disk, error) {
	for n := 1; ; n++ {
		part := Name(id)
		if n > 1 {
			part += "-" + strconv.Itoa(n)
		}
		s, err := Open(filepath.Join(dir, part), bound)
		if !errors.Is(err, ErrInUse) || n == mostParts {
			return s, err
		}
	}
}

// TakeOver moves messages that nobody else would send into this spool, behind its
// own: those that lie in the directory itself, as an older weir left them, and
// those of parts that were not written to since a moment. What another process has
// open is left to it.
func (s *Disk) TakeOver(dir string, since time.Time) error {
	err := s.takeOver(dir)
	entries, listing := os.ReadDir(dir)
	err = errors.Join(err, listing)
	for _, e := range entries {
		part := filepath.Join(dir, e.Name())
		if !e.IsDir() || part == filepath.Clean(s.dir) || lastWritten(part).After(since) {
			continue
		}
		if taken := s.takeOver(part); taken != nil {
			err = errors.Join(err, taken)
			continue
		}
		_ = os.Remove(part) // unless there is something else in it
	}
	return err
}

// lastWritten is when a file of a directory was written to, the last one.
func lastWritten(dir string) (last time.Time) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return time.Now() // whatever it is, it is left alone
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.ModTime().After(last) {
			last = info.ModTime()
		}
	}
	return last
}

// takeOver moves the messages that are in a directory into this spool, in their
// order.
func (s *Disk) takeOver(dir string) error {
	if numbers, err := segmentNumbers(dir); err != nil || len(numbers) == 0 {
		return err
	}
	old, err := Open(dir, s.bound)
	if errors.Is(err, ErrInUse) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := s.empty(old); err != nil {
		return errors.Join(fmt.Errorf("take over the messages of %s: %w", dir, err), old.Close())
	}
	return old.remove()
}

func (s *Disk) empty(old *Disk) error {
	const some = 64
	for {
		items, err := old.Peek(0, some)
		if err != nil || len(items) == 0 {
			return err
		}
		for _, item := range items {
			if err := s.Put(item.Message); err != nil && !errors.Is(err, ErrTooLarge) {
				return err
			}
		}
		if err := old.Drop(items[len(items)-1].Number); err != nil {
			return err
		}
	}
}

// remove closes the spool and removes its files, without the directory. It is
// locked until they have gone: they might be another's by then.
func (s *Disk) remove() error {
	err := s.closeFiles()
	for _, g := range s.segments {
		err = errors.Join(err, os.Remove(g.file.Name()))
	}
	for _, name := range []string{headFile, clientFile} {
		err = errors.Join(err, os.Remove(filepath.Join(s.dir, name)))
	}
	return errors.Join(err, removeLock(s.lock))
}

// The longest name of a file that is an id's own; others are cut and have a hash.
const (
	longestName = 120
	hashDigits  = 16
)

// Name is the name of a file or directory for an id: the id itself, as far as
// its characters may stand in a name on every platform. Different ids have
// different names; they do not begin with a dot.
func Name(id string) string {
	var b strings.Builder
	for i := range len(id) {
		switch c := id[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '.' && i > 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02x", c)
		}
	}
	name := b.String()
	if len(name) > longestName {
		name = fmt.Sprintf("%s%%%x", name[:longestName-hashDigits-1], sha256.Sum256([]byte(id)))[:longestName]
	}
	return name
}

// Session is a text that is the spool's own as long as there are its messages: it
// makes a client's id the same after a restart, by which the broker knows a
// retransmission.
func (s *Disk) Session() string { return s.session }

// readSession reads the text, which it makes if there is none.
func readSession(dir string) (string, error) {
	path := filepath.Join(dir, clientFile)
	text, err := os.ReadFile(path)
	if session := strings.TrimSpace(string(text)); err == nil && session != "" {
		return session, nil
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	session := strings.ToLower(rand.Text())
	return session, os.WriteFile(path, []byte(session+"\n"), 0o600)
}
