//go:build !windows

package agent

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Forwarded are the signals that are handed on to a command.
func Forwarded() []os.Signal {
	return []os.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGUSR1, syscall.SIGUSR2}
}

// deliver hands a signal on. One that a key made went from the terminal to the
// command as well as to us, and must not come twice.
func deliver(p *os.Process, s os.Signal) {
	if (s == syscall.SIGINT || s == syscall.SIGQUIT) && inForeground() {
		return
	}
	_ = p.Signal(s) // if it has ended, nobody is left to tell
}

// inForeground reports whether this process, and with it the command, is what
// the terminal's keys go to.
func inForeground() bool {
	tty, err := os.OpenFile("/dev/tty", os.O_RDONLY, 0)
	if err != nil {
		return false
	}
	defer tty.Close()
	group, err := unix.IoctlGetInt(int(tty.Fd()), unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}

func terminate(p *os.Process) error { return p.Signal(syscall.SIGTERM) }

// exitCode is the code to end with where a command ended so.
func exitCode(s *os.ProcessState) int {
	if w, ok := s.Sys().(syscall.WaitStatus); ok && w.Signaled() {
		return exitSignalled + int(w.Signal())
	}
	return s.ExitCode()
}
