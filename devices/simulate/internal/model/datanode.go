package model

import "math"

// DataNode is the state of a DataMgmt node.
type DataNode struct {
	noise  Noise
	now    Tick
	booted Tick

	total, healthy, active    int // peers
	latency                   float64
	sent, received            float64 // bytes since its start, as all that follow
	requests, errors          float64
	shares, retrieved, proved float64
	chain                     bool
}

// DataNodeReading is what a DataMgmt node says at a moment.
type DataNodeReading struct {
	Blockchain                       bool
	Network                          bool // its peer-to-peer network runs
	TotalPeers, HealthyPeers, Active int
	Bootstrap                        int
	Latency                          float64 // ms
	Sent, Received                   uint64
	Requests, Errors                 uint64
	Shares, Retrievals, Proofs       uint64
	Uptime                           int // seconds
}

// Healthy reports whether the node calls itself healthy; else it is degraded.
func (r *DataNodeReading) Healthy() bool { return r.Blockchain && r.Network }

// NewDataNode returns a node that has run for up to twenty days at start.
func NewDataNode(n Noise, start Tick) DataNode {
	d := DataNode{noise: n, now: start}
	d.booted = start - Tick(n.Of(forCharacter).Between(0, 600, float64(20*Day)))
	up := float64(start - d.booted)
	d.sent, d.received, d.requests = math.Floor(up*240), math.Floor(up*120), math.Floor(up/5)
	d.shares, d.retrieved, d.proved = math.Floor(up/90), math.Floor(up/40), math.Floor(up/30)
	d.step(start, Effects{})
	return d
}

// Advance moves the node on.
func (d *DataNode) Advance(to Tick, in Influence) {
	for d.now < to {
		d.now++
		if d.noise.Of(forReboot).At(int64(d.now)) < 1.0/float64(20*Day) {
			*d = DataNode{noise: d.noise, now: d.now, booted: d.now}
		}
		d.step(d.now, in(d.now))
	}
}

func (d *DataNode) step(at Tick, e Effects) {
	c := d.noise.Of(forCharacter)
	known := c.Between(1, 12, 18) + 4*d.noise.Of(forSlowLoad).Smooth(at, Hour)
	lost := 3 * d.noise.Of(forFastLoad).Smooth(at, 600)
	d.total = max(int(known*(1-0.95*e.Peers)), 1)
	d.healthy = max(int((known-lost)*(1-e.Peers)), 0)
	d.active = max(d.healthy-int(2*d.noise.Of(forSignal).Smooth(at, 120)), 0)
	d.latency = 6 + 6*d.noise.Of(forMemory).Smooth(at, 60) + 80*e.Peers
	d.chain = !e.Chainless
	busy := 0.3 + Daylight(at) + 2*e.Load
	d.sent += math.Floor(360 * busy * d.noise.Of(forTraffic).At(int64(at)))
	d.received += math.Floor(180 * busy * d.noise.Of(forTraffic).At(int64(at)))
	count := func(n *float64, perSecond float64, purpose int) {
		if d.noise.Of(forOther).Of(purpose).At(int64(at)) < perSecond*busy {
			*n++
		}
	}
	count(&d.requests, 0.2, 0)
	count(&d.shares, 0.012, 1)
	count(&d.retrieved, 0.025, 2)
	count(&d.proved, 0.033, 3)
	failures := 0.0005
	if e.Chainless {
		failures = 0.4
	}
	count(&d.errors, failures, 4)
}

// Reading returns what the node says.
func (d *DataNode) Reading() DataNodeReading {
	return DataNodeReading{
		Blockchain: d.chain, Network: true,
		TotalPeers: d.total, HealthyPeers: min(d.healthy, d.total), Active: min(d.active, d.healthy, d.total), Bootstrap: 2,
		Latency: round(d.latency, 1), Sent: uint64(d.sent), Received: uint64(d.received),
		Requests: uint64(d.requests), Errors: uint64(d.errors),
		Shares: uint64(d.shares), Retrievals: uint64(d.retrieved), Proofs: uint64(d.proved),
		Uptime: int(d.now - d.booted),
	}
}
