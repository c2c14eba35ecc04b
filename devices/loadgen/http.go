package loadgen

import (
	"bufio"
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"weir/pkg/schema"
)

// HTTPKind names a kind of requests.
type HTTPKind string

// The kinds of requests.
const (
	// Notices is FIWARE's notifications of one entity, POST /notices.
	Notices HTTPKind = "ngsi"
	// Exposition is groups of metrics as text, POST /metrics/job/….
	Exposition HTTPKind = "exposition"
	// RemoteWrite is Prometheus' remote write, version 1, POST /api/v1/write.
	RemoteWrite HTTPKind = "remote-write"
)

// HTTPConfig says what RunHTTP does. Only Addr and Kind have no default.
type HTTPConfig struct {
	Addr     string // host:port of the HTTP listener
	Kind     HTTPKind
	Username string // with Password for HTTP Basic; "" for none
	Password string

	Clients int // connections, each with one request on its way; 1 by default
	Samples int // values in a request: 5, 20 or 500 by default, by kind
	Sources int // distinct entities, groups or instances; 1 by default

	// Warmup and Duration, Events and Drain are as in Config. An event is a request.
	Warmup   time.Duration
	Duration time.Duration
	Events   uint64
	Drain    time.Duration

	Service    string // the tenant's; "bench" by default
	Subservice string // "load" by default
}

// httpKinds are the kinds with the samples of a request.
var httpKinds = map[HTTPKind]int{Notices: 5, Exposition: 20, RemoteWrite: 500}

func (c HTTPConfig) complete() (HTTPConfig, error) {
	setDefault(&c.Clients, 1)
	setDefault(&c.Samples, httpKinds[c.Kind])
	setDefault(&c.Sources, 1)
	setDefault(&c.Service, "bench")
	setDefault(&c.Subservice, "load")
	setDefault(&c.Drain, 30*time.Second)
	var faults []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Errorf("%w: "+format, append([]any{ErrConfig}, args...)...))
		}
	}
	check(c.Addr != "", "no address")
	check(httpKinds[c.Kind] > 0, "unknown kind %q", c.Kind)
	check(c.Clients > 0 && c.Sources > 0 && c.Samples > 0 || httpKinds[c.Kind] == 0, "%d clients, %d sources, %d samples", c.Clients, c.Sources, c.Samples)
	check(c.Duration > 0 || c.Events > 0, "neither a duration nor a number of events")
	check(c.Duration >= 0 && c.Warmup >= 0 && c.Drain >= 0, "a time below zero")
	check(c.Duration == 0 || c.Warmup < c.Duration, "a warm-up of %v leaves nothing of %v", c.Warmup, c.Duration)
	return c, errors.Join(faults...)
}

// RunHTTP puts a load of requests on an HTTP server, closed loop: each connection
// stays open and sends its next request when the last one was answered. It counts
// an answer of 2xx as acknowledged, of 4xx as rejected; any other ends the run.
// progress and the error are as of Run.
func RunHTTP(ctx context.Context, config HTTPConfig, progress func(Progress)) (Result, error) {
	config, err := config.complete()
	if err != nil {
		return Result{}, err
	}
	r := &httpRun{config: config, clock: &clock{warmup: int64(config.Warmup), end: math.MaxInt64}, bodies: newBodies(&config)}
	if config.Duration > 0 {
		r.clock.end = int64(config.Duration)
	}
	defer r.close()
	for i := range config.Clients {
		if err := r.connect(ctx, i); err != nil {
			return Result{}, fmt.Errorf("connect to %s: %w", config.Addr, err)
		}
	}
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	defer context.AfterFunc(ctx, r.close)()
	r.clock.start = time.Now()
	finished := make(chan struct{})
	var running sync.WaitGroup
	for _, c := range r.clients {
		running.Go(func() {
			if err := c.run(); err != nil {
				fail(fmt.Errorf("connection %d: %w", c.number, err))
			}
		})
	}
	go func() { running.Wait(); close(finished) }()
	r.watch(finished, progress, func() { fail(fmt.Errorf("%w: %v after the end", ErrUnanswered, config.Drain)) })
	return r.result(), context.Cause(ctx)
}

// httpRun is a run of RunHTTP.
type httpRun struct {
	config  HTTPConfig
	clock   *clock
	bodies  *bodies
	clients []*httpClient
	over    time.Time
}

func (r *httpRun) connect(ctx context.Context, number int) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", r.config.Addr)
	if err != nil {
		return err
	}
	r.clients = append(r.clients, &httpClient{httpRun: r, number: number, conn: conn, in: bufio.NewReader(conn)})
	return nil
}

func (r *httpRun) close() {
	for _, c := range r.clients {
		c.conn.Close()
	}
}

// watch tells progress and minds the time after the end, until the clients have
// finished. They look at the end themselves.
func (r *httpRun) watch(finished <-chan struct{}, progress func(Progress), drained func()) {
	defer func() { r.over = time.Now() }()
	ticker := time.NewTicker(progressEvery)
	defer ticker.Stop()
	var late <-chan time.Time
	if r.config.Duration > 0 {
		late = time.After(r.config.Duration + r.config.Drain)
	}
	for {
		select {
		case <-finished:
			r.tell(progress)
			return
		case <-ticker.C:
			r.tell(progress)
		case <-late:
			drained()
		}
	}
}

func (r *httpRun) tell(progress func(Progress)) {
	if progress == nil {
		return
	}
	p := Progress{Elapsed: time.Duration(r.clock.now())}
	for _, c := range r.clients {
		p.Sent += c.sent.Load()
		p.Acknowledged += c.acknowledged.Load()
		p.Rejected += c.rejected.Load()
	}
	progress(p)
}

func (r *httpRun) result() Result {
	out := Result{Payload: r.bodies.size, LoadEnded: r.over}
	var latency schema.Summary
	last := int64(0)
	for _, c := range r.clients {
		out.Sent += c.sent.Load()
		out.Acknowledged += c.acknowledged.Load()
		out.Rejected += c.rejected.Load()
		out.Bytes += c.bytes
		out.Answered += c.answered
		latency.Merge(c.latency.summary())
		last = max(last, c.last)
	}
	out.Latency = newDistribution(latency)
	if out.Elapsed = time.Duration(min(last, r.clock.end) - r.clock.warmup); out.Elapsed > 0 {
		out.Rate = float64(out.Answered) / out.Elapsed.Seconds()
	}
	out.Elapsed = max(out.Elapsed, 0)
	return out
}

// httpClient is one connection.
type httpClient struct {
	*httpRun
	number int
	conn   net.Conn
	in     *bufio.Reader
	head   []byte
	body   []byte

	sent, acknowledged, rejected atomic.Uint64
	bytes, answered              uint64
	latency                      recorder
	last                         int64
}

// run sends requests until the time is over or the connection's share is sent.
func (c *httpClient) run() error {
	events := uint64(math.MaxUint64)
	if c.config.Events > 0 {
		events = share(c.config.Events, c.number, c.config.Clients)
	}
	for n := range events {
		if c.clock.now() >= c.clock.end {
			return nil
		}
		// The connections take turns at the sources.
		if err := c.request(uint64(c.number) + n*uint64(c.config.Clients)); err != nil {
			return fmt.Errorf("%w: %w", ErrBroken, err)
		}
	}
	return nil
}

// request sends the run's n-th request and takes its answer.
func (c *httpClient) request(n uint64) error {
	c.body = c.bodies.append(c.body[:0], n, time.Now())
	c.head = c.appendHead(c.head[:0], n)
	at := c.clock.now()
	packet := net.Buffers{c.head, c.body}
	c.sent.Add(1)
	written, err := packet.WriteTo(c.conn)
	c.bytes += uint64(written)
	if err != nil {
		return err
	}
	status, err := c.answer()
	if err != nil {
		return err
	}
	now := c.clock.now()
	c.last = now
	if at >= c.clock.warmup {
		c.latency.add(now - at)
	}
	if now >= c.clock.warmup && now <= c.clock.end {
		c.answered++
	}
	switch status / 100 {
	case 2:
		c.acknowledged.Add(1)
	case 4:
		c.rejected.Add(1)
	default:
		return fmt.Errorf("the server answered with status %d", status)
	}
	return nil
}

func (c *httpClient) appendHead(b []byte, n uint64) []byte {
	b = append(b, "POST "...)
	b = c.bodies.appendPath(b, n)
	b = append(b, " HTTP/1.1\r\nHost: "...)
	b = append(b, c.config.Addr...)
	b = append(b, "\r\nUser-Agent: weir-bench\r\n"...)
	b = append(b, c.bodies.headers...)
	if c.config.Username != "" {
		b = append(b, "Authorization: Basic "...)
		b = base64.StdEncoding.AppendEncode(b, []byte(c.config.Username+":"+c.config.Password))
		b = append(b, "\r\n"...)
	}
	b = append(b, "Content-Length: "...)
	b = strconv.AppendInt(b, int64(len(c.body)), 10)
	return append(b, "\r\n\r\n"...)
}

// answer reads an answer to its end and returns its status.
func (c *httpClient) answer() (int, error) {
	response, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return 0, err
	}
	_, err = io.Copy(io.Discard, response.Body)
	if err = cmp.Or(err, response.Body.Close()); err == nil && response.Close {
		err = errors.New("the server closes the connection")
	}
	return response.StatusCode, err
}
