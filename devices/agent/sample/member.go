package sample

import (
	"context"
	"runtime"
	"time"

	"github.com/shirou/gopsutil/v4/process"

	"weir/devices/agent/ring"
)

// zeroIsRefusal reports whether gopsutil says 0 where the system refuses to tell
// of another user's process. No process that runs has used no CPU or memory.
const zeroIsRefusal = runtime.GOOS == "darwin"

// parentsInherit reports whether the counters of a process are added to those of
// the parent that waits for it.
const parentsInherit = runtime.GOOS == "linux"

// member is a process of a task.
type member struct {
	process *process.Process
	mark    identity
	parent  int32
	began   time.Time
	stays   bool    // it was a member at the sample before
	disk    totals  // as they were last
	cpu     float64 // seconds at the sample before
	begun   bool    // cpu is set
}

func newMember(ctx context.Context, pid int32) (*member, error) {
	p, err := process.NewProcessWithContext(ctx, pid)
	if err != nil {
		return nil, err
	}
	ms, err := p.CreateTimeWithContext(ctx)
	if err != nil {
		return nil, err
	}
	mark, alive := identify(ctx, p)
	if !alive {
		return nil, ErrEnded
	}
	parent, err := p.PpidWithContext(ctx)
	if err != nil {
		return nil, err
	}
	return &member{process: p, mark: mark, parent: parent, began: time.UnixMilli(ms)}, nil
}

// measure adds the process to the sums. It returns false if the process has
// ended. CPU that a process spent before it became a member counts only if it
// began since the sample before: then all of it was spent since.
func (m *member) measure(ctx context.Context, collect ring.Fields, last time.Time, first bool, sum *sums) bool {
	if mark, alive := identify(ctx, m.process); !alive || mark != m.mark {
		return false
	}
	if sum.began.IsZero() || m.began.Before(sum.began) {
		sum.began = m.began
	}
	if collect.Has(ring.CPU) {
		m.measureCPU(ctx, last, first, sum)
	}
	if collect.Has(ring.Memory) {
		if v, err := m.process.MemoryInfoWithContext(ctx); err != nil || v.RSS == 0 && zeroIsRefusal {
			sum.missing |= ring.Memory
		} else {
			sum.memory += v.RSS
		}
	}
	if collect.Has(ring.DiskIO) {
		m.measureDisk(ctx, sum)
	}
	if collect.Has(ring.Threads) {
		if n, err := m.process.NumThreadsWithContext(ctx); err != nil || n <= 0 {
			sum.missing |= ring.Threads
		} else {
			sum.threads += n
		}
	}
	if collect.Has(ring.FileDescriptors) && !saysZeroDescriptors {
		if n, err := m.process.NumFDsWithContext(ctx); err != nil {
			sum.missing |= ring.FileDescriptors
		} else {
			sum.descriptors += n
		}
	}
	return true
}

func (m *member) measureCPU(ctx context.Context, last time.Time, first bool, sum *sums) {
	t, err := m.process.TimesWithContext(ctx)
	if err != nil {
		sum.missing |= ring.CPU
		return
	}
	now := t.User + t.System
	if now == 0 && zeroIsRefusal {
		sum.missing |= ring.CPU
		return
	}
	if m.begun || !first && m.began.After(last) {
		sum.cpu += now - m.cpu
	}
	m.cpu, m.begun = now, true
}

// measureDisk takes what went to and from disks. Windows counts reads and
// writes of any kind, which stand in for it.
func (m *member) measureDisk(ctx context.Context, sum *sums) {
	v, err := m.process.IOCountersWithContext(ctx)
	switch {
	case err != nil:
		sum.missing |= ring.DiskIO
		return
	case runtime.GOOS == "windows":
		m.disk = totals{v.ReadBytes, v.WriteBytes}
	default:
		m.disk = totals{v.DiskReadBytes, v.DiskWriteBytes}
	}
	sum.disk.read += m.disk.read
	sum.disk.written += m.disk.written
}
