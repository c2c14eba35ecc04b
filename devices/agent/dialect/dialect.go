// Package dialect writes what a proplet publishes, in each of the forms that
// Propeller's proplets have had. It is pure.
//
// Their sources: D0 is Propeller's monitoring document, D1 its Go proplet, D1r
// its Rust proplet of the same age, D2 its Rust proplet since, D3 its embedded
// proplet.
package dialect

import (
	"fmt"
	"strings"
)

// Dialect is a form of messages.
type Dialect uint8

// The dialects.
const (
	D1  Dialect = iota // cpu_percent; an RFC 3339 timestamp in metrics
	D0                 // cpu_usage_percent; another topic; microseconds
	D1r                // D1 with "+00:00" for UTC
	D2                 // no network; a timestamp of seconds and nanoseconds beside metrics
	D3                 // D2 with the milliseconds since boot for a timestamp; no disk, no descriptors
)

var names = [...]string{D1: "d1", D0: "d0", D1r: "d1r", D2: "d2", D3: "d3"}

// String returns the dialect's name.
func (d Dialect) String() string { return names[d] }

// Parse finds a dialect by its name, in any case.
func Parse(name string) (Dialect, error) {
	for d, n := range names {
		if strings.EqualFold(n, name) {
			return Dialect(d), nil
		}
	}
	return D1, fmt.Errorf("there is no dialect %q: expected d0, d1, d1r, d2 or d3", name)
}

// QoS is the quality of service with which its proplets publish.
func (d Dialect) QoS() byte {
	if d == D3 {
		return 1
	}
	return 2
}

// Message is what is published.
type Message struct {
	Topic   string
	Payload []byte
}

// Proplet is who publishes, and how.
type Proplet struct {
	Dialect   Dialect
	Domain    string
	Channel   string
	ID        string
	Namespace string
}

func (p *Proplet) control(kind string) string {
	return "m/" + p.Domain + "/c/" + p.Channel + "/control/proplet/" + kind
}

func (p *Proplet) taskTopic() string {
	if p.Dialect == D0 {
		return "m/" + p.Domain + "/c/" + p.Channel + "/metrics/proplet"
	}
	return p.control("task_metrics")
}
