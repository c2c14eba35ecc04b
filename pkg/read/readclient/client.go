// Package readclient adapts nats.go: it asks aggregators by the read port, and
// ingests by their own subjects, in the types of the schema.
package readclient

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"weir/pkg/schema"
	"weir/pkg/schema/wire"
)

// How long an answer may take where the caller's context does not end before.
const (
	ReadTimeout = 10 * time.Second
	// A reset and a replay wait for the journal and for the fold.
	ChangeTimeout = 30 * time.Second
	// History may be long.
	HistoryTimeout = 2 * time.Minute
	// CheckTimeout bounds a health check: who polls health wants its answer
	// within a second.
	CheckTimeout = 800 * time.Millisecond
	// connectionCheck is how often who waits for an answer looks whether its
	// connection is the one that it asked over.
	connectionCheck = 250 * time.Millisecond
)

// journalStream is the name of a partition's journal, less the partition.
const journalStream = "WEIR_JOURNAL_"

// Client asks the services of one partition. Its methods may be called
// concurrently. Besides the errors of errors.go they return the context's.
type Client struct {
	nc        *nats.Conn
	js        jetstream.JetStream
	partition int
	header    nats.Header // of requests whose answers are streamed; nil for none
}

// New returns a client over a connection, which stays the caller's.
func New(nc *nats.Conn, partition int) (*Client, error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, fmt.Errorf("use JetStream: %w", err)
	}
	return &Client{nc: nc, js: js, partition: partition}, nil
}

// ForRules returns the client for who evaluates rules: its questions about history
// do not wait for anybody else's.
func (c *Client) ForRules() *Client {
	of := *c
	of.header = nats.Header{schema.RulesHeader: {"1"}}
	return &of
}

// Sources calls visit with each source that the request selects, in ascending
// order of tenant, kind and id; with At, as it was at that moment. The source is
// visit's to keep.
func (c *Client) Sources(ctx context.Context, req schema.SourcesRequest, visit func(*schema.Source)) error {
	endpoint, timeout := schema.ReadSources, ReadTimeout
	if req.At != 0 {
		endpoint, timeout = schema.ReadSourcesAt, historyTimeout(ctx, &req.TimeoutMS)
	}
	return c.stream(ctx, timeout, endpoint, req, nil, func(r *wire.Reader) {
		s := new(schema.Source)
		if s.ReadBinary(r); r.Err() == nil {
			visit(s)
		}
	})
}

// Tenants returns what the fold counts of each tenant.
func (c *Client) Tenants(ctx context.Context) ([]schema.TenantState, error) {
	return c.tenants(ctx, ReadTimeout, schema.ReadTenants)
}

// Reset sets the tenants' counters to 0 and returns what they were just before.
// After ErrLate or ErrBroken it may have happened all the same.
func (c *Client) Reset(ctx context.Context) ([]schema.TenantState, error) {
	return c.tenants(ctx, ChangeTimeout, schema.ReadReset)
}

func (c *Client) tenants(ctx context.Context, timeout time.Duration, endpoint string) (tenants []schema.TenantState, err error) {
	var cursor uint64
	err = c.stream(ctx, timeout, endpoint, nil, &cursor, func(r *wire.Reader) {
		tenants = append(tenants, schema.TenantState{})
		tenants[len(tenants)-1].ReadBinary(r)
	})
	return tenants, err
}

// DeadLetters returns a page of dead letters, newest first, and how many there
// are.
func (c *Client) DeadLetters(ctx context.Context, req schema.DeadLettersRequest) (letters []schema.DeadLetter, total uint64, err error) {
	err = c.stream(ctx, ReadTimeout, schema.ReadDeadLetters, req, &total, func(r *wire.Reader) {
		letters = append(letters, schema.DeadLetter{})
		letters[len(letters)-1].ReadBinary(r)
	})
	return letters, total, err
}

// Accounting returns what became of the tenants' events.
func (c *Client) Accounting(ctx context.Context) (a schema.Accounting, err error) {
	return a, c.ask(ctx, ReadTimeout, aggregator, c.subject(schema.ReadAccounting), nil, &a)
}

// AggregatorHealth returns how the aggregator does, within CheckTimeout.
func (c *Client) AggregatorHealth(ctx context.Context) (h schema.AggregatorHealth, err error) {
	return h, c.ask(ctx, CheckTimeout, aggregator, c.subject(schema.ReadHealth), nil, &h)
}

// IngestHealth returns how an ingest does, within CheckTimeout.
func (c *Client) IngestHealth(ctx context.Context) (h schema.IngestHealth, err error) {
	return h, c.ask(ctx, CheckTimeout, ingest, schema.IngestHealthSubject, nil, &h)
}

// Replay puts a dead letter in again.
func (c *Client) Replay(ctx context.Context, d *schema.DeadLetter) (a schema.ReplayAnswer, err error) {
	return a, c.ask(ctx, ChangeTimeout, ingest, schema.IngestReplaySubject, d.AppendBinary(nil), &a)
}

// CheckJournal returns nil if the partition's journal answers within
// CheckTimeout.
func (c *Client) CheckJournal(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, CheckTimeout)
	defer cancel()
	if !c.nc.IsConnected() {
		return fmt.Errorf("reach the journal: %w", nats.ErrDisconnected)
	}
	name := journalStream + strconv.Itoa(c.partition)
	if _, err := c.js.Stream(ctx, name); err != nil {
		return fmt.Errorf("reach the journal %s: %w", name, err)
	}
	return nil
}

func (c *Client) subject(endpoint string) string {
	return schema.ReadPortSubject(c.partition, endpoint)
}

// ask sends a request and reads its JSON answer.
func (c *Client) ask(ctx context.Context, timeout time.Duration, p peer, subject string, data []byte, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if !c.nc.IsConnected() {
		return p.absent
	}
	m, err := c.nc.RequestWithContext(ctx, subject, data)
	if err != nil {
		return p.explain(err)
	}
	if err := refusal(m); err != nil {
		return err
	}
	if err := json.Unmarshal(m.Data, answer); err != nil {
		return fmt.Errorf("ask the %s: %w: %w", p.name, ErrBroken, err)
	}
	return nil
}
