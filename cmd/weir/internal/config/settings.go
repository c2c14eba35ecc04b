package config

import (
	"math"
	"strings"
	"time"
)

// Role is what a command does with the settings: each takes those that it needs.
type Role uint16

// The roles. They are bits: a setting names several.
const (
	All        Role = 1 << iota // every service in one process
	Ingest                      // one service of its own, as the next three
	Aggregator                  //
	Query                       //
	Alerter                     //
	Rebuild                     // a tool on a stopped data directory, as the next one
	Verify                      //
	Client                      // a tool that asks a running weir
	Routes                      // a tool that reads Alertmanager's configuration

	// Offline are the roles that work on a stopped data directory.
	Offline = Rebuild | Verify

	services = Ingest | Aggregator | Query | Alerter
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
	case Alerter:
		return "weir alerter"
	case Rebuild:
		return "weir rebuild"
	case Verify:
		return "weir verify"
	case Client:
		return "client tools"
	case Routes:
		return "alert tools"
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
	List    bool   // it may be given several times; in the file it may be a list, in the environment commas are between

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
		All | Aggregator | Offline, false,
		text(func(c *Config) *string { return &c.DataDir }),
	},
	{
		"mqtt_addr", "HOST:PORT", "127.0.0.1:1883",
		"Where MQTT clients connect. Beyond loopback it needs users or allow_anonymous.",
		All | Ingest, false,
		address(func(c *Config) *string { return &c.MQTTAddr }),
	},
	{
		"internal_addr", "HOST:PORT", "127.0.0.1:8080",
		"HTTP with everything, administration included; it has no passwords, so keep it private.",
		All | services | Client | Routes, false,
		address(func(c *Config) *string { return &c.InternalAddr }),
	},
	{
		"external_addr", "HOST:PORT", "127.0.0.1:8081",
		"HTTP that only reads.",
		All | Query, false,
		address(func(c *Config) *string { return &c.ExternalAddr }),
	},
	{
		"intake_addr", "HOST:PORT", "127.0.0.1:8082",
		"Where measurements are pushed over HTTP: FIWARE notifications, Pushgateway, remote write, InfluxDB lines. Beyond loopback it needs users or allow_anonymous.",
		All | Ingest, false,
		address(func(c *Config) *string { return &c.IntakeAddr }),
	},
	{
		"users", "FILE", "",
		"File of those who may publish and push: names, bcrypt hashes of their keys, and their tenants.",
		All | Ingest, false,
		text(func(c *Config) *string { return &c.Users }),
	},
	{
		"allow_anonymous", "", "false",
		"Let everybody who reaches mqtt_addr and intake_addr publish, push and subscribe, beyond loopback too.",
		All | Ingest, false,
		boolean(func(c *Config) *bool { return &c.AllowAnonymous }),
	},
	{
		"sources", "FILE", "",
		"What is fetched (targets to scrape, data nodes, gateways, uptime checks) and how MQTT topics are mapped; read again when it changes.",
		All | Ingest, false,
		text(func(c *Config) *string { return &c.Sources }),
	},
	{
		"max_payload", "SIZE", "256KiB",
		"Largest MQTT payload taken (1KiB to 768KiB); a larger one becomes a dead letter, too_large.",
		All | Ingest, false,
		size(func(c *Config) *int { return &c.MaxPayload }, 1<<10, 768<<10),
	},
	{
		"nats_url", "URL", "",
		"NATS server with JetStream to use instead of the embedded one; the single services need it.",
		All | services | Offline, false,
		text(func(c *Config) *string { return &c.NATSURL }),
	},
	{
		"nats_creds", "FILE", "",
		"NATS credentials file for nats_url.",
		All | services | Offline, false,
		text(func(c *Config) *string { return &c.NATSCreds }),
	},
	{
		"journal_replicas", "N", "1",
		"Copies of the journal in a NATS cluster (1 to 5), set when it is created.",
		All | services, false,
		number(func(c *Config) *int { return &c.JournalReplicas }, 1, 5),
	},
	{
		"checkpoint_interval", "DURATION", "1s",
		"How often the state goes to disk; a restart folds what came after.",
		All | Aggregator, false,
		duration(func(c *Config) *time.Duration { return &c.CheckpointInterval }, 10*time.Millisecond, time.Hour),
	},
	{
		"retention", "AGE", "15d",
		"How long history is kept at the least (15d, 36h); 0 keeps it for ever. Part of the state: a change takes weir rebuild.",
		All | Aggregator | Rebuild, false,
		age(func(c *Config) *time.Duration { return &c.Retention }, 100*365*24*time.Hour),
	},
	{
		"history_bytes", "SIZE", "0",
		"Most bytes of sealed history kept of a tenant, the oldest going first; 0 is no limit. Part of the state: a change takes weir rebuild.",
		All | Aggregator | Rebuild, false,
		size(func(c *Config) *int { return &c.HistoryBytes }, 0, math.MaxInt),
	},
	{
		"series_limit", "N", "1000000",
		"Most series of a tenant; an event that would make more becomes a dead letter, series_limit; 0 is no limit. Part of the state: a change takes weir rebuild.",
		All | Aggregator | Rebuild, false,
		number(func(c *Config) *int { return &c.SeriesLimit }, 0, 1_000_000_000),
	},
	{
		"source_limit", "N", "100000",
		"Most sources of a tenant; an event that would make more becomes a dead letter, source_limit; 0 is no limit. Part of the state: a change takes weir rebuild.",
		All | Aggregator | Rebuild, false,
		number(func(c *Config) *int { return &c.SourceLimit }, 0, 1_000_000_000),
	},
	{
		"stale_floor", "DURATION", "30s",
		"A series does not end sooner than this after its last sample, however often it had some.",
		All | Aggregator, false,
		duration(func(c *Config) *time.Duration { return &c.StaleFloor }, time.Millisecond, 24*time.Hour),
	},
	{
		"stale_ceiling", "DURATION", "5m",
		"A series ends this long after its last sample at the latest.",
		All | Aggregator, false,
		duration(func(c *Config) *time.Duration { return &c.StaleCeiling }, time.Millisecond, 24*time.Hour),
	},
	{
		"clock_earliest", "DATE", "2020-01-01",
		"Earliest time that a device's clock may say and be believed. Part of the state: a change takes weir rebuild.",
		All | Aggregator | Rebuild, false,
		date(func(c *Config) *time.Time { return &c.ClockEarliest }),
	},
	{
		"clock_ahead", "DURATION", "5m",
		"How far a device's clock may be ahead and be believed. Part of the state: a change takes weir rebuild.",
		All | Aggregator | Rebuild, false,
		duration(func(c *Config) *time.Duration { return &c.ClockAhead }, time.Millisecond, 10*365*24*time.Hour),
	},
	{
		"duplicate_windows", "N", "100000",
		"Clients whose latest messages are remembered to recognise retransmissions. Part of the state: a change takes weir rebuild.",
		All | Aggregator | Rebuild, false,
		number(func(c *Config) *int { return &c.DuplicateWindows }, 1, 100_000_000),
	},
	{
		"proplet_heartbeat", "DURATION", "10s",
		"How often proplets say that they are alive; after 2.5 of these without a word they count as gone.",
		All | Query, false,
		duration(func(c *Config) *time.Duration { return &c.PropletHeartbeat }, time.Millisecond, 24*time.Hour),
	},
	{
		"query_timeout", "DURATION", "2m",
		"How long a PromQL query may take, waiting included.",
		All | Query | Alerter, false,
		duration(func(c *Config) *time.Duration { return &c.QueryTimeout }, time.Millisecond, 24*time.Hour),
	},
	{
		"query_max_samples", "N", "50000000",
		"Most samples that a PromQL query may hold at a time; one that would hold more ends with an error.",
		All | Query | Alerter, false,
		number(func(c *Config) *int { return &c.QueryMaxSamples }, 1, math.MaxInt32),
	},
	{
		"query_max_concurrency", "N", "20",
		"Most PromQL queries that run at a time; others wait.",
		All | Query, false,
		number(func(c *Config) *int { return &c.QueryMaxConcurrency }, 1, 10_000),
	},
	{
		"query_max_series", "N", "200000",
		"Longest list of series, labels or label values; a longer one is cut off with a warning.",
		All | Query, false,
		number(func(c *Config) *int { return &c.QueryMaxSeries }, 1, 1_000_000_000),
	},
	{
		"query_lookback", "DURATION", "5m",
		"How far back a PromQL query looks for a series' last sample.",
		All | Query | Alerter, false,
		duration(func(c *Config) *time.Duration { return &c.QueryLookback }, time.Millisecond, 24*time.Hour),
	},
	{
		"query_experimental", "", "false",
		"Allow the PromQL functions that Prometheus calls experimental.",
		All | Query | Alerter, false,
		boolean(func(c *Config) *bool { return &c.QueryExperimental }),
	},
	{
		"rules", "PATH", "",
		"A Prometheus rule file or a directory of them (*.yml, *.yaml); read again when it changes; may be given several times.",
		All | Alerter, true,
		list(func(c *Config) *[]string { return &c.Rules }),
	},
	{
		"default_rules", "", "true",
		"Evaluate the rules that weir ships with as well; --default-rules=false leaves them out.",
		All | Alerter, false,
		boolean(func(c *Config) *bool { return &c.DefaultRules }),
	},
	{
		"alertmanager_config", "FILE", "",
		"Alertmanager's configuration: routes, receivers, inhibition; read again when it changes. Without it alerts go to the log.",
		All | Alerter | Routes, false,
		text(func(c *Config) *string { return &c.AlertmanagerConfig }),
	},
	{
		"evaluation_interval", "DURATION", "1s",
		"How often rules are evaluated whose group does not say.",
		All | Alerter, false,
		duration(func(c *Config) *time.Duration { return &c.EvaluationInterval }, 100*time.Millisecond, time.Hour),
	},
	{
		"external_url", "URL", "",
		"Where people reach this weir: links in notices begin with it; by default internal_addr.",
		All | Alerter | Routes, false,
		webURL(func(c *Config) *string { return &c.ExternalURL }),
	},
	{
		"fallback_receiver", "NAME", "",
		"Receiver of alertmanager_config that gets the notices of one that has failed for fallback_after.",
		All | Alerter, false,
		text(func(c *Config) *string { return &c.FallbackReceiver }),
	},
	{
		"fallback_after", "DURATION", "5m",
		"How long a receiver fails before fallback_receiver gets its notices too.",
		All | Alerter, false,
		duration(func(c *Config) *time.Duration { return &c.FallbackAfter }, time.Second, 7*24*time.Hour),
	},
	{
		"sms_url", "URL", "",
		"SMS gateway for the action sms of tenants' rules.",
		All | Alerter, false,
		webURL(func(c *Config) *string { return &c.SMSURL }),
	},
	{
		"sms_from", "NUMBER", "",
		"Sender of such messages, as the gateway wants it: tel:22012.",
		All | Alerter, false,
		text(func(c *Config) *string { return &c.SMSFrom }),
	},
	{
		"sms_key_file", "FILE", "",
		"File with the gateway's API_KEY.",
		All | Alerter, false,
		text(func(c *Config) *string { return &c.SMSKeyFile }),
	},
	{
		"sms_secret_file", "FILE", "",
		"File with the gateway's API_SECRET.",
		All | Alerter, false,
		text(func(c *Config) *string { return &c.SMSSecretFile }),
	},
	{
		"context_broker_url", "URL", "",
		"NGSIv2 context broker for the action update of tenants' rules: http://orion:1026.",
		All | Alerter, false,
		webURL(func(c *Config) *string { return &c.ContextBrokerURL }),
	},
	{
		"twitter_keys_file", "FILE", "",
		"YAML file with consumer_key, consumer_secret, access_token_key and access_token_secret, for the action twitter.",
		All | Alerter, false,
		text(func(c *Config) *string { return &c.TwitterKeysFile }),
	},
	{
		"log_level", "LEVEL", "info",
		"Least severe log lines written: debug, info, warn or error.",
		All | services | Offline, false,
		level,
	},
	{
		"log_format", "FORMAT", LogText,
		"Form of the log lines on standard error: text or json.",
		All | services | Offline, false,
		oneOf(func(c *Config) *string { return &c.LogFormat }, LogText, LogJSON),
	},
	{
		"addr_file", "FILE", "",
		"File for the bound addresses and the process id, as JSON, written when serving and removed at the end.",
		All | services | Client, false,
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
