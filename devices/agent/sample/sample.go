// Package sample measures tasks, proplets and their machine by gopsutil, and
// Linux's control groups by their files.
//
// What a platform cannot give is missing from a sample, and so is what it does
// not give to this user; see ring.Sample. The network's counters are those of
// the network that the process sees: on Linux its namespace without the
// loopback, elsewhere the machine's.
package sample

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/shirou/gopsutil/v4/mem"
	"github.com/shirou/gopsutil/v4/net"
	"github.com/shirou/gopsutil/v4/process"

	"weir/devices/agent/ring"
)

// ErrEnded is returned when the task that is measured has ended.
var ErrEnded = errors.New("the task has ended")

// ErrAbsent is returned when no process belongs to the task at present, but one
// may later.
var ErrAbsent = errors.New("no process belongs to the task")

// Without it, /proc/stat is read for each sample, which costs more than all the
// rest. gopsutil has it for the whole program, and does not guard it.
func init() { process.EnableBootTimeCache(true) }

// Sampler measures a task: a set of processes that may change. It is for one
// goroutine.
type Sampler struct {
	set      set
	group    *cgroup // accounts for the set by itself; nil if nothing does
	collect  ring.Fields
	members  map[int32]*member
	machine  uint64 // bytes of memory
	last     time.Time
	began    time.Time // when the oldest process did
	disk     totals    // never falls
	departed []*member // since the sample before
	gone     totals    // of processes that have ended, and that no other member has inherited
	groupCPU float64   // seconds at the sample before
	family   ledger    // of a tree's seconds
	orphans  *Orphans  // of a tree; nil for none
}

// set finds the processes of a task.
type set interface {
	// pids lists them. The error is ErrEnded or ErrAbsent if there are none.
	pids(ctx context.Context) ([]int32, error)
}

// totals are bytes read and written.
type totals struct{ read, written uint64 }

func newSampler(ctx context.Context, s set, collect ring.Fields) (*Sampler, error) {
	m, err := mem.VirtualMemoryWithContext(ctx)
	if err != nil {
		return nil, fmt.Errorf("ask how much memory the machine has: %w", err)
	}
	return &Sampler{set: s, collect: collect, members: map[int32]*member{}, machine: m.Total}, nil
}

// Begin takes the counters from which the first sample's CPU usage is computed.
// The error is ErrEnded or ErrAbsent if there is no process.
func (s *Sampler) Begin(ctx context.Context, now time.Time) error {
	_, err := s.Take(ctx, now)
	return err
}

// Take measures once; now is the sample's time. The error is ErrEnded or
// ErrAbsent if there is no process.
func (s *Sampler) Take(ctx context.Context, now time.Time) (ring.Sample, error) {
	defer s.orphans.hold()()
	pids, err := s.set.pids(ctx)
	if err != nil {
		return ring.Sample{}, err
	}
	first := s.last.IsZero()
	s.update(ctx, pids)
	if len(s.members) == 0 {
		return ring.Sample{}, s.none()
	}
	sum := sums{}
	for pid, m := range s.members {
		if !m.measure(ctx, s.collect, s.last, first, &sum) {
			s.depart(pid)
		}
	}
	s.settle()
	if len(s.members) == 0 {
		return ring.Sample{}, s.none()
	}
	if p, ok := s.set.(*processSet); ok && p.tree && s.collect.Has(ring.CPU) {
		if seconds, ok := familyCPU(pids); ok {
			if s.orphans != nil {
				seconds += s.orphans.cpu
			}
			sum.cpu = s.family.spent(seconds)
		}
	}
	if s.orphans != nil {
		sum.disk.read += s.orphans.disk.read
		sum.disk.written += s.orphans.disk.written
	}
	out := s.sample(now, &sum)
	if s.collect.Has(ring.NetworkIO) {
		s.network(ctx, pids[0], &out)
	}
	s.last = now
	return out, nil
}

// none says whether a task without processes may have some later.
func (s *Sampler) none() error {
	if p, ok := s.set.(*processSet); ok && !p.named() {
		return ErrEnded
	}
	return ErrAbsent
}

// update takes new processes in and lets those go that are no members any more.
func (s *Sampler) update(ctx context.Context, pids []int32) {
	present := make(map[int32]bool, len(pids))
	for _, pid := range pids {
		present[pid] = true
		if s.members[pid] != nil {
			continue
		}
		if m, err := newMember(ctx, pid); err == nil { // else it ended meanwhile
			s.members[pid] = m
		}
	}
	for pid := range s.members {
		if !present[pid] {
			s.depart(pid)
		}
	}
}

func (s *Sampler) depart(pid int32) {
	s.departed = append(s.departed, s.members[pid])
	delete(s.members, pid)
}

// settle keeps what processes that ended have read and written, unless others have
// it: a parent inherits it when it waits for its child, which counts where that is
// a member, and so do those who wait for orphans. A program of which no process is
// left has begun anew.
func (s *Sampler) settle() {
	for _, m := range s.departed {
		if s.orphans == nil && (s.members[m.parent] == nil || !parentsInherit) {
			s.gone.read += m.disk.read
			s.gone.written += m.disk.written
		}
	}
	s.departed = nil
	stayed := false
	for _, m := range s.members {
		stayed = stayed || m.stays
		m.stays = true
	}
	if p, ok := s.set.(*processSet); ok && p.named() && !stayed {
		s.began = time.Time{}
	}
}

// sums is what the processes of a task add up to.
type sums struct {
	missing     ring.Fields
	cpu         float64 // seconds since the sample before
	memory      uint64
	disk        totals
	threads     int32
	descriptors int32
	began       time.Time
}

func (s *Sampler) sample(now time.Time, sum *sums) ring.Sample {
	cpu := sum.cpu
	if s.group != nil {
		cpu = s.account(sum)
	}
	if s.began.IsZero() || sum.began.Before(s.began) {
		s.began = sum.began
	}
	out := ring.Sample{
		Time: now, Missing: sum.missing & s.collect,
		MemoryBytes: sum.memory, ThreadCount: sum.threads, FileDescriptorCount: sum.descriptors,
		UptimeSeconds: max(int64(now.Sub(s.began)/time.Second), 0),
	}
	if passed := now.Sub(s.last).Seconds(); !s.last.IsZero() && passed > 0 {
		out.CPUPercent = 100 * max(cpu, 0) / passed
	}
	if s.machine > 0 {
		out.MemoryPercent = 100 * float64(sum.memory) / float64(s.machine)
	}
	if s.group == nil { // it counts those that have ended itself
		sum.disk.read += s.gone.read
		sum.disk.written += s.gone.written
	}
	// Between its end and its parent's waiting for it, a process is in no sum: what
	// the task has read does not fall by that.
	s.disk.read, s.disk.written = max(s.disk.read, sum.disk.read), max(s.disk.written, sum.disk.written)
	out.DiskReadBytes, out.DiskWriteBytes = s.disk.read, s.disk.written
	return out
}

// account takes what the control group counted itself, ended processes
// included, in the place of the sums. It returns the seconds of CPU.
func (s *Sampler) account(sum *sums) float64 {
	cpu := sum.cpu
	if s.collect.Has(ring.CPU) {
		if now, err := s.group.cpuSeconds(); err == nil {
			cpu, s.groupCPU = now-s.groupCPU, now
			sum.missing &^= ring.CPU
		}
	}
	if s.collect.Has(ring.Memory) {
		if v, err := s.group.memory(); err == nil {
			sum.memory = v
			sum.missing &^= ring.Memory
		}
	}
	if s.collect.Has(ring.DiskIO) {
		if v, err := s.group.disk(); err == nil {
			if !s.group.v2 { // version 1 does not know whose the pages are that the kernel writes later
				v = totals{max(v.read, sum.disk.read), max(v.written, sum.disk.written)}
			}
			sum.disk = v
			sum.missing &^= ring.DiskIO
		}
	}
	return cpu
}

// network takes the counters of the network that a process sees.
func (s *Sampler) network(ctx context.Context, pid int32, out *ring.Sample) {
	cards, err := net.IOCountersByFileWithContext(ctx, true, procFile(pid, "net/dev"))
	if err != nil {
		out.Missing |= ring.NetworkIO
		return
	}
	for _, c := range cards {
		if !isLoopback(c.Name) {
			out.NetworkRxBytes += c.BytesRecv
			out.NetworkTxBytes += c.BytesSent
		}
	}
}

func isLoopback(card string) bool {
	return card == "lo" || card == "lo0" || strings.HasPrefix(strings.ToLower(card), "loopback")
}

// saysZeroDescriptors reports whether the number of open descriptors is always
// 0, as Propeller's document has it for Windows: what Windows counts is handles.
const saysZeroDescriptors = runtime.GOOS == "windows"
