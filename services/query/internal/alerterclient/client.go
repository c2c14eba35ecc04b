// Package alerterclient asks the alerter, and passes requests on to it.
package alerterclient

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"weir/pkg/natshttp"
	"weir/pkg/read/ruleview"
	"weir/pkg/schema"
)

// How long the alerter may take where the caller's context does not end before.
const (
	// ProxyTimeout is for requests that are passed on.
	ProxyTimeout = 30 * time.Second
	// AskTimeout is for what this service itself asks.
	AskTimeout = 10 * time.Second
	// CheckTimeout bounds a health check, as the other services' are bounded.
	CheckTimeout = 800 * time.Millisecond
)

// ErrAbsent means that nobody listens where the alerter should, or that NATS
// itself cannot be reached.
var ErrAbsent = errors.New("the alerter does not answer")

// ErrLate means that the alerter did not answer within the time there was.
var ErrLate = errors.New("the alerter did not answer in time")

// ErrBroken means that what it answered cannot be understood.
var ErrBroken = errors.New("the alerter's answer is broken")

// Client asks the alerter. Its methods may be called concurrently.
type Client struct {
	http.Handler // passes requests on
	nc           *nats.Conn
	transport    *natshttp.Transport
	seen         atomic.Bool
}

// New returns a client over a connection, which stays the caller's.
func New(nc *nats.Conn) *Client {
	return &Client{
		nc: nc, transport: natshttp.NewTransport(nc, schema.AlerterHTTPSubject),
		Handler: natshttp.Proxy(nc, schema.AlerterHTTPSubject, "alerter", ProxyTimeout),
	}
}

// Health returns how the alerter does, within CheckTimeout.
func (c *Client) Health(ctx context.Context) (h schema.AlerterHealth, err error) {
	ctx, cancel := context.WithTimeout(ctx, CheckTimeout)
	defer cancel()
	if !c.nc.IsConnected() {
		return h, ErrAbsent
	}
	m, err := c.nc.RequestWithContext(ctx, schema.AlerterHealthSubject, nil)
	switch {
	case errors.Is(err, nats.ErrNoResponders):
		return h, ErrAbsent
	case err != nil:
		return h, explain(err)
	}
	if err := json.Unmarshal(m.Data, &h); err != nil {
		return h, fmt.Errorf("%w: %w", ErrBroken, err)
	}
	c.seen.Store(true)
	return h, nil
}

// Seen reports whether the alerter ever answered: it then belongs to the
// deployment.
func (c *Client) Seen() bool { return c.seen.Load() }

// Rules returns all groups of rules, with the alerts of all tenants.
func (c *Client) Rules(ctx context.Context) (all []ruleview.RuleGroup, err error) {
	return all, c.ask(ctx, schema.AlerterRulesPath, nil, &all)
}

// Alerts returns all pending and firing alerts, of all tenants.
func (c *Client) Alerts(ctx context.Context) (all []ruleview.Alert, err error) {
	return all, c.ask(ctx, schema.AlerterAlertsPath, nil, &all)
}

// Firings returns when which alerts began to fire, after from and not after to,
// unix milliseconds.
func (c *Client) Firings(ctx context.Context, from, to int64) (all []schema.AlertTransition, err error) {
	times := url.Values{"from": {strconv.FormatInt(from, 10)}, "to": {strconv.FormatInt(to, 10)}}
	return all, c.ask(ctx, schema.AlerterTransitionsPath, times, &all)
}

// maxAnswer bounds an answer, in bytes.
const maxAnswer = 256 << 20

// ask gets a JSON document.
func (c *Client) ask(ctx context.Context, path string, query url.Values, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, AskTimeout)
	defer cancel()
	r := (&http.Request{Method: http.MethodGet, URL: &url.URL{Path: path, RawQuery: query.Encode()}, Header: http.Header{}}).WithContext(ctx)
	resp, err := c.transport.RoundTrip(r)
	if err != nil {
		return explain(err)
	}
	defer resp.Body.Close()
	c.seen.Store(true)
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1000)) // what there is of it
		return fmt.Errorf("%w: %s: %s", ErrBroken, resp.Status, text)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return explain(err)
	}
	if err := json.Unmarshal(body, answer); err != nil {
		return fmt.Errorf("%w: %w", ErrBroken, err)
	}
	return nil
}

// explain turns an error of an exchange into one of ours.
func explain(err error) error {
	switch {
	case errors.Is(err, natshttp.ErrNobody):
		return ErrAbsent
	case errors.Is(err, context.DeadlineExceeded):
		return ErrLate
	case errors.Is(err, natshttp.ErrBroken), errors.Is(err, natshttp.ErrMalformed):
		return fmt.Errorf("%w: %w", ErrBroken, err)
	}
	return fmt.Errorf("ask the alerter: %w", err)
}
