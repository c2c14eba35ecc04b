package loadgen

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"weir/devices/internal/packet"
	"weir/devices/internal/session"
	"weir/devices/internal/wire"
)

// publisher is one of a Numbered's connections. A single goroutine does all its
// work: connect, resume, then read and publish in turn, until the connection
// breaks and it begins again.
type publisher struct {
	config       NumberedConfig
	pace         pace
	start        time.Time
	topic        string
	number       uint64 // the latest that was sent
	session      *session.Session[uint64]
	report       Report
	lastError    error // of the latest connection, nil while one holds
	acknowledged atomic.Uint64
	drained      chan struct{} // closed by drain, to end a back-off's wait

	mu       sync.Mutex // orders drain before or after the setting of a deadline
	draining bool
	wire     *wire.Wire // nil without a connection
}

func newPublisher(c NumberedConfig, i int, start time.Time) *publisher {
	return &publisher{
		config:  c,
		pace:    pace{rate: c.Rate, client: i, clients: c.Connections},
		start:   start,
		topic:   taskTopic(c.Service, c.Subservice),
		session: session.New[uint64](c.Version, c.QoS),
		report:  Report{Client: fmt.Sprintf("%s-%d", c.Name, i), Task: fmt.Sprintf("%s-task-%d", c.Name, i)},
		drained: make(chan struct{}),
	}
}

// run publishes through any number of connections until everything is settled
// after drain, or ctx ends.
func (p *publisher) run(ctx context.Context) {
	backoff := p.config.MinBackoff
	for ctx.Err() == nil && !p.done() {
		w, answer, err := p.connect(ctx)
		if err == nil {
			backoff = p.config.MinBackoff
			err = p.serve(ctx, w, answer)
		}
		p.lastError = err
		if err != nil {
			p.wait(ctx, backoff)
			backoff = min(2*backoff, p.config.MaxBackoff)
		}
	}
}

// done reports whether there is nothing left to do.
func (p *publisher) done() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.draining && p.session.InFlight() == 0
}

func (p *publisher) wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	drained := p.drained
	if p.session.InFlight() > 0 {
		drained = nil // it has to connect again in any case
	}
	select {
	case <-t.C:
	case <-ctx.Done():
	case <-drained:
	}
}

// drain ends the publishing of new numbers and wakes the goroutine.
func (p *publisher) drain() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.draining {
		return
	}
	p.draining = true
	close(p.drained)
	if p.wire != nil {
		p.wire.Conn.SetReadDeadline(time.Unix(1, 0))
	}
}

func (p *publisher) connect(ctx context.Context) (*wire.Wire, packet.Connack, error) {
	addr := p.config.Addr()
	if addr == "" {
		return nil, packet.Connack{}, errors.New("the server has no address yet")
	}
	return dial(ctx, addr, packet.Connect{
		Version: p.config.Version, ClientID: p.report.Client,
		Username: p.config.Username, Password: p.config.Password,
		SessionExpiry: uint32(p.config.SessionExpiry.Seconds()),
	})
}

// serve works on one connection; nil says that everything is settled.
func (p *publisher) serve(ctx context.Context, w *wire.Wire, answer packet.Connack) error {
	p.hold(w)
	defer p.hold(nil)
	defer w.Conn.Close()
	defer context.AfterFunc(ctx, func() { w.Conn.Close() })()
	p.report.Connects++
	if p.config.Version == packet.V5 && !answer.SessionPresent {
		p.report.Abandoned = slices.AppendSeq(p.report.Abandoned, p.session.Unacknowledged())
		p.session.Abandon()
	}
	for range p.session.Unacknowledged() {
		p.report.Retransmitted++
	}
	out := p.session.Resume(nil)
	window := min(p.config.Window, int(answer.ReceiveMaximum))
	for {
		var err error
		if out, err = p.receive(w, out); err != nil {
			return err
		}
		var done bool
		if out, done = p.fill(out, window); done {
			_, _ = w.Conn.Write(packet.AppendDisconnect(out)) // all is settled, whatever comes of it
			return nil
		}
		if len(out) > 0 {
			if _, err := w.Conn.Write(out); err != nil {
				return err
			}
			out = out[:0]
		}
		if err := w.ReadMore(); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
	}
}

func (p *publisher) hold(w *wire.Wire) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wire = w
}

// fill appends the numbers that may be sent now and sets the time at which the
// next is due as the deadline of the next read. done says that nothing is to be
// sent or awaited any more.
func (p *publisher) fill(out []byte, window int) (_ []byte, done bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	deadline := time.Time{}
	for !p.draining && p.session.InFlight() < window {
		if p.config.Rate > 0 {
			due := p.start.Add(time.Duration(p.pace.due(p.number)))
			if time.Until(due) > 0 {
				deadline = due
				break
			}
		}
		p.number++
		out = p.session.Publish(out, p.topic, taskMetrics(p.report.Task, p.config.Name+"-proplet", p.number), p.number)
	}
	p.wire.Conn.SetReadDeadline(deadline)
	return out, p.draining && p.session.InFlight() == 0
}

// receive takes in everything that is buffered and appends the answers.
func (p *publisher) receive(w *wire.Wire, out []byte) ([]byte, error) {
	for {
		k, ok, err := w.Cut()
		if !ok || err != nil {
			return out, err
		}
		switch k.Type {
		case packet.PUBACK, packet.PUBREC, packet.PUBCOMP:
			if out, err = p.ack(out, k); err != nil {
				return out, err
			}
		case packet.DISCONNECT:
			return out, errors.New("the server said DISCONNECT")
		default:
			return out, p.fault(fmt.Errorf("unexpected %v", k.Type))
		}
	}
}

func (p *publisher) ack(out []byte, k packet.Packet) ([]byte, error) {
	a, err := k.Ack()
	if err != nil {
		return out, err
	}
	out, number, err := p.session.Ack(out, k.Type, a)
	switch {
	case err != nil:
		return out, p.fault(err)
	case number == nil:
	case a.Refused():
		p.report.Rejected = append(p.report.Rejected, *number)
	default:
		p.report.Acknowledged = append(p.report.Acknowledged, *number)
		p.acknowledged.Add(1)
	}
	return out, nil
}

func (p *publisher) fault(err error) error {
	p.report.Faults = append(p.report.Faults, err.Error())
	return fmt.Errorf("against the standard: %w", err)
}

// taskTopic is the topic of a tenant's task metrics.
func taskTopic(service, subservice string) string {
	return fmt.Sprintf("m/%s/c/%s/control/proplet/task_metrics", service, subservice)
}

// taskMetrics is a task's metrics, of now, that hold the number.
func taskMetrics(task, proplet string, number uint64) []byte {
	return fmt.Appendf(nil, `{"task_id":"%s","proplet_id":"%s","metrics":{"cpu_percent":12.25,"memory_bytes":%d,"memory_percent":0.4,`+
		`"disk_read_bytes":0,"disk_write_bytes":0,"network_rx_bytes":10,"network_tx_bytes":20,"uptime_seconds":%d,"thread_count":3,"timestamp":"%s"}}`,
		task, proplet, number, number, time.Now().UTC().Format(time.RFC3339Nano))
}
