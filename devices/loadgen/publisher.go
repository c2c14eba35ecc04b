package loadgen

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"weir/devices/internal/packet"
)

// publisher is one of a Numbered's connections. A single goroutine does all its
// work: connect, resume, then read and publish in turn, until the connection
// breaks and it begins again.
type publisher struct {
	config       NumberedConfig
	pace         pace
	start        time.Time
	topic        string
	session      session
	report       Report
	lastError    error // of the latest connection, nil while one holds
	acknowledged atomic.Uint64
	drained      chan struct{} // closed by drain, to end a back-off's wait

	mu       sync.Mutex // orders drain before or after the setting of a deadline
	draining bool
	wire     *wire // nil without a connection
}

func newPublisher(c NumberedConfig, i int, start time.Time) *publisher {
	return &publisher{
		config:  c,
		pace:    pace{rate: c.Rate, client: i, clients: c.Connections},
		start:   start,
		topic:   taskTopic(c.Service, c.Subservice),
		session: session{version: c.Version, qos: c.QoS},
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
	return p.draining && p.session.inFlight() == 0
}

func (p *publisher) wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	drained := p.drained
	if p.session.inFlight() > 0 {
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
		p.wire.conn.SetReadDeadline(time.Unix(1, 0))
	}
}

func (p *publisher) connect(ctx context.Context) (*wire, packet.Connack, error) {
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
func (p *publisher) serve(ctx context.Context, w *wire, answer packet.Connack) error {
	p.hold(w)
	defer p.hold(nil)
	defer w.conn.Close()
	defer context.AfterFunc(ctx, func() { w.conn.Close() })()
	p.report.Connects++
	if p.config.Version == packet.V5 && !answer.SessionPresent {
		p.report.Abandoned = append(p.report.Abandoned, p.session.abandon()...)
	}
	p.report.Retransmitted += len(p.session.flights)
	out := p.session.resume(nil)
	window := min(p.config.Window, int(answer.ReceiveMaximum))
	for {
		var err error
		if out, err = p.receive(w, out); err != nil {
			return err
		}
		var done bool
		if out, done = p.fill(out, window); done {
			_, _ = w.conn.Write(packet.AppendDisconnect(out)) // all is settled, whatever comes of it
			return nil
		}
		if len(out) > 0 {
			if _, err := w.conn.Write(out); err != nil {
				return err
			}
			out = out[:0]
		}
		if err := w.read(); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
	}
}

func (p *publisher) hold(w *wire) {
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
	for !p.draining && p.session.inFlight() < window {
		if p.config.Rate > 0 {
			due := p.start.Add(time.Duration(p.pace.due(p.session.number)))
			if time.Until(due) > 0 {
				deadline = due
				break
			}
		}
		out = p.session.publish(out, p.topic, p.payload)
	}
	p.wire.conn.SetReadDeadline(deadline)
	return out, p.draining && p.session.inFlight() == 0
}

// receive takes in everything that is buffered and appends the answers.
func (p *publisher) receive(w *wire, out []byte) ([]byte, error) {
	for {
		k, ok, err := w.cut()
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
	out, o, err := p.session.ack(out, k.Type, a)
	switch {
	case err != nil:
		return out, p.fault(err)
	case o.number == 0:
	case o.rejected:
		p.report.Rejected = append(p.report.Rejected, o.number)
	default:
		p.report.Acknowledged = append(p.report.Acknowledged, o.number)
		p.acknowledged.Add(1)
	}
	return out, nil
}

func (p *publisher) fault(err error) error {
	p.report.Faults = append(p.report.Faults, err.Error())
	return fmt.Errorf("against the standard: %w", err)
}

func (p *publisher) payload(number uint64) []byte {
	return taskMetrics(p.report.Task, p.config.Name+"-proplet", number)
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
