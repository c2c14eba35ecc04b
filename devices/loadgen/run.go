package loadgen

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"

	"weir/devices/internal/packet"
	"weir/devices/internal/wire"
	"weir/pkg/schema"
)

const (
	// dialsAtOnce is how many connections are being made at a time.
	dialsAtOnce = 64
	// progressEvery is how often Run tells its progress.
	progressEvery = 250 * time.Millisecond
)

// Run puts the load on the server and returns when everything that was sent was
// answered, or ctx has ended. progress, which may be nil, is told about the run
// every quarter of a second, and at its end.
//
// The error is an ErrConfig, an ErrRefused, an ErrBroken, an ErrUnanswered or
// ctx's; except for the first two the Result holds what was measured up to then.
// The first broken connection ends the run.
func Run(ctx context.Context, config Config, progress func(Progress)) (Result, error) {
	config, err := config.complete()
	if err != nil {
		return Result{}, err
	}
	r := &run{config: config, clock: &clock{warmup: int64(config.Warmup), end: math.MaxInt64}}
	if config.Duration > 0 {
		r.clock.end = int64(config.Duration)
	}
	defer r.close()
	if err := r.connect(ctx); err != nil {
		return Result{}, fmt.Errorf("connect %d clients to %s: %w", config.Clients, config.Addr, err)
	}
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	r.drive(ctx, fail, progress)
	return r.result(), context.Cause(ctx)
}

type run struct {
	config  Config
	clock   *clock
	clients []*client
	probe   *probe // nil without a ProbeURL
	ranOut  bool   // Duration ended it
	ended   time.Time
}

func (r *run) connect(ctx context.Context) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	r.clients = make([]*client, r.config.Clients)
	slots := make(chan struct{}, dialsAtOnce)
	var wg sync.WaitGroup
	for i := range r.clients {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			if err := r.connectOne(ctx, i); err != nil {
				fail(err)
			}
		})
	}
	if r.config.ProbeURL != "" {
		wg.Go(func() {
			if err := r.connectProbe(ctx); err != nil {
				fail(err)
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

func (r *run) connectProbe(ctx context.Context) error {
	w, _, err := r.dial(ctx, r.config.ClientID+"-probe", 1)
	if err == nil {
		r.probe = newProbe(w, &r.config, r.clock)
	}
	return err
}

// dial connects a client that wants to publish at a QoS.
func (r *run) dial(ctx context.Context, id string, qos byte) (*wire.Wire, packet.Connack, error) {
	c := &r.config
	w, answer, err := dial(ctx, c.Addr, packet.Connect{
		Version: c.Version, ClientID: id, Username: c.Username, Password: c.Password, Clean: true,
	})
	if err == nil && qos > answer.MaximumQoS {
		w.Conn.Close()
		err = fmt.Errorf("%w: it takes QoS %d at most", ErrRefused, answer.MaximumQoS)
	}
	return w, answer, err
}

func (r *run) connectOne(ctx context.Context, i int) error {
	c := &r.config
	w, answer, err := r.dial(ctx, fmt.Sprintf("%s-%d", c.ClientID, i), c.QoS)
	if err != nil {
		return err
	}
	r.clients[i] = newClient(w, c, i, r.clock)
	if c.QoS > 0 && c.Window > int(answer.ReceiveMaximum) {
		return fmt.Errorf("%w: it takes %d events in flight at most", ErrRefused, answer.ReceiveMaximum)
	}
	return nil
}

func (r *run) close() {
	if r.probe != nil {
		r.probe.Conn.Close()
	}
	for _, c := range r.clients {
		if c != nil {
			c.Conn.Close()
		}
	}
}

// drive runs the clients until all have finished or ctx has ended; fail ends
// ctx.
func (r *run) drive(ctx context.Context, fail func(error), progress func(Progress)) {
	now := time.Now()
	r.clock.start, r.clock.wall = now, now.UnixNano()
	defer context.AfterFunc(ctx, r.close)()
	done := make(chan struct{})
	var readers, others sync.WaitGroup
	for _, c := range r.clients {
		readers.Go(func() { failOn(c.run(), c, fail) })
	}
	if r.config.Rate > 0 {
		others.Go(func() {
			runPacer(r.clients, r.clock, done, func(c *client) { failOn(c.turn(nil), c, fail) })
		})
	}
	load, loaded := context.WithCancel(ctx)
	defer loaded()
	if r.probe != nil {
		others.Go(func() { r.probe.run(ctx, load, fail) })
	}
	finished := make(chan struct{})
	go func() { readers.Wait(); close(finished) }()
	r.watch(finished, progress, watchers{
		// A client whose connection takes nothing more must not hold up the
		// others' end, nor the watch.
		end: func() {
			for _, c := range r.clients {
				others.Go(func() { failOn(c.stop(), c, fail) })
			}
		},
		drained: func() { fail(fmt.Errorf("%w: %v after the end", ErrUnanswered, r.config.Drain)) },
	})
	r.ended = time.Now()
	close(done)
	loaded()
	others.Wait()
	if ctx.Err() == nil {
		r.disconnect()
	}
}

// failOn ends the run with a client's error. After the first of them the
// connections are closed and break everywhere; that tells nothing.
func failOn(err error, c *client, fail func(error)) {
	if err != nil {
		fail(fmt.Errorf("client %s-%d: %w", c.config.ClientID, c.pace.client, err))
	}
}

// watchers are what is to be done when a time is over.
type watchers struct {
	end     func() // Duration is over
	drained func() // and so is Drain
}

// watch tells progress and minds the times, until the clients have finished.
func (r *run) watch(finished <-chan struct{}, progress func(Progress), w watchers) {
	ticker := time.NewTicker(progressEvery)
	defer ticker.Stop()
	var end, drained <-chan time.Time
	if r.config.Duration > 0 {
		end = time.After(r.config.Duration)
	}
	for {
		select {
		case <-finished:
			r.tell(progress)
			return
		case <-ticker.C:
			r.tell(progress)
		case <-end:
			r.ranOut = true
			w.end()
			drained = time.After(r.config.Drain)
		case <-drained:
			w.drained()
		}
	}
}

func (r *run) tell(progress func(Progress)) {
	if progress == nil {
		return
	}
	p := Progress{Elapsed: time.Duration(r.clock.now())}
	for _, c := range r.clients {
		p.Sent += c.progress.sent.Load()
		p.Acknowledged += c.progress.acknowledged.Load()
		p.Rejected += c.progress.rejected.Load()
	}
	progress(p)
}

// disconnect says good-bye, so that the server need not count broken
// connections.
func (r *run) disconnect() {
	bye := packet.AppendDisconnect(nil)
	if r.probe != nil {
		_, _ = r.probe.Conn.Write(bye)
	}
	for _, c := range r.clients {
		_, _ = c.Conn.Write(bye) // whatever comes of it, the run is over
	}
}

// result adds up what the clients counted.
func (r *run) result() Result {
	var out Result
	var latency, lateness schema.Summary
	last := int64(0)
	for _, c := range r.clients {
		out.Sent += c.sent
		out.Acknowledged += c.acknowledged
		out.Rejected += c.rejected
		out.Bytes += c.bytes
		out.Answered += c.answered
		latency.Merge(c.latency.summary())
		lateness.Merge(c.lateness.summary())
		last = max(last, c.lastAnswer)
	}
	out.Payload = r.clients[0].stream.payload()
	out.Latency, out.Lateness = newDistribution(latency), newDistribution(lateness)
	if r.ranOut {
		last = r.clock.end
		out.Unsent = r.unsent(out.Sent)
	}
	if out.Elapsed = time.Duration(last - r.clock.warmup); out.Elapsed > 0 {
		out.Rate = float64(out.Answered) / out.Elapsed.Seconds()
	}
	out.Elapsed = max(out.Elapsed, 0)
	out.LoadEnded = r.ended
	if r.probe != nil {
		r.probe.addTo(&out)
	}
	return out
}

// unsent is how many events were due by the end and were not sent.
func (r *run) unsent(sent uint64) uint64 {
	if r.config.Rate == 0 {
		return 0
	}
	due := dueBy(r.clock.end-1, r.config.Rate)
	if r.config.Events > 0 {
		due = min(due, r.config.Events)
	}
	return due - min(due, sent)
}
