package pull

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"time"
)

// Task is something that is done again and again.
type Task struct {
	// Name says what the task is about: it is the same when settings change.
	Name string
	// Key says all that there is to the task, its settings included: as long as it
	// is the same, the task goes on undisturbed.
	Key      string
	Interval time.Duration

	// Do does it once. At is when it was due, or now where that is not nearly the
	// same. What it does ends with ctx.
	Do func(ctx context.Context, at time.Time)
	// End, if not nil, is called when the task is not to be done any more and
	// none of its name is; not when everything stops.
	End func(ctx context.Context, at time.Time)
}

// Set does tasks, each by itself at its own times. Tasks with different names
// are due at different times of their intervals, which stay the same through
// restarts.
type Set struct {
	ctx    context.Context
	cancel context.CancelFunc
	now    func() time.Time

	mu      sync.Mutex
	running map[string]*running // by key
}

type running struct {
	task   Task
	cancel context.CancelFunc
	done   chan struct{}
}

// NewSet returns a set without tasks.
func NewSet(now func() time.Time) *Set {
	s := &Set{now: now, running: map[string]*running{}}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// Apply makes the tasks those that are done. Ones that go on are left alone,
// others end, and have ended when it returns. Of two with one name the first
// counts. A set that was stopped does nothing more.
func (s *Set) Apply(tasks []Task) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		return
	}
	wanted, names := distinct(tasks)
	var gone []*running
	for key, r := range s.running {
		if _, stays := wanted[key]; !stays {
			r.cancel()
			gone = append(gone, r)
			delete(s.running, key)
		}
	}
	for _, r := range gone {
		<-r.done
		if r.task.End != nil && !names[r.task.Name] {
			r.task.End(s.ctx, s.now())
		}
	}
	for key, t := range wanted {
		if s.running[key] == nil {
			s.start(t)
		}
	}
}

func distinct(tasks []Task) (byKey map[string]Task, names map[string]bool) {
	byKey, names = map[string]Task{}, map[string]bool{}
	for _, t := range tasks {
		if !names[t.Name] {
			byKey[t.Key], names[t.Name] = t, true
		}
	}
	return byKey, names
}

// start starts a task. s.mu is held.
func (s *Set) start(t Task) {
	ctx, cancel := context.WithCancel(s.ctx)
	r := &running{task: t, cancel: cancel, done: make(chan struct{})}
	s.running[t.Key] = r
	go func() {
		defer close(r.done)
		Every(ctx, s.now, t.Name, t.Interval, t.Do)
	}()
}

// Len returns the number of tasks.
func (s *Set) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.running)
}

// Stop ends all tasks and waits for them. Nothing is said to have ended: that we
// go is no news about what we looked at.
func (s *Set) Stop() {
	s.cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.running {
		<-r.done
	}
	clear(s.running)
}

// Every calls do at the times of a name until ctx ends. A call that takes longer
// than the interval makes the times that it covers pass.
func Every(ctx context.Context, now func() time.Time, name string, interval time.Duration, do func(context.Context, time.Time)) {
	phase := Offset(name, interval)
	timer := time.NewTimer(0)
	defer timer.Stop()
	<-timer.C
	for {
		due := next(now(), interval, phase)
		timer.Reset(due.Sub(now()))
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		do(ctx, aligned(now(), due, interval))
	}
}

// Offset returns at which part of its interval a name is due. It is the same on
// every machine and at every start.
func Offset(name string, interval time.Duration) time.Duration {
	sum := sha256.Sum256([]byte(name))
	return time.Duration(binary.BigEndian.Uint64(sum[:8]) % uint64(interval))
}

// next returns the first time after now that is a multiple of the interval since
// 1970, and the phase.
func next(now time.Time, interval, phase time.Duration) time.Time {
	since := (now.UnixNano() - int64(phase)) % int64(interval)
	return now.Add(interval - time.Duration(since))
}

// tolerance is how far a time may be off its due one to be taken for it, as in
// Prometheus: regular times take less room.
const tolerance = 2 * time.Millisecond

func aligned(now, due time.Time, interval time.Duration) time.Time {
	if late := now.Sub(due).Abs(); late <= min(tolerance, interval/100) {
		return due
	}
	return now
}
