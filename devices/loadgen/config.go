package loadgen

import (
	"errors"
	"fmt"
	"math"
	"net/url"
	"time"

	"weir/devices/internal/packet"
)

// Kind names a kind of payload.
type Kind string

// The kinds of payloads.
const (
	// Task is a task's metrics as the Go proplet sends them (dialect D1), about
	// 290 bytes, on m/{service}/c/{subservice}/control/proplet/task_metrics.
	Task Kind = "task"
	// Proplet is a proplet's own metrics, about 360 bytes, on
	// m/{service}/c/{subservice}/control/proplet/metrics.
	Proplet Kind = "proplet"
	// Spore is a SPORE node's resources, about 560 bytes, on
	// spore/{service}/{subservice}/{hostname}/resources.
	Spore Kind = "spore"
	// Bad is a task's metrics cut off in the middle.
	Bad Kind = "bad"
)

// MaxWindow is the largest number of events that a client may have in flight.
const MaxWindow = 65535

// Config says what Run does. Only Addr has no default.
type Config struct {
	Addr     string // host:port of the broker
	Version  byte   // 4 is MQTT 3.1.1, the default; 5 is MQTT 5
	Username string
	Password string

	Clients int  // connections; 1 by default
	Window  int  // events in flight of each client; 64 by default
	QoS     byte // 0 (the zero value), 1 or 2

	// Rate is in events a second over all clients. They are then due at fixed
	// times, whatever the server does; Window should be large enough not to
	// hold them back. 0 sends as fast as the window allows.
	Rate float64

	// Warmup is how long events are sent before they count in Rate, Latency
	// and Lateness of the Result. It is a part of Duration, or comes before
	// the end of Events.
	Warmup   time.Duration
	Duration time.Duration // 0: until Events were sent
	Events   uint64        // over all clients; 0: until Duration is over

	// Drain is how long Run waits, after the end of Duration, for what is still
	// in flight, and after the end of the load for the probes still unseen; 30 s
	// by default.
	Drain time.Duration

	// ProbeURL is the base URL of the server's internal HTTP listener. If it is
	// set, one more client, ClientID-probe, publishes at QoS 1 about 20 times a
	// second, while the load runs and after its warm-up, metrics of a task of
	// its own; and the time is measured until GET /tasks/{id}/metrics shows
	// them. "" does not.
	ProbeURL string

	Payload        Kind   // Task by default
	MalformedEvery int    // every so many-th event of a client is malformed; 0: none
	Sources        int    // distinct tasks, proplets or nodes; 1 by default
	Service        string // the tenant's; "bench" by default
	Subservice     string // "load" by default
	ClientID       string // what the clients' ids begin with; "loadgen" by default
	Seed           uint64 // two runs of one seed send the same values, but for times
}

// complete returns the configuration with its defaults filled in, or an
// ErrConfig that lists all its faults.
func (c Config) complete() (Config, error) {
	setDefault(&c.Version, packet.V311)
	setDefault(&c.Clients, 1)
	setDefault(&c.Window, 64)
	setDefault(&c.Sources, 1)
	setDefault(&c.Payload, Task)
	setDefault(&c.Service, "bench")
	setDefault(&c.Subservice, "load")
	setDefault(&c.ClientID, "loadgen")
	setDefault(&c.Drain, 30*time.Second)
	var faults []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Errorf("%w: "+format, append([]any{ErrConfig}, args...)...))
		}
	}
	check(c.Addr != "", "no address")
	check(c.Version == packet.V311 || c.Version == packet.V5, "version %d is neither 4 nor 5", c.Version)
	check(c.QoS <= 2, "QoS %d is not 0, 1 or 2", c.QoS)
	check(c.Clients > 0, "%d clients", c.Clients)
	check(c.Window > 0 && c.Window <= MaxWindow, "a window of %d is not between 1 and %d", c.Window, MaxWindow)
	check(c.Sources > 0, "%d sources", c.Sources)
	check(c.Rate >= 0 && !math.IsInf(c.Rate, 0), "a rate of %v events/s", c.Rate)
	check(c.MalformedEvery >= 0, "every %d-th event malformed", c.MalformedEvery)
	check(c.Duration > 0 || c.Events > 0, "neither a duration nor a number of events")
	check(c.Duration >= 0 && c.Warmup >= 0 && c.Drain >= 0, "a time below zero")
	check(c.Duration == 0 || c.Warmup < c.Duration, "a warm-up of %v leaves nothing of %v", c.Warmup, c.Duration)
	check(c.ProbeURL == "" || isBaseURL(c.ProbeURL), "%q is no base URL of an HTTP listener", c.ProbeURL)
	check(shapes[c.Payload].payload != "", "unknown payload %q", c.Payload)
	return c, errors.Join(faults...)
}

func isBaseURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

func setDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// share is how many of n things the i-th of a number of holders gets when they
// are dealt out in turn.
func share(n uint64, i, holders int) uint64 {
	s := n / uint64(holders)
	if uint64(i) < n%uint64(holders) {
		s++
	}
	return s
}
