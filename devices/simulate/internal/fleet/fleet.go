// Package fleet is the simulated fleet as a whole: which devices there are, when
// each of them acts, and what it sends then. It is pure: a device's messages are
// a function of the configuration, the seed and the moment.
package fleet

import (
	"fmt"
	"time"

	"weir/devices/simulate/internal/model"
	"weir/devices/simulate/internal/scene"
)

// Tenant is whose a device is.
type Tenant struct {
	Service    string `json:"service"`
	Subservice string `json:"subservice"`
}

// String returns "service/subservice".
func (t Tenant) String() string { return t.Service + "/" + t.Subservice }

// Config says which fleet.
type Config struct {
	Seed      uint64
	Prefix    string   // before the devices' names
	Tenants   []Tenant // the devices are dealt out to them in turn; at least one
	Nodes     int      // SPORE nodes
	Proplets  int
	Tasks     int // of each proplet
	Boards    int
	DataNodes int

	Plan      scene.Plan
	Malformed float64       // share of the messages that are malformed
	Losses    float64       // connections that a device on Wi-Fi loses in an hour
	TimeOfDay time.Duration // at which the simulated day begins
	Began     time.Time     // the real time of that
	Speed     float64       // simulated seconds in a real one
}

// Kind is a kind of message.
type Kind string

// The kinds of messages.
const (
	KindNode    Kind = "node"         // of a SPORE node, in the gateway's shape
	KindESP8266 Kind = "node-esp8266" // of a SPORE node, in its own shape
	KindCreate  Kind = "create"       // a proplet registers
	KindAlive   Kind = "alive"        // a proplet's heartbeat
	KindWill    Kind = "will"         // a proplet's will
	KindProplet Kind = "proplet"      // a proplet's own metrics
	KindTask    Kind = "task"
	KindBoard   Kind = "board"
	KindHealth  Kind = "health" // of a DataMgmt node
	KindStats   Kind = "stats"  // of a DataMgmt node
)

// Message is one MQTT message.
type Message struct {
	Kind      Kind
	Topic     string
	Payload   []byte
	Malformed bool // on purpose
}

// Turn is what a device does at a moment.
type Turn struct {
	Online   bool // it has its connection, or gets it now
	Messages []Message
}

// How often devices report, as their documents say.
const (
	nodeEvery    = 10 * time.Second
	aliveEvery   = 10 * time.Second
	propletEvery = 30 * time.Second
	taskEvery    = 10 * time.Second
	BoardEvery   = 15 * time.Second
	HealthEvery  = 30 * time.Second
	statsEvery   = 30 * time.Second
	linkEvery    = 5 * time.Second // how often a connection is looked at while scenes are played
)

// Fleet is the devices, by kind.
type Fleet struct {
	Nodes     []*Node
	Proplets  []*Proplet
	Boards    []*Board
	DataNodes []*DataNode
}

// New makes a fleet.
func New(c Config) *Fleet {
	f := &Fleet{}
	for i := range c.Nodes {
		f.Nodes = append(f.Nodes, newNode(&c, i))
	}
	for i := range c.Proplets {
		f.Proplets = append(f.Proplets, newProplet(&c, i))
	}
	for i := range c.Boards {
		f.Boards = append(f.Boards, newBoard(&c, i))
	}
	for i := range c.DataNodes {
		f.DataNodes = append(f.DataNodes, newDataNode(&c, i))
	}
	return f
}

// Device is what all devices are: a name, a tenant, a connection of its own and
// beats. Use it from one goroutine at a time.
type Device struct {
	Name   string // and its MQTT client's id
	Tenant Tenant
	MQTT5  bool     // else 3.1.1
	Will   *Message // nil for none

	config    *Config
	scene     scene.Device
	clock     model.Clock
	noise     model.Noise
	keeps     bool // what it measures while it has no connection, and sends it late
	wireless  bool
	beats     []beat
	online    bool
	connected func() []Message // what it says first on a connection
	running   func() bool
	sent      int64
}

// beat is something that a device does regularly.
type beat struct {
	every, next time.Duration // simulated
	act         func(moment) []Message
}

// moment is when something is done.
type moment struct {
	elapsed time.Duration // simulated, since the begin
	tick    model.Tick
	real    time.Time
}

// The purposes of a device's noise besides those of its model and scenes.
const (
	forClock = 2000 + iota
	forPhase
	forMalformed
	forWhich
	forLoss
)

func newDevice(c *Config, kind scene.Kind, name string, count, i int) Device {
	n := model.Noise(c.Seed).Of(int(kind)).Of(i)
	return Device{
		Name: fmt.Sprintf("%s%s-%0*d", c.Prefix, name, len(fmt.Sprint(count)), i+1), Tenant: c.Tenants[i%len(c.Tenants)],
		config: c, scene: scene.Device{Kind: kind, Index: i, Noise: n}, clock: model.NewClock(n.Of(forClock)), noise: n,
		running: func() bool { return true },
	}
}

// variant deals out n variants so that two tenants, who get the devices in turn,
// have all of them.
func variant(i, n int) int { return (i + i/2) % n }

// every adds a beat, which begins at a moment of the device's own.
func (d *Device) every(interval time.Duration, act func(moment) []Message) {
	phase := time.Duration(float64(interval) * d.noise.Of(forPhase).At(int64(len(d.beats))))
	d.beats = append(d.beats, beat{interval, phase, act})
}

// look adds the beat at which nothing is done but to see whether the connection
// is still there.
func (d *Device) look() {
	if len(d.config.Plan.Scenes) > 0 {
		d.every(linkEvery, func(moment) []Message { return nil })
	}
}

// start is the simulated moment of the begin.
func (c *Config) start() model.Tick { return model.Tick(c.TimeOfDay / time.Second) }

func (d *Device) moment(elapsed time.Duration) moment {
	return moment{elapsed, d.config.start() + model.Tick(elapsed/time.Second), d.config.Real(elapsed)}
}

// Real returns the real moment of a simulated one.
func (c *Config) Real(elapsed time.Duration) time.Time {
	return c.Began.Add(time.Duration(float64(elapsed) / c.Speed))
}

// influence is what the plan does to the device.
func (d *Device) influence(at model.Tick) model.Effects {
	return d.config.Plan.Effects(&d.scene, time.Duration(at-d.config.start())*time.Second)
}

// Next returns when the device acts next, in simulated time since the begin; ok
// is false for one that never does.
func (d *Device) Next() (elapsed time.Duration, ok bool) {
	if len(d.beats) == 0 {
		return 0, false
	}
	return d.beats[d.earliest()].next, true
}

func (d *Device) earliest() int {
	first := 0
	for i := range d.beats {
		if d.beats[i].next < d.beats[first].next {
			first = i
		}
	}
	return first
}

// Act does what is due next. Call it when Next is there.
func (d *Device) Act() Turn {
	b := &d.beats[d.earliest()]
	m := d.moment(b.next)
	e := d.influence(m.tick)
	b.next += time.Duration(float64(b.every) / max(e.Haste, 1))
	messages := b.act(m) // moves the device on, whether somebody hears or not
	turn := Turn{Online: d.running() && !e.Offline && !d.lost(m.elapsed)}
	switch {
	case turn.Online && !d.online && d.connected != nil:
		messages = append(d.connected(), messages...)
	case !d.running(), !turn.Online && !d.keeps:
		messages = nil
	}
	d.online = turn.Online
	for i := range messages {
		d.damage(&messages[i], e)
	}
	turn.Messages = messages
	return turn
}

// lost reports whether a device on Wi-Fi has lost its connection, which takes 10
// to 25 seconds. Each hour has as many parts as losses, and each part one; of
// less than one loss an hour, an hour has one with that probability.
func (d *Device) lost(elapsed time.Duration) bool {
	if !d.wireless || d.config.Losses <= 0 {
		return false
	}
	n := d.noise.Of(forLoss)
	slot := time.Duration(float64(time.Hour) / max(d.config.Losses, 1))
	k := int64(elapsed / slot)
	if n.At(3*k) >= min(d.config.Losses, 1) {
		return false
	}
	length := min(time.Duration(n.Between(3*k+1, 10, 25)*float64(time.Second)), slot/2)
	begin := time.Duration(n.At(3*k+2) * float64(slot-length))
	return elapsed%slot >= begin && elapsed%slot < begin+length
}
