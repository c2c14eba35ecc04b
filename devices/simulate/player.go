package simulate

import (
	"context"
	"errors"
	"sync"
	"time"

	"weir/devices/internal/packet"
	"weir/devices/simulate/internal/fleet"
	"weir/devices/simulate/internal/mqtt"
)

const (
	// window is how many messages of a device are in flight.
	window = 64
	// keep is how many messages a device keeps that it cannot send.
	keep = 1000
	// The pauses between two attempts to connect.
	firstRetry = 500 * time.Millisecond
	lastRetry  = 10 * time.Second
)

// player plays a device: it waits for its moments, and does what it does then.
type player struct {
	sim    *Simulation
	client *mqtt.Client // nil for a device that only answers

	mu     sync.Mutex // guards the device, which others look at
	device *fleet.Device

	retry   time.Duration // until the next attempt to connect
	retryAt time.Time
}

func (s *Simulation) newPlayer(d *fleet.Device, publishes bool) *player {
	p := &player{sim: s, device: d}
	if !publishes {
		return p
	}
	addr, secure, err := s.config.broker()
	if err != nil {
		panic("BUG: a broker that was checked: " + err.Error())
	}
	o := mqtt.Options{
		Addr: addr, ClientID: d.Name, Username: s.config.Username, Password: s.config.Password,
		V5: d.MQTT5, QoS: s.config.QoS, Window: window, Keep: keep, Observer: s.observer,
	}
	if secure {
		o.TLS = s.config.tls(addr)
	}
	if d.Will != nil {
		o.Will = &packet.Will{Topic: d.Will.Topic, Payload: d.Will.Payload}
	}
	p.client = mqtt.New(o)
	return p
}

// run plays the device until ctx ends.
func (p *player) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		p.mu.Lock()
		next, ok := p.device.Next()
		p.mu.Unlock()
		if !ok {
			return
		}
		due := p.sim.real(next)
		timer.Reset(time.Until(due))
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		p.mu.Lock()
		turn := p.device.Act()
		p.mu.Unlock()
		p.sim.late(time.Since(due))
		if p.client != nil {
			p.do(ctx, turn)
		}
	}
}

// do does what the device does at a moment.
func (p *player) do(ctx context.Context, turn fleet.Turn) {
	switch {
	case !turn.Online:
		p.leave()
	case !p.client.Connected():
		p.connect(ctx)
	}
	if len(turn.Messages) == 0 {
		return
	}
	out := make([]mqtt.Message, len(turn.Messages))
	for i := range turn.Messages {
		m := &turn.Messages[i]
		out[i] = mqtt.Message{Topic: m.Topic, Payload: m.Payload, Tag: p.sim.ledger.tag(p.device.Tenant, m)}
	}
	p.client.Publish(out...)
	if turn.Online && p.sim.gateway != nil {
		for i := range turn.Messages {
			p.sim.gateway.Message(turn.Messages[i].Topic, turn.Messages[i].Payload)
		}
	}
}

// leave is gone without a word: the broker publishes the will.
func (p *player) leave() {
	if !p.client.Break() {
		return
	}
	if p.device.Will != nil {
		p.sim.ledger.wills[p.device.Tenant].Add(1)
	}
}

func (p *player) connect(ctx context.Context) {
	if time.Now().Before(p.retryAt) {
		return
	}
	err := p.client.Connect(ctx)
	if err == nil {
		p.retry = 0
		return
	}
	if ctx.Err() == nil {
		p.sim.failed(err)
	}
	p.retry = min(max(2*p.retry, firstRetry), lastRetry)
	p.retryAt = time.Now().Add(p.retry)
}

// finish settles what is not settled and leaves in order.
func (p *player) finish(ctx context.Context) error {
	if p.client == nil {
		return nil
	}
	err := p.client.Finish(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return errors.New("the broker did not answer in time")
	}
	return err
}
