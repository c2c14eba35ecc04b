package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"time"

	"weir/devices/agent/profile"
	"weir/devices/agent/sample"
)

// Command is a command to run as a task.
type Command struct {
	Args    []string // the program and its arguments
	TaskID  string
	Profile profile.Profile
	// Tree has its descendants belong to the task. On Linux this process becomes the
	// parent of those whose own parents end, and waits for them: it is to have no
	// other children.
	Tree bool

	Env    []string // nil for this process's
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer

	// Signals are handed on to the command; nil for none.
	Signals <-chan os.Signal
}

// The exit codes of a command that did not run, as shells have them.
const (
	exitNotExecutable = 126
	exitNotFound      = 127
	exitSignalled     = 128 // and the signal's number
)

// Run runs a command, measures it until it ends, and says that it ended. The
// command's exit code is 128 and the signal's number if a signal ended it. When
// ctx ends, the command is told to end, and killed if it does not in
// Config.StopTimeout. The error says why the command did not run: then the code
// is 127 if it was not found, else 126. That it could not be measured is logged,
// and does not disturb it.
func (a *Agent) Run(ctx context.Context, c Command) (int, error) {
	cmd := exec.CommandContext(ctx, c.Args[0], c.Args[1:]...)
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = c.Env, c.Stdin, c.Stdout, c.Stderr
	cmd.Cancel = func() error { return terminate(cmd.Process) }
	cmd.WaitDelay = a.c.StopTimeout
	orphans := a.adopt(c.Tree)
	if err := cmd.Start(); err != nil {
		a.leave(orphans)
		code := exitNotExecutable
		if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
			code = exitNotFound
		}
		return code, fmt.Errorf("run the command: %w", err)
	}
	watching, stopWatching := context.WithCancel(ctx)
	stopCaring := a.care(watching, orphans, cmd.Process)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		target := Target{PID: int32(cmd.Process.Pid), Tree: c.Tree, orphans: orphans}
		if err := a.Watch(watching, Task{ID: c.TaskID, Profile: c.Profile, Target: target}); err != nil && !errors.Is(err, sample.ErrEnded) {
			a.log.Error("the command is not measured", "error", err)
		}
	}()
	handed := make(chan struct{})
	go func() {
		defer close(handed)
		handOn(watching, c.Signals, cmd.Process)
	}()
	err := cmd.Wait()
	stopWatching()
	<-watched
	<-handed
	stopCaring()
	code, fault := exitCode(cmd.ProcessState), ""
	var exited *exec.ExitError
	switch {
	case errors.As(err, &exited):
		fault = exited.String()
		err = nil
	case ctx.Err() != nil, errors.Is(err, exec.ErrWaitDelay):
		err = nil // it was ended, or others hold its output open; the code says the rest
	case err != nil:
		err = fmt.Errorf("wait for the command: %w", err)
	}
	a.send(a.proplet.Results(c.TaskID, fmt.Sprint(code), fault))
	return code, err
}

// adopt has the command's orphans become this process's children, where its tree is
// to be measured and the platform can do that; else it returns nil.
func (a *Agent) adopt(tree bool) *sample.Orphans {
	if !tree {
		return nil
	}
	orphans, err := sample.Adopt()
	if err != nil {
		a.log.Warn("processes whose parents end before they were seen are not measured", "error", err)
		return nil
	}
	return orphans
}

// care waits for orphans that end, until ctx does; what it returns is to be called
// then.
func (a *Agent) care(ctx context.Context, orphans *sample.Orphans, command *os.Process) (stop func()) {
	if orphans == nil {
		return func() {}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		orphans.Care(ctx, int32(command.Pid))
	}()
	return func() {
		<-done
		a.leave(orphans)
	}
}

func (a *Agent) leave(orphans *sample.Orphans) {
	if orphans == nil {
		return
	}
	if err := orphans.Leave(); err != nil {
		a.log.Warn("stop", "error", err)
	}
}

// handOn hands signals on to a process until ctx ends.
func handOn(ctx context.Context, signals <-chan os.Signal, p *os.Process) {
	for {
		select {
		case s := <-signals:
			deliver(p, s)
		case <-ctx.Done():
			return
		}
	}
}

// StopWithin stops the agent within Config.StopTimeout.
func (a *Agent) StopWithin() error {
	ctx, cancel := context.WithTimeout(context.Background(), max(a.c.StopTimeout, time.Millisecond))
	defer cancel()
	return a.Stop(ctx)
}
