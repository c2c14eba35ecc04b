// Package config holds weir's settings: one struct, filled in layers from
// defaults, a YAML file, the environment and the command line, all of them
// driven by one table.
package config

import (
	"log/slog"
	"time"
)

// Config is everything that can be set. A zero Config is not usable: begin with
// Default or Load.
type Config struct {
	DataDir string // holds the journal, the state and the lock

	MQTTAddr     string // host:port of the MQTT listener
	InternalAddr string // host:port of the HTTP listener with administration
	ExternalAddr string // host:port of the read-only HTTP listener
	IntakeAddr   string // host:port of the HTTP listener for what is pushed

	Users          string // file of who may publish and push, "" for none
	AllowAnonymous bool   // MQTT and pushes without users on an address that others reach
	Sources        string // file of what is fetched and mapped, "" for none
	MaxPayload     int    // bytes of one MQTT payload

	NATSURL         string // "" is the embedded server
	NATSCreds       string // credentials file for NATSURL
	JournalReplicas int    // copies of the journal in a NATS cluster

	CheckpointInterval time.Duration // how often state goes to disk
	PropletHeartbeat   time.Duration // how often proplets say that they are there
	StaleFloor         time.Duration // series end no sooner than this after their last sample
	StaleCeiling       time.Duration // and no later than this

	Rules              []string      // rule files and directories
	DefaultRules       bool          // evaluate the shipped rules too
	AlertmanagerConfig string        // "" for none
	EvaluationInterval time.Duration // of rule groups that do not say
	ExternalURL        string        // "" for the internal address
	FallbackReceiver   string        // "" for none
	FallbackAfter      time.Duration
	SMSURL             string // of the SMS gateway, "" for none
	SMSFrom            string // the sender of SMS
	SMSKeyFile         string // files of its secrets, "" for none
	SMSSecretFile      string //
	ContextBrokerURL   string // of the context broker that rules update, "" for none
	TwitterKeysFile    string // "" for none

	QueryTimeout        time.Duration // of PromQL queries, as the next five
	QueryMaxSamples     int           // that one query holds at a time
	QueryMaxConcurrency int           // queries at a time
	QueryMaxSeries      int           // of a list of series, labels or values
	QueryLookback       time.Duration // how far back a last sample is looked for
	QueryExperimental   bool          // allow experimental functions

	// The state depends on these: a store that was folded under others must be
	// rebuilt.
	Retention        time.Duration  // how long history is kept, 0 for ever
	HistoryBytes     int            // of a tenant's sealed history, 0 for no limit
	SeriesLimit      int            // of a tenant, 0 for none
	SourceLimit      int            // of a tenant, 0 for none
	Tenants          []TenantLimits // those with limits of their own
	ClockEarliest    time.Time      // a device's clock is believed from here
	ClockAhead       time.Duration  // to this far after the receipt
	DuplicateWindows int            // clients whose latest messages are remembered

	LogLevel  slog.Level
	LogFormat string // LogText or LogJSON
	AddrFile  string // where the bound addresses are written, "" for nowhere
}

// The forms of log lines.
const (
	LogText = "text"
	LogJSON = "json"
)

// Default returns the settings that hold where nothing else is said.
func Default() Config {
	var c Config
	for _, s := range Settings {
		if err := s.set(&c, s.Default); err != nil {
			panic("BUG: default of " + s.Key + ": " + err.Error())
		}
	}
	return c
}
