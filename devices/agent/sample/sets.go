package sample

import (
	"context"
	"fmt"
	"strings"

	"github.com/shirou/gopsutil/v4/process"

	"weir/devices/agent/ring"
)

// processSet is a process, with its descendants if it is a tree.
type processSet struct {
	root int32
	tree bool
	name string // all processes of this name instead, unless it is ""

	known   map[int32]bool // of a tree: who belongs to it stays when its parent ends
	orphans *Orphans       // of a tree: they belong to it; nil for none
}

func (s *processSet) named() bool { return s.name != "" }

// NewProcess measures a process, and its descendants if tree is set.
func NewProcess(ctx context.Context, pid int32, tree bool, collect ring.Fields) (*Sampler, error) {
	exists, err := process.PidExistsWithContext(ctx, pid)
	if err != nil {
		return nil, fmt.Errorf("look for process %d: %w", pid, err)
	}
	if !exists {
		return nil, fmt.Errorf("there is no process %d: %w", pid, ErrEnded)
	}
	return newSampler(ctx, &processSet{root: pid, tree: tree, known: map[int32]bool{pid: true}}, collect)
}

// NewCommand measures the command that this process has started, with its
// descendants, and the orphans among them.
func NewCommand(ctx context.Context, pid int32, orphans *Orphans, collect ring.Fields) (*Sampler, error) {
	s, err := NewProcess(ctx, pid, true, collect)
	if err == nil {
		s.set.(*processSet).orphans, s.orphans = orphans, orphans
	}
	return s, err
}

// NewNamed measures all processes whose program has a name, as one task. There
// may be none now and then.
func NewNamed(ctx context.Context, name string, collect ring.Fields) (*Sampler, error) {
	return newSampler(ctx, &processSet{name: name}, collect)
}

func (s *processSet) pids(ctx context.Context) ([]int32, error) {
	switch {
	case s.named():
		return Named(ctx, s.name)
	case s.tree:
		return s.family(ctx)
	}
	return []int32{s.root}, nil
}

// Named lists the processes whose program has a name, with or without ".exe".
// The error is ErrAbsent if there is none.
func Named(ctx context.Context, name string) ([]int32, error) {
	all, err := process.PidsWithContext(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the processes: %w", err)
	}
	var pids []int32
	for _, pid := range all {
		n, err := (&process.Process{Pid: pid}).NameWithContext(ctx)
		if err == nil && strings.TrimSuffix(n, ".exe") == strings.TrimSuffix(name, ".exe") {
			pids = append(pids, pid)
		}
	}
	if len(pids) == 0 {
		return nil, ErrAbsent
	}
	return pids, nil
}

// Name is the name of a process's program.
func Name(ctx context.Context, pid int32) (string, error) {
	name, err := (&process.Process{Pid: pid}).NameWithContext(ctx)
	if err != nil {
		return "", fmt.Errorf("ask for the name of process %d: %w", pid, err)
	}
	return strings.TrimSuffix(name, ".exe"), nil
}

// relations are who is there, and whose child.
type relations struct {
	children map[int32][]int32
	present  map[int32]bool
}

func relate(ctx context.Context) (relations, error) {
	all, err := process.PidsWithContext(ctx)
	if err != nil {
		return relations{}, fmt.Errorf("list the processes: %w", err)
	}
	r := relations{make(map[int32][]int32, len(all)), make(map[int32]bool, len(all))}
	for _, pid := range all {
		parent, err := (&process.Process{Pid: pid}).PpidWithContext(ctx)
		if err != nil {
			continue // it ended meanwhile
		}
		r.present[pid] = true
		r.children[parent] = append(r.children[parent], pid)
	}
	return r, nil
}

// family lists the root and its descendants, the root first while it runs.
func (s *processSet) family(ctx context.Context) ([]int32, error) {
	r, err := relate(ctx)
	if err != nil {
		return nil, err
	}
	members := map[int32]bool{}
	var pids []int32
	var take func(pid int32)
	take = func(pid int32) {
		if members[pid] || !r.present[pid] {
			return
		}
		members[pid] = true
		pids = append(pids, pid)
		for _, child := range r.children[pid] {
			take(child)
		}
	}
	take(s.root)
	for pid := range s.known {
		take(pid)
	}
	if s.orphans != nil {
		for _, pid := range r.children[s.orphans.adopter] {
			take(pid)
		}
	}
	s.known = members
	if len(pids) == 0 {
		return nil, ErrEnded
	}
	return pids, nil
}
