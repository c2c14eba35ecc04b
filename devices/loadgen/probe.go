package loadgen

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"weir/devices/internal/packet"
	"weir/devices/internal/session"
	"weir/devices/internal/wire"
)

const (
	// probeEvery is the time between two probes. It is no whole part of a
	// second: they must not always meet the same moment of what the server does
	// every second, such as its checkpoints.
	probeEvery = 47 * time.Millisecond
	// probePause is the least pause between two queries while a probe is unseen;
	// a longer wait is measured to a tenth of itself, so that a busy server is
	// not asked all the time.
	probePause = time.Millisecond
	// probeTimeout is how long a query may take.
	probeTimeout = 10 * time.Second
)

// probe measures how long a message takes from being published to being seen in
// a query. One goroutine publishes running numbers as a task's metrics, at fixed
// times, whether those before were seen or not; another asks for the latest
// number, which settles all up to it.
type probe struct {
	*wire.Wire
	config   *Config
	clock    *clock
	number   uint64 // the latest that was sent
	session  *session.Session[uint64]
	task     string
	query    string // URL of the task's latest metrics
	http     *http.Client
	sendings chan sending // closed when all are sent and acknowledged

	sent, acknowledged, rejected, bytes uint64
	visible                             recorder
}

// sending is a number and a moment, since the run's start.
type sending struct {
	number uint64
	at     int64
}

func newProbe(w *wire.Wire, c *Config, clock *clock) *probe {
	task := c.ClientID + "-probe"
	return &probe{
		Wire: w, config: c, clock: clock, session: session.New[uint64](c.Version, 1), task: task,
		query:    strings.TrimSuffix(c.ProbeURL, "/") + "/tasks/" + url.PathEscape(task) + "/metrics?limit=1",
		http:     &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone(), Timeout: probeTimeout},
		sendings: make(chan sending, 1+probeTimeout/probeEvery), // what is sent during the longest query
	}
}

// run probes until the measured time is over or load has ended, then waits until
// everything is acknowledged and seen. It gives up when ctx, load's parent, has
// ended; fail ends it.
func (p *probe) run(ctx, load context.Context, fail func(error)) {
	defer p.http.CloseIdleConnections()
	// A number of a former run must not be taken for one of this.
	p.number = uint64(p.clock.wall / int64(time.Microsecond))
	check := func(err error) {
		if err != nil {
			fail(fmt.Errorf("client %s: %w", p.task, err))
		}
	}
	var wg sync.WaitGroup
	wg.Go(func() { check(p.publish(load)) })
	wg.Go(func() { check(p.watch(ctx)) })
	wg.Wait()
}

// addTo adds what was counted and measured to the load's.
func (p *probe) addTo(r *Result) {
	r.Sent += p.sent
	r.Acknowledged += p.acknowledged
	r.Rejected += p.rejected
	r.Bytes += p.bytes
	r.Probes, r.Visible = p.sent, newDistribution(*p.visible.summary())
}

// publish sends the numbers and takes their acknowledgements.
func (p *probe) publish(load context.Context) error {
	defer close(p.sendings)
	for due := p.clock.warmup; load.Err() == nil && due < p.clock.end; due = max(due+int64(probeEvery), p.clock.now()) {
		err := p.receive(due, func() bool { return false })
		if err == nil && load.Err() == nil {
			err = p.send()
		}
		if err != nil {
			return fmt.Errorf("%w: %w", ErrBroken, err)
		}
	}
	settled := func() bool { return p.session.InFlight() == 0 }
	if err := p.receive(p.clock.now()+int64(p.config.Drain), settled); err != nil {
		return fmt.Errorf("%w: %w", ErrBroken, err)
	}
	if !settled() {
		return fmt.Errorf("%w: %v after the end", ErrUnanswered, p.config.Drain)
	}
	return nil
}

func (p *probe) send() error {
	at := p.clock.now()
	p.number++
	out := p.session.Publish(nil, taskTopic(p.config.Service, p.config.Subservice), taskMetrics(p.task, p.task+"-proplet", p.number), p.number)
	p.sent++
	p.bytes += uint64(len(out))
	p.sendings <- sending{p.number, at} // watch knows it before it can be seen
	_, err := p.Conn.Write(out)
	return err
}

// receive takes acknowledgements until a time, or until enough says so.
func (p *probe) receive(until int64, enough func() bool) error {
	p.Conn.SetReadDeadline(p.clock.start.Add(time.Duration(until)))
	for !enough() {
		k, err := p.Next()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
		if err != nil {
			return err
		}
		if k.Type != packet.PUBACK {
			return fmt.Errorf("unexpected %v", k.Type)
		}
		a, err := k.Ack()
		if err != nil {
			return err
		}
		if _, _, err = p.session.Ack(nil, k.Type, a); err != nil {
			return err
		}
		if a.Refused() {
			p.rejected++
			return fmt.Errorf("a probe was refused, reason code 0x%02x", a.Reason)
		}
		p.acknowledged++
	}
	return nil
}

// watch asks until all numbers were seen. A query that fails shows none.
func (p *probe) watch(ctx context.Context) error {
	var unseen []sending
	var seen sending // the latest number, and when it was seen
	var failure error
	var drained <-chan time.Time
	for sendings := p.sendings; sendings != nil || len(unseen) > 0; {
		var pause <-chan time.Time
		if len(unseen) > 0 {
			waited := time.Duration(p.clock.now() - unseen[0].at)
			pause = time.After(max(probePause, waited/10))
		}
		select {
		case s, ok := <-sendings:
			if ok {
				unseen = append(unseen, s)
			} else {
				sendings, drained = nil, time.After(p.config.Drain)
			}
		case <-pause:
			var number uint64
			if number, failure = p.ask(ctx); number > seen.number {
				seen = sending{number, p.clock.now()}
			}
		case <-drained:
			return errors.Join(fmt.Errorf("%w: %d probes, %v after the end", ErrUnseen, len(unseen), p.config.Drain), failure)
		case <-ctx.Done():
			return nil // whoever ended it says why
		}
		for len(unseen) > 0 && unseen[0].number <= seen.number {
			p.visible.add(seen.at - unseen[0].at)
			unseen = unseen[1:]
		}
	}
	return nil
}

// ask returns the latest number that the query shows, 0 if there is none.
func (p *probe) ask(ctx context.Context) (uint64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.query, nil)
	if err != nil {
		return 0, err
	}
	resp, err := p.http.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("GET %s: %s", p.query, resp.Status)
	}
	var page struct {
		Metrics []struct {
			Metrics struct {
				Number uint64 `json:"memory_bytes"`
			}
		}
	}
	if err := json.NewDecoder(resp.Body).Decode(&page); err != nil || len(page.Metrics) == 0 {
		return 0, err
	}
	return page.Metrics[0].Metrics.Number, nil
}
