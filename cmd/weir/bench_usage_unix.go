//go:build !windows

package main

import (
	"os"
	"runtime"
	"syscall"
	"time"
)

// ownCPU is the processor time that this process has used: the load
// generator's, as good as all of it.
func ownCPU() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// peakMemory is the most resident memory that a process had, in bytes; 0 where
// that is not known.
func peakMemory(s *os.ProcessState) uint64 {
	usage, ok := s.SysUsage().(*syscall.Rusage)
	switch {
	case !ok:
		return 0
	case runtime.GOOS == "darwin": // the only one here that counts bytes, not kilobytes
		return uint64(usage.Maxrss)
	}
	return uint64(usage.Maxrss) << 10
}
