package main

import (
	"os"
	"syscall"
	"time"
)

// ownCPU is the processor time that this process has used: the load
// generator's, as good as all of it.
func ownCPU() time.Duration {
	var created, exited, kernel, user syscall.Filetime
	self, err := syscall.GetCurrentProcess()
	if err == nil {
		err = syscall.GetProcessTimes(self, &created, &exited, &kernel, &user)
	}
	if err != nil {
		return 0
	}
	return filetimeSpan(kernel) + filetimeSpan(user)
}

// filetimeSpan is a length of time, which Windows counts in 100 nanoseconds.
func filetimeSpan(f syscall.Filetime) time.Duration {
	return 100 * time.Duration(int64(f.HighDateTime)<<32|int64(f.LowDateTime))
}

// peakMemory is the most resident memory that a process had, in bytes; 0 where
// that is not known, as here.
func peakMemory(*os.ProcessState) uint64 { return 0 }
