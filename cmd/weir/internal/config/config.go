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

	Users          string // file of the MQTT users, "" for none
	AllowAnonymous bool   // MQTT without users on an address that others reach
	MaxPayload     int    // bytes of one MQTT payload

	NATSURL         string // "" is the embedded server
	NATSCreds       string // credentials file for NATSURL
	JournalReplicas int    // copies of the journal in a NATS cluster

	CheckpointInterval time.Duration // how often state goes to disk
	PropletHeartbeat   time.Duration // how often proplets say that they are there

	// The state depends on these: a store that was folded under others must be
	// rebuilt.
	ReadingsPerSource int           // readings kept of each task and proplet
	ClockEarliest     time.Time     // a device's clock is believed from here
	ClockAhead        time.Duration // to this far after the receipt
	DuplicateWindows  int           // clients whose latest messages are remembered

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
