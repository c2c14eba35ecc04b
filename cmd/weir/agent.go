package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"golang.org/x/term"

	"weir/cmd/weir/internal/config"
	"weir/devices/agent"
	"weir/devices/agent/profile"
)

// agentCmd is the device's side: it measures processes as a proplet does.
type agentCmd struct {
	Run   agentRunCmd   `cmd:"" help:"Run a command as a task, and measure it."`
	Watch agentWatchCmd `cmd:"" help:"Measure what runs: a process, all of a name, a control group or a container."`
	Host  agentHostCmd  `cmd:"" help:"Report this machine as a proplet."`
}

// agentFlags say as whom and where to publish. A flag goes before its
// environment variable.
type agentFlags struct {
	Broker     *string `placeholder:"URL" help:"MQTT broker, tcp://host:port, or ssl, mqtts, ws, wss; \"none\" publishes nothing (PROPLET_MQTT_ADDRESS; default tcp://127.0.0.1:1883)."`
	Domain     *string `help:"Domain, the tenant's first name (PROPLET_DOMAIN_ID, PROPLET_TENANT_ID; default local)."`
	Channel    *string `help:"Channel, the tenant's second name (PROPLET_CHANNEL_ID; default agents)."`
	ClientID   *string `name:"client-id" placeholder:"ID" help:"Username at the broker, and the proplet's id unless that is given (PROPLET_CLIENT_ID, PROPLET_ENTITY_ID)."`
	KeyFile    string  `placeholder:"FILE" help:"File with the password at the broker (or PROPLET_CLIENT_KEY, PROPLET_API_KEY)."`
	PropletID  *string `name:"proplet-id" placeholder:"ID" help:"Id of the proplet; by default the client id, else this machine's name with the task's."`
	Namespace  *string `help:"Namespace of the proplet (default \"default\")."`
	Dialect    *string `help:"Form of the messages: d1 (Go proplet), d0 (the monitoring document), d1r and d2 (Rust proplets), d3 (embedded) (default d1)."`
	QoS        *int    `name:"qos" placeholder:"0|1|2" help:"Quality of service (PROPLET_MQTT_QOS; default 2, with d3 1)."`
	AliveEvery *string `placeholder:"DURATION" help:"Interval of the heartbeat (PROPLET_LIVELINESS_INTERVAL; default 10s)."`

	MetricsInterval *string `placeholder:"DURATION" help:"Interval of the proplet's own metrics, seconds or a duration (PROPLET_METRICS_INTERVAL; default 10s)."`

	TLSCA         *string `name:"tls-ca" placeholder:"FILE" help:"Certificates to trust, PEM (PROPLET_MQTT_TLS_CA; default the system's)."`
	TLSCert       *string `name:"tls-cert" placeholder:"FILE" help:"Certificate to show, PEM (PROPLET_MQTT_TLS_CERT)."`
	TLSKey        *string `name:"tls-key" placeholder:"FILE" help:"Its key, PEM (PROPLET_MQTT_TLS_KEY)."`
	TLSServerName *string `name:"tls-server-name" placeholder:"NAME" help:"Name in the broker's certificate (PROPLET_MQTT_TLS_SERVER_NAME; default its host)."`
	TLSInsecure   bool    `name:"tls-insecure" help:"Trust any broker (PROPLET_MQTT_TLS_INSECURE)."`

	Spool     string  `placeholder:"DIR" help:"Directory that keeps messages while the broker is away, kills and restarts included; by default they are kept in memory."`
	SpoolSize *string `placeholder:"SIZE" help:"Most that is kept, the newest (default 8MiB)."`
	Listen    string  `placeholder:"ADDR" help:"Answer GET /metrics and GET /history on this address; off by default."`

	Description string   `help:"What this machine is, for the registration."`
	Tag         []string `help:"Tag of this machine, for the registration; may be repeated."`
	Location    string   `help:"Where this machine is, for the registration."`

	Print    bool   `help:"Print a line for each sample; without it, a terminal shows one screen that is drawn anew."`
	LogLevel string `enum:"debug,info,warn,error," default:"" help:"Least level that is logged: debug, info, warn or error (default info; warn while a command runs)."`
}

// profileFlags say what to measure, and how often.
type profileFlags struct {
	Profile     string  `placeholder:"NAME" help:"Monitoring profile: standard, minimal, intensive, batch, api, daemon or disabled; by default daemon for a daemon, else standard."`
	ProfileJSON string  `name:"profile-json" placeholder:"JSON|FILE" help:"Profile, or task with one, as JSON: what it says goes before the profile that is chosen otherwise."`
	Daemon      bool    `help:"The task is a daemon: this chooses its profile."`
	Interval    *string `placeholder:"DURATION" help:"Interval of the samples, before the profile's."`
	TaskID      string  `name:"task-id" placeholder:"ID" help:"Id of the task; by default this machine's name with the command's or the process's."`
}

// choose returns the profile of the task.
func (f *profileFlags) choose() (profile.Profile, error) {
	text := []byte(f.ProfileJSON)
	if f.ProfileJSON != "" && !strings.HasPrefix(strings.TrimSpace(f.ProfileJSON), "{") {
		var err error
		if text, err = os.ReadFile(f.ProfileJSON); err != nil {
			return profile.Profile{}, fmt.Errorf("read the monitoring profile: %w", err)
		}
	}
	p, err := profile.Choose(profile.Choice{Name: f.Profile, Daemon: f.Daemon, JSON: text})
	if err != nil || f.Interval == nil {
		return p, err
	}
	if p.Interval, err = agent.ParseDuration(*f.Interval); err != nil {
		return p, fmt.Errorf("--interval: %w", err)
	}
	return p, p.Validate()
}

// config puts the environment and the flags together.
func (f *agentFlags) config(s *session) (agent.Config, error) {
	c, err := agent.FromEnvironment(agent.Default(), s.env)
	faults := []error{err}
	for _, text := range []struct {
		flag *string
		into *string
	}{
		{f.Broker, &c.Broker},
		{f.Domain, &c.Domain},
		{f.Channel, &c.Channel},
		{f.ClientID, &c.ClientID},
		{f.PropletID, &c.PropletID},
		{f.Namespace, &c.Namespace},
		{f.Dialect, &c.Dialect},
		{f.TLSCA, &c.TLS.CA},
		{f.TLSCert, &c.TLS.Cert},
		{f.TLSKey, &c.TLS.Key},
		{f.TLSServerName, &c.TLS.ServerName},
	} {
		if text.flag != nil {
			*text.into = *text.flag
		}
	}
	for _, d := range []struct {
		name string
		flag *string
		into *time.Duration
	}{{"--alive-every", f.AliveEvery, &c.LivelinessInterval}, {"--metrics-interval", f.MetricsInterval, &c.MetricsInterval}} {
		if d.flag == nil {
			continue
		}
		if *d.into, err = agent.ParseDuration(*d.flag); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", d.name, err))
		}
	}
	if f.SpoolSize != nil {
		size, err := humanize.ParseBytes(*f.SpoolSize)
		if err != nil || size > 1<<40 {
			faults = append(faults, fmt.Errorf("--spool-size: %q is not a size such as 8MiB", *f.SpoolSize))
		}
		c.SpoolBytes = int64(size)
	}
	if f.KeyFile != "" {
		key, err := os.ReadFile(f.KeyFile)
		if err != nil {
			faults = append(faults, fmt.Errorf("read the key: %w", err))
		}
		c.ClientKey = strings.TrimSpace(string(key))
	}
	if f.QoS != nil {
		c.QoS = *f.QoS
	}
	if strings.EqualFold(c.Broker, "none") {
		c.Broker = ""
	}
	c.TLS.Insecure = c.TLS.Insecure || f.TLSInsecure
	c.SpoolDir, c.Listen, c.Version = f.Spool, f.Listen, version()
	c.Description, c.Tags, c.Location = f.Description, f.Tag, f.Location
	return c, usage(errors.Join(faults...))
}

// usage makes faults of an error that has several in it.
func usage(err error) error {
	if err == nil {
		return nil
	}
	var faults config.Faults
	for line := range strings.Lines(err.Error()) {
		faults = append(faults, config.Fault{Message: strings.TrimSpace(line)})
	}
	return faults
}

// logger writes log lines to standard error.
func (f *agentFlags) logger(s *session, level slog.Level, out io.Writer) *slog.Logger {
	if f.LogLevel != "" {
		if err := level.UnmarshalText([]byte(f.LogLevel)); err != nil {
			panic("BUG: the level " + f.LogLevel)
		}
	}
	return slog.New(slog.NewTextHandler(cmp.Or(out, s.stderr), &slog.HandlerOptions{Level: level}))
}

// show gives an agent that owns the terminal a screen, unless lines are wanted.
func (f *agentFlags) show(s *session, c *agent.Config) {
	c.Logger = f.logger(s, slog.LevelInfo, nil)
	switch {
	case f.Print:
		c.Print = s.stdout
	case isTerminal(s.stdout):
		fd := int(s.stdout.(*os.File).Fd())
		c.Logger = f.logger(s, slog.LevelInfo, io.Discard) // the screen shows what matters of it
		c.Screen = &agent.Screen{Out: s.stdout, Size: func() (width, height int) {
			width, height, err := term.GetSize(fd)
			if err != nil || width <= 0 || height <= 0 { // a terminal that does not know
				return 80, 24
			}
			return width, height
		}}
	}
}

// begin starts an agent, thrifty with memory: it makes little garbage, and
// rather collects that often than keeps it.
func begin(s *session, c agent.Config, machine bool) (*agent.Agent, error) {
	if !slices.ContainsFunc(s.env, func(v string) bool { return strings.HasPrefix(v, "GOGC=") }) {
		debug.SetGCPercent(agentGCPercent)
	}
	a, err := agent.New(c, machine)
	if err != nil {
		return nil, usage(err)
	}
	return a, a.Start(s.ctx)
}

// agentGCPercent bounds an agent's garbage to a quarter of what it keeps.
const agentGCPercent = 25

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
	name := strings.TrimSuffix(filepath.Base(args[0]), ".exe")
	settings = settings.Identify(name)
	settings.Logger = c.logger(s, slog.LevelWarn, nil)
	if c.Print {
		settings.Print = s.stderr // standard output is the command's
	}
	// The signals are the command's from here on: it decides what to do at the
	// first, and at the second.
	signal.Reset(agent.Forwarded()...)
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, agent.Forwarded()...)
	defer signal.Stop(signals)

	a, err := begin(s, settings, false)
	if err != nil {
		return err
	}
	code, err := a.Run(s.ctx, agent.Command{
		Args: args, TaskID: cmp.Or(c.TaskID, agent.Hostname()+"-"+name), Profile: p, Tree: c.Tree,
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

// childExit is the exit code of a command that was run, which becomes ours.
type childExit int

// Error says the code.
func (c childExit) Error() string { return fmt.Sprintf("the command ended with %d", int(c)) }

// agentWatchCmd measures what runs.
type agentWatchCmd struct {
	agentFlags
	profileFlags
	PID       []int32 `name:"pid" xor:"target" placeholder:"N" help:"Process; may be repeated, each is a task."`
	Name      string  `xor:"target" help:"All processes whose program has this name, also later ones, as one task."`
	Cgroup    string  `xor:"target" placeholder:"PATH" help:"All processes of a control group, as one task (Linux)."`
	Container string  `xor:"target" placeholder:"ID" help:"All processes of a container, as one task (Linux)."`
	Tree      bool    `help:"The processes that a --pid starts belong to its task."`
	Each      bool    `help:"Each process of the name, control group or container is a task of its own."`
}

// Help explains the command with examples.
func (agentWatchCmd) Help() string {
	return `Measures processes that run already, until they have ended or Ctrl-C. On a terminal it shows one screen; --print writes a line for each sample. Processes of a name may come and go. A control group is accounted by the kernel, with the processes that have ended; it and containers need Linux. Set HOST_PROC where another machine's /proc is mounted.

Examples:

    weir agent watch --pid 4711 --tree
    weir agent watch --name nginx --profile api
    weir agent watch --container 3f4e8a1b9c2d
    weir agent watch --cgroup /system.slice/postgresql.service --each --print`
}

// Run measures until what is watched has ended, or a signal comes.
func (c *agentWatchCmd) Run(s *session) error {
	p, err := c.choose()
	if err != nil {
		return usage(err)
	}
	settings, err := c.config(s)
	if err != nil {
		return err
	}
	targets, err := c.targets()
	if err != nil {
		return err
	}
	label, err := targets[0].Label(s.ctx)
	if err != nil {
		return err
	}
	settings = settings.Identify(label)
	c.show(s, &settings)
	a, err := begin(s, settings, false)
	if err != nil {
		return err
	}
	if !p.ExportToMQTT && settings.Broker != "" {
		settings.Logger.Info("the monitoring profile does not export to MQTT: the samples are not published")
	}
	return errors.Join(c.watch(s.ctx, a, targets, p), a.StopWithin())
}

func (c *agentWatchCmd) targets() ([]agent.Target, error) {
	switch {
	case c.Each && len(c.PID) > 0:
		return nil, usage(errors.New("--each is for --name, --cgroup and --container: each --pid is a task anyway"))
	case len(c.PID) > 1 && c.TaskID != "":
		return nil, usage(errors.New("--task-id is for one task, and each --pid is one"))
	case c.Name != "":
		return []agent.Target{{Name: c.Name}}, nil
	case c.Cgroup != "":
		return []agent.Target{{Cgroup: c.Cgroup}}, nil
	case c.Container != "":
		t, err := agent.Container(c.Container)
		return []agent.Target{t}, err
	case len(c.PID) == 0:
		return nil, usage(errors.New("nothing to watch: expected --pid, --name, --cgroup or --container"))
	}
	var targets []agent.Target
	for _, pid := range c.PID {
		targets = append(targets, agent.Target{PID: pid, Tree: c.Tree})
	}
	return targets, nil
}

// watch measures the targets side by side until all have ended.
func (c *agentWatchCmd) watch(ctx context.Context, a *agent.Agent, targets []agent.Target, p profile.Profile) error {
	if c.Each {
		return a.WatchEach(ctx, targets[0], cmp.Or(c.TaskID, agent.Hostname()), p)
	}
	ended := make(chan error, len(targets))
	for _, t := range targets {
		go func() {
			label, err := t.Label(ctx)
			if err == nil {
				err = a.Watch(ctx, agent.Task{ID: cmp.Or(c.TaskID, agent.Hostname()+"-"+label), Profile: p, Target: t})
			}
			ended <- err
		}()
	}
	var err error
	for range targets {
		err = errors.Join(err, <-ended)
	}
	return err
}

// agentHostCmd reports this machine.
type agentHostCmd struct{ agentFlags }

// Help explains the command with examples.
func (agentHostCmd) Help() string {
	return `Reports this machine as a proplet, until Ctrl-C: the processor time of all cores, the percentage of them that is used, and the memory in use. There is no heap, so nothing is said of one.

Examples:

    weir agent host
    weir agent host --broker tcp://weir.example:1883 --domain plant --channel line1 --tag edge --location "hall 3"`
}

// Run reports until a signal comes.
func (c *agentHostCmd) Run(s *session) error {
	settings, err := c.config(s)
	if err != nil {
		return err
	}
	settings = settings.Identify("")
	c.show(s, &settings)
	a, err := begin(s, settings, true)
	if err != nil {
		return err
	}
	<-s.ctx.Done()
	return a.StopWithin()
}
