package agent

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"weir/devices/agent/profile"
	"weir/devices/agent/ring"
	"weir/devices/agent/sample"
	"weir/devices/agent/screen"
)

// firstSample is when the first sample is taken, after the task began: as Rust
// proplets do, so that a short task has one.
const firstSample = 100 * time.Millisecond

// Task is what is to be measured.
type Task struct {
	ID      string
	Profile profile.Profile
	Target  Target
}

// task is a task that is being measured.
type task struct {
	id      string
	profile profile.Profile

	mu     sync.Mutex
	ring   *ring.Ring
	latest *ring.Sample
}

// collects returns what a profile collects.
func collects(p profile.Profile) ring.Fields {
	var f ring.Fields
	for field, on := range map[ring.Fields]bool{
		ring.CPU: p.CollectCPU, ring.Memory: p.CollectMemory, ring.DiskIO: p.CollectDiskIO,
		ring.NetworkIO: p.CollectNetworkIO, ring.Threads: p.CollectThreads, ring.FileDescriptors: p.CollectFileDescriptors,
	} {
		if on {
			f |= field
		}
	}
	return f
}

// Watch measures a task until it ends or ctx does, and returns nil then. Tasks
// may be watched side by side.
func (a *Agent) Watch(ctx context.Context, t Task) error {
	if !validText(t.ID) || t.ID == "" {
		return fmt.Errorf("the task's id is %q: expected 1 to %d bytes of UTF-8 without control characters", t.ID, maxID)
	}
	if !a.c.Monitoring || !t.Profile.Enabled {
		a.log.Info("monitoring is off: the task is not measured", "task", t.ID)
		<-ctx.Done()
		return nil
	}
	s, err := t.Target.sampler(ctx, collects(t.Profile))
	if err != nil {
		return fmt.Errorf("watch %s: %w", t.ID, err)
	}
	w := &task{id: t.ID, profile: t.Profile, ring: ring.New(t.Profile.History())}
	a.add(w)
	defer a.remove(w)
	if err := a.measureTask(ctx, w, s); !errors.Is(err, sample.ErrEnded) && ctx.Err() == nil {
		return err
	}
	return nil
}

func (a *Agent) add(t *task) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tasks = append(a.tasks, t)
}

func (a *Agent) remove(t *task) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tasks = slices.DeleteFunc(a.tasks, func(other *task) bool { return other == t })
}

// measureTask takes samples until the task ends.
func (a *Agent) measureTask(ctx context.Context, t *task, s *sample.Sampler) error {
	absent := false // said once, until there is one
	note := func(err error) error {
		if !errors.Is(err, sample.ErrAbsent) {
			absent = false
			return err
		}
		if !absent {
			absent = true
			a.log.Info("no process belongs to the task at present", "task", t.id)
		}
		return nil
	}
	if err := note(s.Begin(ctx, time.Now())); err != nil {
		return err
	}
	pace := newPace(time.Now(), min(firstSample, t.profile.Interval), t.profile.Interval)
	for pace.wait(ctx) {
		out, err := s.Take(ctx, time.Now())
		if err == nil {
			a.take(t, out)
		}
		if err := note(err); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// take does with a sample what the profile says.
func (a *Agent) take(t *task, s ring.Sample) {
	t.mu.Lock()
	t.ring.Add(s)
	t.latest = &s
	over, any := t.ring.Aggregates()
	t.mu.Unlock()
	a.samples.Add(1)
	if t.profile.ExportToMQTT && a.spool != nil {
		aggregates := &over
		if !any {
			aggregates = nil
		}
		a.send(a.proplet.Task(t.id, &s, aggregates, a.boot))
	}
	a.print(screen.Line(t.id, &s))
}

func (a *Agent) print(line string) {
	if a.c.Print == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, err := fmt.Fprintln(a.c.Print, line); err != nil {
		a.log.Error("print a sample", "error", err)
		a.c.Print = nil
	}
}

// startMeasuring measures the proplet itself, if monitoring is on.
func (a *Agent) startMeasuring(ctx, measuring context.Context) error {
	if !a.c.Monitoring {
		return nil
	}
	host := sample.NewMachine()
	if !a.machine {
		var err error
		if host, err = sample.NewOwn(ctx); err != nil {
			return err
		}
	}
	if _, err := host.Take(ctx, time.Now()); err != nil {
		return err
	}
	a.measuring.Go(func() { a.measureHost(measuring, host) })
	return nil
}

func (a *Agent) measureHost(ctx context.Context, host *sample.Host) {
	pace := newPace(time.Now(), min(time.Second, a.c.MetricsInterval), a.c.MetricsInterval)
	for pace.wait(ctx) {
		h, err := host.Take(ctx, time.Now())
		if err != nil {
			a.log.Error("measure the proplet", "error", err)
			continue
		}
		a.mu.Lock()
		a.host = &h
		a.mu.Unlock()
		if a.spool != nil {
			a.send(a.proplet.Metrics(&h, a.boot))
		}
		if a.machine {
			a.print(screen.HostLine(a.proplet.ID, &h))
		}
	}
}

// pace gives the moments of measuring. Those that were missed, by a machine
// that slept, are left out.
type pace struct {
	next     time.Time
	interval time.Duration
}

func newPace(now time.Time, first, interval time.Duration) *pace {
	return &pace{now.Add(first), interval}
}

// wait waits for the next moment. It returns false if ctx ended before.
func (p *pace) wait(ctx context.Context) bool {
	t := time.NewTimer(time.Until(p.next))
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
		return false
	}
	now := time.Now()
	for !p.next.After(now) {
		p.next = p.next.Add(p.interval * max(1, now.Sub(p.next)/p.interval))
	}
	return ctx.Err() == nil
}
