// Package pull is what all that fetches has in common: when it is due, how an
// HTTP answer is taken in, what is counted, and where the events go.
package pull

import (
	"context"
	"net"
	"net/netip"
	"time"

	"weir/pkg/schema"
	"weir/pkg/schema/pulltopic"
)

// Submit hands an event to the journal and returns when it is stored. It returns
// an error if ctx ends before, or if there is no journal any more.
type Submit func(ctx context.Context, e schema.Event, tenant schema.Tenant) error

// Env is what a puller works with.
type Env struct {
	Submit Submit
	Now    func() time.Time
	// Dial opens connections, as net.Dialer's DialContext does.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Resolve returns a host's addresses.
	Resolve func(ctx context.Context, host string) ([]netip.Addr, error)
	MaxBody int    // the largest body stored, in bytes
	Agent   string // for the header User-Agent
	Meter   *Meter
}

// DefaultMaxBody is the largest body stored, in bytes: with the line before it, it
// fits into the journal.
const DefaultMaxBody = 760 << 10

// Complete fills in what is not set: the machine's clock, network and resolver.
func (e Env) Complete() *Env {
	if e.Now == nil {
		e.Now = time.Now
	}
	if e.Dial == nil {
		e.Dial = new(net.Dialer).DialContext
	}
	if e.Resolve == nil {
		e.Resolve = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	if e.MaxBody <= 0 {
		e.MaxBody = DefaultMaxBody
	}
	if e.Agent == "" {
		e.Agent = "weir"
	}
	if e.Meter == nil {
		e.Meter = NewMeter(nil)
	}
	return &e
}

// Send submits what was pulled at a time from an address and counts what became
// of it.
func (e *Env) Send(ctx context.Context, t *pulltopic.Topic, address string, at time.Time, payload []byte) error {
	err := e.Submit(ctx, schema.Event{
		Topic: t.String(), Client: address, Received: at.UnixNano(), Payload: payload, Route: schema.RoutePull,
	}, t.Tenant)
	e.Meter.sent(len(payload), err)
	return err
}

// SendReport submits a report and the body behind it.
func (e *Env) SendReport(ctx context.Context, t *pulltopic.Topic, address string, at time.Time, r pulltopic.Report, body []byte) error {
	return e.Send(ctx, t, address, at, append(r.Append(make([]byte, 0, len(body)+128)), body...))
}
