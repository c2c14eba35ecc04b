package loadgen

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"weir/devices/internal/packet"
)

// NumberedConfig says what a Numbered does. Only Addr has no default.
type NumberedConfig struct {
	// Addr returns the broker's host:port. It is called before each attempt to
	// connect, from several goroutines: a server that was started again may
	// listen elsewhere. "" is taken as "not yet".
	Addr     func() string
	Version  byte // 4 is MQTT 3.1.1, the default; 5 is MQTT 5
	Username string
	Password string

	Connections int     // each with a client id and a task of its own; 1 by default
	Window      int     // numbers in flight on each; 16 by default
	QoS         byte    // 1, the default, or 2
	Rate        float64 // numbers a second over all connections; 0: as fast as the window allows

	Service    string // the tenant's; "bench" by default
	Subservice string // "load" by default
	// Name is what the client ids and the tasks' ids begin with; they end in
	// the connection's index. "numbered" by default.
	Name string

	// MinBackoff and MaxBackoff bound the time between two attempts to connect,
	// which doubles from one to the next; 10 ms and 1 s by default.
	MinBackoff, MaxBackoff time.Duration
	// SessionExpiry is how long, in MQTT 5, the server is asked to keep the
	// session without a connection; 1 h by default.
	SessionExpiry time.Duration
}

func (c NumberedConfig) complete() (NumberedConfig, error) {
	setDefault(&c.Version, packet.V311)
	setDefault(&c.Connections, 1)
	setDefault(&c.Window, 16)
	setDefault(&c.QoS, 1)
	setDefault(&c.Service, "bench")
	setDefault(&c.Subservice, "load")
	setDefault(&c.Name, "numbered")
	setDefault(&c.MinBackoff, 10*time.Millisecond)
	setDefault(&c.MaxBackoff, time.Second)
	setDefault(&c.SessionExpiry, time.Hour)
	var faults []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Errorf("%w: "+format, append([]any{ErrConfig}, args...)...))
		}
	}
	check(c.Addr != nil, "no address")
	check(c.Version == packet.V311 || c.Version == packet.V5, "version %d is neither 4 nor 5", c.Version)
	check(c.QoS == 1 || c.QoS == 2, "QoS %d is not 1 or 2", c.QoS)
	check(c.Connections > 0, "%d connections", c.Connections)
	check(c.Window > 0 && c.Window < MaxWindow, "a window of %d is not between 1 and %d", c.Window, MaxWindow-1)
	check(c.Rate >= 0 && !math.IsInf(c.Rate, 0), "a rate of %v numbers/s", c.Rate)
	check(c.MinBackoff > 0 && c.MinBackoff <= c.MaxBackoff, "a back-off of %v to %v", c.MinBackoff, c.MaxBackoff)
	check(c.SessionExpiry >= time.Second, "a session expiry of %v", c.SessionExpiry)
	return c, errors.Join(faults...)
}

// Numbered publishes numbered task metrics and loses none: it outlives any
// number of broken connections and restarts of the server, and knows afterwards
// what the server acknowledged.
//
// On each connection the numbers are 1, 2, 3 … A number stands in its message
// as metrics.memory_bytes and as metrics.uptime_seconds of the connection's
// task. The sessions are kept over reconnections (clean session off), and what
// is unacknowledged is sent again as the standard says. In MQTT 3.1.1 that is
// so even where the server has forgotten the session, which the standard leaves
// to the client; MQTT 5 forbids it, and such numbers count as abandoned.
type Numbered struct {
	config     NumberedConfig
	publishers []*publisher
	cancel     context.CancelFunc
	wg         sync.WaitGroup
}

// StartNumbered starts publishing. Drain or Stop ends it. The error is an
// ErrConfig.
func StartNumbered(config NumberedConfig) (*Numbered, error) {
	config, err := config.complete()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	n := &Numbered{config: config, cancel: cancel}
	start := time.Now()
	for i := range config.Connections {
		p := newPublisher(config, i, start)
		n.publishers = append(n.publishers, p)
		n.wg.Go(func() { p.run(ctx) })
	}
	return n, nil
}

// Acknowledged returns how many numbers were acknowledged so far.
func (n *Numbered) Acknowledged() uint64 {
	sum := uint64(0)
	for _, p := range n.publishers {
		sum += p.acknowledged.Load()
	}
	return sum
}

// Drain sends nothing new, waits until everything in flight is settled,
// reconnecting as need be, and disconnects. When ctx ends first it stops at
// once, and the error, an ErrUnanswered, says how much was missing.
func (n *Numbered) Drain(ctx context.Context) error {
	for _, p := range n.publishers {
		p.drain()
	}
	done := make(chan struct{})
	go func() { n.wg.Wait(); close(done) }()
	select {
	case <-done:
		n.cancel()
		return nil
	case <-ctx.Done():
	}
	n.Stop()
	<-done
	missing, last := 0, error(nil)
	for _, p := range n.publishers {
		missing += p.session.InFlight()
		last = errors.Join(last, p.lastError)
	}
	if missing == 0 {
		return nil
	}
	return fmt.Errorf("%w: %d numbers of %s are in flight: %w", ErrUnanswered, missing, n.config.Name, errors.Join(ctx.Err(), last))
}

// Stop breaks all connections and waits until nothing runs any more. What is in
// flight stays unsettled.
func (n *Numbered) Stop() {
	n.cancel()
	n.wg.Wait()
}

// Reports returns what became of each connection's numbers. It may be called
// after Drain or Stop only.
func (n *Numbered) Reports() []Report {
	var reports []Report
	for _, p := range n.publishers {
		p.report.Sent = p.number
		p.report.Unsettled = slices.Collect(p.session.Unacknowledged())
		reports = append(reports, p.report)
	}
	return reports
}

// Report is what became of one connection's numbers. Each number from 1 to Sent
// is in exactly one of the four lists.
type Report struct {
	Client string // client id
	Task   string // the task's id
	Sent   uint64 // the numbers 1 to Sent were sent, once at least

	// Acknowledged is the numbers that the server has taken over, by PUBACK or
	// PUBREC, in the order of these.
	Acknowledged []uint64
	Rejected     []uint64 // those acknowledged with a reason code of failure
	// Abandoned is the numbers in flight when the server had forgotten the
	// session (MQTT 5): they may have arrived, or not.
	Abandoned []uint64
	Unsettled []uint64 // those in flight when Stop came

	Connects      int // how often it was connected
	Retransmitted int // PUBLISH packets sent with DUP
	// Faults is what the server did against the standard, such as an
	// acknowledgement of what was not in flight.
	Faults []string
}
