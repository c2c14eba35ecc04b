package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
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
	PropletID  *string `name:"proplet-id" placeholder:"ID" help:"Id of the proplet; by default the client id, else this machine's name with the task's, and a number where several have the same."`
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

	Spool     string  `placeholder:"DIR" help:"Directory that keeps messages while the broker is away, kills and restarts included; agents may share it. By default they are kept in memory."`
	SpoolSize *string `placeholder:"SIZE" help:"Most that is kept, the newest (default 8MiB)."`
	Listen    string  `placeholder:"ADDR" help:"Answer GET /metrics and GET /history on this address; off by default."`

	Description string   `help:"What this machine is, for the registration."`
	Tag         []string `help:"Tag of this machine, for the registration; may be repeated."`
	Location    string   `help:"Where this machine is, for the registration."`

	Print    bool   `help:"Print a line for each sample (run: to standard error); without it, watch and host show one screen on a terminal, which is drawn anew."`
	LogLevel string `enum:"debug,info,warn,error," default:"" help:"Least level that is logged: debug, info, warn or error (default info; warn while a command runs)."`
}

// profileFlags say what to measure, and how often.
type profileFlags struct {
	Profile     string  `placeholder:"NAME" help:"Monitoring profile: standard, minimal, intensive, batch, api, daemon or disabled; by default daemon for a daemon, else standard."`
	ProfileJSON string  `name:"profile-json" placeholder:"JSON|FILE" help:"Profile, or task with one, as JSON: what it says goes before the profile that is chosen otherwise."`
	Daemon      bool    `help:"The task is a daemon: this chooses its profile."`
	Interval    *string `placeholder:"DURATION" help:"Interval of the samples, before the profile's."`
	TaskID      string  `name:"task-id" placeholder:"ID" help:"Id of the task; by default this machine's name with the command's or the process's, and a number where several have the same."`
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
