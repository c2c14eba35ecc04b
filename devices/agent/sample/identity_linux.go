package sample

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strconv"

	"github.com/shirou/gopsutil/v4/process"
)

// identity tells a process from a later one of the same number: the clock ticks
// from the machine's start to its own.
type identity string

// identify reads a process's identity. It returns false if the process has
// ended, as a zombie has: its number is still there, its numbers are not.
func identify(_ context.Context, p *process.Process) (identity, bool) {
	fields := stat(p.Pid)
	if len(fields) <= statStart || fields[statState][0] == 'Z' || fields[statState][0] == 'X' {
		return "", false
	}
	return identity(fields[statStart]), true
}

// The places of fields behind the name in /proc/PID/stat, see proc(5).
const (
	statState = 0
	statUser  = 11 // followed by system, and both of the children that were waited for
	statStart = 19
)

// stat reads the fields of /proc/PID/stat that follow the name, which stands in
// brackets and may have anything in it; nil if there is no such process.
func stat(pid int32) [][]byte {
	text, err := os.ReadFile(procFile(pid, "stat"))
	if err != nil {
		return nil
	}
	return bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
}

// clockTicks is how many there are in a second of /proc's times: USER_HZ, the
// same on every machine that Go runs on.
const clockTicks = 100

// familyCPU adds up the seconds of CPU of a process and its descendants, of
// those that have ended, too: the kernel adds what a child has used to its
// parent when the parent waits for it. Until then it is a zombie's. It returns
// false where that cannot be told.
func familyCPU(pids []int32) (seconds float64, ok bool) {
	var ticks uint64
	for _, pid := range pids {
		fields := stat(pid)
		if len(fields) <= statStart {
			continue
		}
		for _, f := range fields[statUser : statUser+4] {
			if n, err := strconv.ParseUint(string(f), 10, 64); err == nil {
				ticks += n
			}
		}
	}
	return float64(ticks) / clockTicks, true
}

// procFile is a file about a process. HOST_PROC names another /proc, as it does
// for gopsutil: that of a host that is mounted into a container.
func procFile(pid int32, name string) string {
	root := os.Getenv("HOST_PROC")
	if root == "" {
		root = "/proc"
	}
	return filepath.Join(root, strconv.Itoa(int(pid)), name)
}
