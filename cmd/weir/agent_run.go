package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"

	"weir/devices/agent"
)

// agentRunCmd runs a command as a task.
type agentRunCmd struct {
	agentFlags
	profileFlags
	Tree    bool     `help:"The processes that the command starts belong to the task."`
	Command []string `arg:"" passthrough:"" help:"The command and its arguments, behind --."`
}

// Help explains the command with examples.
func (agentRunCmd) Help() string {
	return `Runs a command as it would run without this: input, output, signals and exit code are its own (128 and the number of a signal that ended it, 127 if it was not found, 126 if it cannot be run). While it runs, it is measured by a monitoring profile and published as a task of a proplet. At its end, what could not be sent yet is sent, within five seconds.

What the profile does not collect is 0; what this platform cannot give is absent. CPU is a percentage of one core. Network is that of the network which the command sees, without the loopback.

Examples:

    weir agent run -- ./worker --queue jobs
    weir agent run --profile intensive --tree --print -- make -j4
    weir agent run --daemon --spool /var/lib/weir-agent --broker ssl://weir.example:8883 -- ./server
    weir agent run --profile-json '{"interval": 5, "history_size": 200}' -- ./etl`
}

// Run runs the command and ends with its exit code.
func (c *agentRunCmd) Run(s *session) error {
	args := c.Command
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		return usage(errors.New("there is no command: expected one behind --"))
	}
	p, err := c.choose()
	if err != nil {
		return usage(err)
	}
	settings, err := c.config(s)
	if err != nil {
		return err
	}
	settings.Logger = c.logger(s, slog.LevelWarn, nil)
	ids := agentIDs{log: settings.Logger}
	defer ids.release()
	settings, task := ids.of(settings, c.TaskID, strings.TrimSuffix(filepath.Base(args[0]), ".exe"))
	settings.SpoolPart = task
	if c.Print {
		settings.Print = s.stderr // standard output is the command's
	}
	signals := make(chan os.Signal, 16)
	handOver(signals)
	defer signal.Stop(signals)

	a, err := begin(s, settings, false)
	if err != nil {
		return err
	}
	code, err := a.Run(s.ctx, agent.Command{
		Args: args, TaskID: task, Profile: p, Tree: c.Tree,
		Env: s.env, Stdin: os.Stdin, Stdout: s.stdout, Stderr: s.stderr, Signals: signals,
	})
	if stop := a.StopWithin(); stop != nil {
		settings.Logger.Warn("stop", "error", stop)
	}
	if err != nil {
		settings.Logger.Error(err.Error())
	}
	if code != exitOK {
		return childExit(code)
	}
	return nil
}

// ignoredAtStart are the signals that whoever started this program has it ignore,
// as nohup does. It is found out before anybody is notified of any: that ends the
// ignoring. (Of others than SIGHUP and SIGINT, Go's runtime ends it before.)
var ignoredAtStart = slices.DeleteFunc(agent.Forwarded(), func(s os.Signal) bool { return !signal.Ignored(s) })

// handOver makes the signals the command's from here on: it decides what to do at
// the first, and at the second. Those that were ignored stay so, for the command,
// too.
func handOver(to chan<- os.Signal) {
	signal.Reset(agent.Forwarded()...)
	forwarded := slices.DeleteFunc(agent.Forwarded(), func(s os.Signal) bool { return slices.Contains(ignoredAtStart, s) })
	if len(forwarded) > 0 { // none would be all
		signal.Notify(to, forwarded...)
	}
}

// childExit is the exit code of a command that was run, which becomes ours.
type childExit int

// Error says the code.
func (c childExit) Error() string { return fmt.Sprintf("the command ended with %d", int(c)) }
