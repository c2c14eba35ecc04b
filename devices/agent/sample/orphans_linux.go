package sample

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/shirou/gopsutil/v4/process"
	"golang.org/x/sys/unix"
)

// Adopt has the processes whose parents end become children of this process from
// now on, if they descend from it: it is a "child subreaper". It is for a process
// that is about to start one command, and has no other children. Source: prctl(2).
func Adopt() (*Orphans, error) {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return nil, fmt.Errorf("become the parent of orphans: %w", err)
	}
	return &Orphans{adopter: int32(os.Getpid())}, nil
}

// Care waits for orphans that end, until ctx does. The command is not waited for:
// its end is its starter's to hear of.
func (o *Orphans) Care(ctx context.Context, command int32) {
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, unix.SIGCHLD)
	defer signal.Stop(ended)
	for {
		for _, pid := range o.children(ctx) {
			if pid != command {
				o.wait(ctx, pid)
			}
		}
		select {
		case <-ended:
		case <-ctx.Done():
			return
		}
	}
}

// Leave ends the adoption: orphans go to where they would have gone.
func (o *Orphans) Leave() error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("leave orphans to others: %w", err)
	}
	return nil
}

// wait waits for a process if it has ended.
func (o *Orphans) wait(ctx context.Context, pid int32) {
	defer o.hold()()
	io, ioErr := (&process.Process{Pid: pid}).IOCountersWithContext(ctx)
	var used unix.Rusage
	if ended, err := unix.Wait4(int(pid), nil, unix.WNOHANG, &used); err != nil || ended != int(pid) {
		return
	}
	o.cpu += seconds(used.Utime) + seconds(used.Stime)
	if ioErr == nil {
		o.disk.read += io.DiskReadBytes
		o.disk.written += io.DiskWriteBytes
	}
}

func seconds(t unix.Timeval) float64 { return float64(t.Nano()) / 1e9 }

// children lists this process's children. Kernels that do not list them for each
// thread are asked for all processes.
func (o *Orphans) children(ctx context.Context) (pids []int32) {
	files, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil || len(files) == 0 {
		r, err := relate(ctx)
		if err != nil {
			return nil // the next end of a child comes
		}
		return r.children[o.adopter]
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			continue // the thread has ended; its children are another's now
		}
		for _, field := range strings.Fields(string(text)) {
			if pid, err := strconv.ParseInt(field, 10, 32); err == nil {
				pids = append(pids, int32(pid))
			}
		}
	}
	return pids
}
