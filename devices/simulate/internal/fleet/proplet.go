package fleet

import (
	"fmt"
	"time"

	"weir/devices/simulate/internal/model"
	"weir/devices/simulate/internal/payload"
	"weir/devices/simulate/internal/scene"
)

// Proplet is a proplet with its tasks.
type Proplet struct {
	Device
	Dialect payload.Dialect

	state model.Proplet
	base  string // of its topics
}

// dialectMix: four in ten are Go's, three today's Rust's, two the document's,
// one is embedded.
var dialectMix = [...]payload.Dialect{
	payload.D1, payload.D2, payload.D0, payload.D3, payload.D1, payload.D2, payload.D1, payload.D0, payload.D2, payload.D1,
}

func newProplet(c *Config, i int) *Proplet {
	p := &Proplet{Device: newDevice(c, scene.Proplet, "proplet", c.Proplets, i), Dialect: dialectMix[i%len(dialectMix)]}
	p.base = fmt.Sprintf("m/%s/c/%s/", p.Tenant.Service, p.Tenant.Subservice)
	p.keeps = !p.Dialect.Embedded()
	p.state = model.NewProplet(c.Tasks, p.noise, c.start())
	p.Will = &Message{Kind: KindWill, Topic: p.base + "control/proplet/alive", Payload: payload.Will(p.Dialect, p.Name)}
	p.connected = func() []Message {
		return []Message{{Kind: KindCreate, Topic: p.base + "control/proplet/create", Payload: payload.Create(p.Dialect, p.Name, p.Tenant.Subservice)}}
	}
	p.every(aliveEvery, p.alive)
	if p.Dialect.HasOwn() {
		p.every(propletEvery, p.own)
	}
	for t := range p.state.Tasks {
		p.every(taskEvery, func(m moment) []Message { return p.task(t, m) })
	}
	p.look()
	return p
}

// alive is not kept while there is no connection: it would not be true later.
func (p *Proplet) alive(m moment) []Message {
	if p.influence(m.tick).Offline {
		return nil
	}
	return []Message{{Kind: KindAlive, Topic: p.base + "control/proplet/alive", Payload: payload.Alive(p.Name)}}
}

func (p *Proplet) own(m moment) []Message {
	p.state.Advance(m.tick, p.influence)
	r := p.state.Reading()
	return []Message{{Kind: KindProplet, Topic: p.base + "control/proplet/metrics", Payload: payload.Proplet(p.Dialect, p.Name, &r, p.says(m))}}
}

func (p *Proplet) task(i int, m moment) []Message {
	p.state.Advance(m.tick, p.influence)
	t := &p.state.Tasks[i]
	s := t.Sample()
	a := t.Retain(s)
	id := fmt.Sprintf("%s-%s-%d", p.Name, t.Kind, i+1)
	if t.Kind == model.TaskBatch {
		id += fmt.Sprintf("-run-%d", t.Run)
	}
	body := payload.Task(p.Dialect, id, p.Name, &s, &a, p.says(m), p.uptime())
	return []Message{{Kind: KindTask, Topic: p.base + p.Dialect.TaskTopic(), Payload: body}}
}

func (p *Proplet) uptime() time.Duration { return time.Duration(p.state.Uptime()) * time.Second }

func (p *Proplet) says(m moment) time.Time { return p.clock.Says(m.real, m.elapsed, p.uptime()) }
