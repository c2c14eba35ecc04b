package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/alecthomas/kong"
	"github.com/dustin/go-humanize/english"

	"weir/cmd/weir/internal/config"
)

// The exit codes.
const (
	exitOK     = 0
	exitFailed = 1   // it could not be done, or the answer is no
	exitUsage  = 2   // the command line or the settings are wrong
	exitKilled = 130 // a second signal
)

// cli is the grammar of the command line. The settings of each command come
// from the table in package config.
type cli struct {
	All        allCmd        `cmd:"" default:"withargs" group:"run" help:"Run everything in one process; plain weir does this."`
	Ingest     ingestCmd     `cmd:"" group:"run" help:"Run the MQTT broker, against a NATS server."`
	Aggregator aggregatorCmd `cmd:"" group:"run" help:"Run the aggregator, against a NATS server."`
	Query      queryCmd      `cmd:"" group:"run" help:"Run the HTTP APIs, against a NATS server."`
	Alerter    alerterCmd    `cmd:"" group:"run" help:"Run the rules and their notices, against a NATS server."`

	Deadletters deadlettersCmd `cmd:"" group:"look" help:"List, show and replay rejected messages of a running weir."`
	Healthcheck healthcheckCmd `cmd:"" group:"look" help:"Ask a running weir how it does; ends with 0 if it works."`

	CheckRules  checkRulesCmd  `cmd:"" group:"alerts" help:"Check rule files."`
	TestRules   testRulesCmd   `cmd:"" group:"alerts" help:"Run unit tests of rules, in promtool's format."`
	CheckRoutes checkRoutesCmd `cmd:"" group:"alerts" help:"Check Alertmanager's configuration; say who gets an alert."`
	NotifyTest  notifyTestCmd  `cmd:"" group:"alerts" help:"Send a test alert to a receiver."`

	Rebuild rebuildCmd `cmd:"" group:"mend" help:"Fold the whole journal into a new state, with weir stopped."`
	Verify  verifyCmd  `cmd:"" group:"mend" help:"Compare the state on disk with the journal, with weir stopped."`

	CheckSources checkSourcesCmd `cmd:"" group:"sources" help:"Check a sources file."`
	MapTest      mapTestCmd      `cmd:"" group:"sources" help:"Show what a message on a topic would become."`

	Agent    agentCmd    `cmd:"" group:"devices" help:"Measure processes as a proplet does, and publish it."`
	Simulate simulateCmd `cmd:"" group:"devices" help:"Play a fleet of devices against a broker."`
	Demo     demoCmd     `cmd:"" group:"devices" help:"Run everything, with a simulated fleet."`

	Bench benchCmd `cmd:"" group:"bench" help:"Measure weir under a load."`

	Version versionCmd `cmd:"" group:"look" help:"Say which weir this is."`
}

func newCLI() *cli {
	return &cli{
		All:        allCmd{newSettings(config.All)},
		Ingest:     ingestCmd{newSettings(config.Ingest)},
		Aggregator: aggregatorCmd{newSettings(config.Aggregator)},
		Query:      queryCmd{newSettings(config.Query)},
		Alerter:    alerterCmd{newSettings(config.Alerter)},
		Deadletters: deadlettersCmd{
			List:   deadlettersListCmd{clientFlags: newClientFlags()},
			Show:   deadlettersShowCmd{clientFlags: newClientFlags()},
			Replay: deadlettersReplayCmd{clientFlags: newClientFlags()},
		},
		Healthcheck: healthcheckCmd{newClientFlags()},
		CheckRoutes: checkRoutesCmd{settings: newSettings(config.Routes)},
		NotifyTest:  notifyTestCmd{settings: newSettings(config.Routes)},
		Demo:        demoCmd{settings: newSettings(config.All)},
		Rebuild:     rebuildCmd{newSettings(config.Rebuild)},
		Verify:      verifyCmd{newSettings(config.Verify)},
	}
}

// session is what a command works with: the process's surroundings.
type session struct {
	ctx    context.Context  // ends when the process shall stop
	hangUp <-chan os.Signal // tells a service to read its configuration again
	env    []string         // as os.Environ gives it
	stdout io.Writer
	stderr io.Writer
}

// run does what the command line says and returns the exit code.
func run(ctx context.Context, hangUp <-chan os.Signal, args, env []string, stdout, stderr io.Writer) int {
	ended := false // by --help, which kong ends by calling Exit
	parser, err := kong.New(newCLI(),
		kong.Name("weir"),
		kong.Description(description),
		kong.Writers(stdout, stderr),
		kong.Exit(func(int) { ended = true }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, FlagsLast: true, WrapUpperBound: 100}),
		kong.ExplicitGroups(commandGroups),
	)
	if err != nil {
		panic("BUG: the grammar of the command line: " + err.Error())
	}
	command, err := parser.Parse(args)
	switch {
	case ended:
		return exitOK
	case err != nil:
		fmt.Fprintf(stderr, "weir: %s\nRun weir --help for the commands and settings.\n", err)
		return exitUsage
	}
	return exitCode(command.Run(&session{ctx, hangUp, env, stdout, stderr}), stderr)
}

// exitCode reports a command's error and returns the code to end with.
func exitCode(err error, stderr io.Writer) int {
	var faults config.Faults
	var child childExit
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &child):
		return int(child)
	case errors.As(err, &faults):
		fmt.Fprintf(stderr, "weir: %s in the settings:\n", english.Plural(len(faults), "fault", ""))
		for _, f := range faults {
			fmt.Fprintf(stderr, "  %s\n", f)
		}
		return exitUsage
	default:
		fmt.Fprintf(stderr, "weir: %s\n", err)
		return exitFailed
	}
}
