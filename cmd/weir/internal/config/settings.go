package config

import (
	"strings"
	"time"
)

// Role is what a command does with the settings: each takes those that it needs.
type Role uint8

// The roles. They are bits: a setting names several.
const (
	All        Role = 1 << iota // every service in one process
	Ingest                      // one service of its own, as the next two
	Aggregator                  //
	Query                       //
	Rebuild                     // a tool on a stopped data directory, as the next one
	Verify                      //
	Client                      // a tool that asks a running weir

	// Offline are the roles that work on a stopped data directory.
	Offline = Rebuild | Verify

	services = Ingest | Aggregator | Query
)

// String names the role as the command line does.
func (r Role) String() string {
	switch r {
	case All:
		return "weir"
	case Ingest:
		return "weir ingest"
	case Aggregator:
		return "weir aggregator"
	case Query:
		return "weir query"
	case Rebuild:
		return "weir rebuild"
	case Verify:
		return "weir verify"
	case Client:
		return "client tools"
	}
	return "several commands"
}

// Setting is one row of the table that drives the file, the environment, the
// command line and the README.
type Setting struct {
	Key     string // its name in the file
	Value   string // what stands for its value in help texts; "" for a switch
	Default string // in the form that set reads
	Help    string // one sentence
	Roles   Role   // who uses it

	set func(c *Config, text string) error
}

// Env is the setting's environment variable.
func (s Setting) Env() string { return envPrefix + strings.ToUpper(s.Key) }

// Flag is the setting's name on the command line, without dashes.
func (s Setting) Flag() string { return strings.ReplaceAll(s.Key, "_", "-") }

// Settings is the table of all settings, in the order in which they are shown.
var Settings = []Setting{
	{
		"data_dir", "DIR", "./weir-data",
		"Directory of the journal and the state; created if absent.",
		All | Aggregator | Offline,
		text(func(c *Config) *string { return &c.DataDir }),
	},
	{
		"mqtt_addr", "HOST:PORT", "127.0.0.1:1883",
		"Where MQTT clients connect. Beyond loopback it needs users or allow_anonymous.",
		All | Ingest,
		address(func(c *Config) *string { return &c.MQTTAddr }),
	},
	{
		"internal_addr", "HOST:PORT", "127.0.0.1:8080",
		"HTTP with everything, administration included; it has no passwords, so keep it private.",
		All | services | Client,
		address(func(c *Config) *string { return &c.InternalAddr }),
	},
	{
		"external_addr", "HOST:PORT", "127.0.0.1:8081",
		"HTTP that only reads.",
		All | Query,
		address(func(c *Config) *string { return &c.ExternalAddr }),
	},
	{
		"users", "FILE", "",
		"File of the MQTT users: names, bcrypt hashes of their keys, and their tenants.",
		All | Ingest,
		text(func(c *Config) *string { return &c.Users }),
	},
	{
		"allow_anonymous", "", "false",
		"Let everybody who reaches mqtt_addr publish and subscribe, beyond loopback too.",
		All | Ingest,
		boolean(func(c *Config) *bool { return &c.AllowAnonymous }),
	},
	{
		"max_payload", "SIZE", "256KiB",
		"Largest MQTT payload taken (1KiB to 768KiB); a larger one becomes a dead letter, too_large.",
		All | Ingest,
		size(func(c *Config) *int { return &c.MaxPayload }, 1<<10, 768<<10),
	},
	{
		"nats_url", "URL", "",
		"NATS server with JetStream to use instead of the embedded one; the single services need it.",
		All | services | Offline,
		text(func(c *Config) *string { return &c.NATSURL }),
	},
	{
		"nats_creds", "FILE", "",
		"NATS credentials file for nats_url.",
		All | services | Offline,
		text(func(c *Config) *string { return &c.NATSCreds }),
	},
	{
		"journal_replicas", "N", "1",
		"Copies of the journal in a NATS cluster (1 to 5), set when it is created.",
		All | services,
		number(func(c *Config) *int { return &c.JournalReplicas }, 1, 5),
	},
	{
		"checkpoint_interval", "DURATION", "1s",
		"How often the state goes to disk; a restart folds what came after.",
		All | Aggregator,
		duration(func(c *Config) *time.Duration { return &c.CheckpointInterval }, 10*time.Millisecond, time.Hour),
	},
	{
		"readings_per_source", "N", "100",
		"Latest readings kept of each task and proplet. Part of the state: a change takes weir rebuild.",
		All | Aggregator | Rebuild,
		number(func(c *Config) *int { return &c.ReadingsPerSource }, 1, 65_536),
	},
	{
		"clock_earliest", "DATE", "2020-01-01",
		"Earliest time that a device's clock may say and be believed. Part of the state: a change takes weir rebuild.",
		All | Aggregator | Rebuild,
		date(func(c *Config) *time.Time { return &c.ClockEarliest }),
	},
	{
		"clock_ahead", "DURATION", "5m",
		"How far a device's clock may be ahead and be believed. Part of the state: a change takes weir rebuild.",
		All | Aggregator | Rebuild,
		duration(func(c *Config) *time.Duration { return &c.ClockAhead }, time.Millisecond, 10*365*24*time.Hour),
	},
	{
		"duplicate_windows", "N", "100000",
		"Clients whose latest messages are remembered to recognise retransmissions. Part of the state: a change takes weir rebuild.",
		All | Aggregator | Rebuild,
		number(func(c *Config) *int { return &c.DuplicateWindows }, 1, 100_000_000),
	},
	{
		"proplet_heartbeat", "DURATION", "10s",
		"How often proplets say that they are alive; after 2.5 of these without a word they count as gone.",
		All | Query,
		duration(func(c *Config) *time.Duration { return &c.PropletHeartbeat }, time.Millisecond, 24*time.Hour),
	},
	{
		"log_level", "LEVEL", "info",
		"Least severe log lines written: debug, info, warn or error.",
		All | services | Offline,
		level,
	},
	{
		"log_format", "FORMAT", LogText,
		"Form of the log lines on standard error: text or json.",
		All | services | Offline,
		oneOf(func(c *Config) *string { return &c.LogFormat }, LogText, LogJSON),
	},
	{
		"addr_file", "FILE", "",
		"File for the bound addresses and the process id, as JSON, written when serving and removed at the end.",
		All | services | Client,
		text(func(c *Config) *string { return &c.AddrFile }),
	},
}

// lookup finds a setting by the name that name gives it.
func lookup(given string, name func(Setting) string) (Setting, bool) {
	for _, s := range Settings {
		if name(s) == given {
			return s, true
		}
	}
	return Setting{}, false
}

func key(s Setting) string { return s.Key }
