package agent

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"weir/devices/agent/profile"
	"weir/devices/agent/ring"
	"weir/devices/agent/sample"
)

// Target says which processes make up a task: one of its fields, and Tree.
type Target struct {
	PID    int32  // one process
	Tree   bool   // … and its descendants
	Name   string // all processes whose program has this name
	Cgroup string // all processes of a control group, as /proc/PID/cgroup names it

	orphans *sample.Orphans // of the command that this process has started, with its tree

	CgroupRoot string // where control groups are mounted; "" for the usual place
}

// Container is the target that a container is. Its id may be shortened.
func Container(id string) (Target, error) {
	path, err := sample.FindContainer(sample.DefaultCgroupRoot, id)
	return Target{Cgroup: path}, err
}

func (t Target) root() string {
	if t.CgroupRoot == "" {
		return sample.DefaultCgroupRoot
	}
	return t.CgroupRoot
}

func (t Target) sampler(ctx context.Context, collect ring.Fields) (*sample.Sampler, error) {
	switch {
	case t.Name != "":
		return sample.NewNamed(ctx, t.Name, collect)
	case t.Cgroup != "":
		return sample.NewCgroup(ctx, t.root(), t.Cgroup, collect)
	}
	if t.orphans != nil {
		return sample.NewCommand(ctx, t.PID, t.orphans, collect)
	}
	return sample.NewProcess(ctx, t.PID, t.Tree, collect)
}

// Label is a short name of the target: for ids, where none is given.
func (t Target) Label(ctx context.Context) (string, error) {
	switch {
	case t.Name != "":
		return t.Name, nil
	case t.Cgroup != "":
		return groupLabel(filepath.Base(t.Cgroup)), nil
	}
	name, err := sample.Name(ctx, t.PID)
	return name + "-" + strconv.Itoa(int(t.PID)), err
}

// groupLabel shortens the name of a control group that is a container's to the
// id that container engines show.
func groupLabel(name string) string {
	const id, short = 64, 12 // hexadecimal digits
	last := strings.TrimSuffix(name, ".scope")
	last = last[strings.LastIndexByte(last, '-')+1:]
	if len(last) == id && strings.Trim(last, "0123456789abcdef") == "" {
		return last[:short]
	}
	return name
}

// processes lists the target's processes at present.
func (t Target) processes(ctx context.Context) ([]int32, error) {
	switch {
	case t.Name != "":
		return sample.Named(ctx, t.Name)
	case t.Cgroup != "":
		return sample.CgroupProcesses(t.root(), t.Cgroup)
	}
	return []int32{t.PID}, nil
}

// lookEvery is how often processes are looked for.
const lookEvery = time.Second

// WatchEach measures each process of a target as a task of its own, called
// prefix-name-pid, until the control group goes away or ctx ends.
func (a *Agent) WatchEach(ctx context.Context, t Target, prefix string, p profile.Profile) error {
	watched := watchedProcesses{pids: map[int32]bool{}}
	defer watched.work.Wait()
	pace := newPace(time.Now(), 0, lookEvery)
	for pace.wait(ctx) {
		pids, err := t.processes(ctx)
		switch {
		case errors.Is(err, sample.ErrEnded):
			return nil
		case err != nil && !errors.Is(err, sample.ErrAbsent):
			return err
		}
		for _, pid := range pids {
			watched.watch(pid, func() error {
				name, err := sample.Name(ctx, pid)
				if err != nil {
					return fmt.Errorf("%w: %w", sample.ErrEnded, err)
				}
				id := strings.Join([]string{prefix, name, strconv.Itoa(int(pid))}, "-")
				return a.Watch(ctx, Task{ID: id, Profile: p, Target: Target{PID: pid}})
			}, func(err error) { a.log.Error("watch a process", "pid", pid, "error", err) })
		}
	}
	return nil
}

// watchedProcesses are the processes that are being watched.
type watchedProcesses struct {
	mu   sync.Mutex
	pids map[int32]bool
	work sync.WaitGroup
}

func (w *watchedProcesses) watch(pid int32, f func() error, fail func(error)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.pids[pid] {
		return
	}
	w.pids[pid] = true
	w.work.Go(func() {
		if err := f(); err != nil && !errors.Is(err, sample.ErrEnded) {
			fail(err)
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.pids, pid)
	})
}
