//go:build !linux

package sample

import (
	"context"

	"github.com/shirou/gopsutil/v4/process"
)

// identity tells a process from a later one of the same number: when it began,
// in milliseconds since 1970.
type identity int64

// identify reads a process's identity. It returns false if the process has
// ended.
func identify(ctx context.Context, p *process.Process) (identity, bool) {
	now := process.Process{Pid: p.Pid} // p remembers what it read first
	if exists, err := process.PidExistsWithContext(ctx, p.Pid); err != nil || !exists {
		return 0, false
	}
	ms, err := now.CreateTimeWithContext(ctx)
	return identity(ms), err == nil
}

// procFile is "" where there is no /proc.
func procFile(int32, string) string { return "" }

// familyCPU adds up the CPU of a process and its descendants, of those that have
// ended, too: only Linux tells that.
func familyCPU([]int32) (seconds float64, ok bool) { return 0, false }
