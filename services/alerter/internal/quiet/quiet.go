// Package quiet keeps the log short while the same thing fails again and again.
package quiet

import (
	"sync"
	"time"
)

// Every is how often a failure that goes on is logged.
const Every = time.Minute

// Failures knows what fails. The zero value knows nothing yet. Its methods may
// be called concurrently.
type Failures struct {
	mu    sync.Mutex
	known map[string]*failure
	sweep time.Time // when to look for what needs not be known any more
}

type failure struct {
	logged   time.Time
	unlogged int  // since then
	told     bool // the end of it is to be logged
}

// Failed notes that what has failed. It reports whether that is to be logged,
// and how many of its failures were not since the last that was.
func (f *Failures) Failed(what string, now time.Time) (log bool, unlogged int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.forget(now)
	one := f.known[what]
	if one == nil {
		one = &failure{}
		f.known[what] = one
	}
	if !one.logged.IsZero() && now.Sub(one.logged) < Every {
		one.unlogged++
		return false, 0
	}
	unlogged = one.unlogged
	*one = failure{logged: now, told: true}
	return true, unlogged
}

// Worked notes that what has succeeded. It reports whether that is to be logged,
// as the first success after a failure that was.
func (f *Failures) Worked(what string) (log bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	one := f.known[what]
	if one == nil || !one.told {
		return false
	}
	one.told = false
	return true
}

// forget forgets what has not failed for long: rules and receivers come and go.
func (f *Failures) forget(now time.Time) {
	if now.Before(f.sweep) {
		return
	}
	if f.known == nil {
		f.known = map[string]*failure{}
	}
	for what, one := range f.known {
		if now.Sub(one.logged) >= forgetAfter {
			delete(f.known, what)
		}
	}
	f.sweep = now.Add(forgetAfter)
}

// forgetAfter is longer than the longest time between two attempts.
const forgetAfter = 2 * time.Hour
