package model

import "math"

// NodeSpec is what does not change about a SPORE node.
type NodeSpec struct {
	ESP8266     bool // reports itself, in the ESP8266's own shape; else as the gateway does
	MHz         int
	MemoryBytes int
	FlashBytes  int
	Firmware    string // the version that it came with
}

// Node is the state of a SPORE node: its values after a tick.
//
// Ranges: SPORE gateway, docs/monitoring-example.md: 80 to 240 MHz, 45 to 65 °C,
// 64 to 128 KB of memory, -30 to -90 dBm, 4 MB of flash.
type Node struct {
	Spec     NodeSpec
	noise    Noise
	now      Tick
	firmware string // that runs
	ordered  string // that a gateway rolled out, "" for the one it came with
	booted   Tick
	downTo   Tick // it boots until then

	load, heat                 float64 // 0 to 1, °C
	memory, flash              float64 // shares in use
	rssi                       float64
	noHeat                     bool
	sent, received             float64 // since boot, as the packets
	sentPackets, gotPackets    float64
	loads, leastLoad, mostLoad float64 // since boot: sum, least, most
	measured                   int
	leastFree                  int
}

// The purposes of a node's noise.
const (
	forCharacter = iota
	forReboot
	forSlowLoad
	forFastLoad
	forMemory
	forSignal
	forTraffic
	forTasks
	forOther
)

// Places of a node's character in its noise.
const (
	characterUptime = iota
	characterLoad
	characterMemory
	characterFlash
	characterWeak
	characterSignal
	characterPhase
)

// NewNode returns a node that has been up for up to three days at start.
func NewNode(spec NodeSpec, n Noise, start Tick) Node {
	c := n.Of(forCharacter)
	node := Node{Spec: spec, noise: n, now: start, firmware: spec.Firmware}
	node.booted = start - Tick(c.Between(characterUptime, 60, float64(3*Day)))
	node.boot(node.booted)
	up := float64(start - node.booted)
	rate := 180 * c.Between(characterLoad, 0.5, 1.5)
	node.sent, node.received = math.Floor(up*rate), math.Floor(up*rate*1.7)
	node.sentPackets, node.gotPackets = math.Floor(node.sent/100), math.Floor(node.received/100)
	node.heat = 52
	node.step(start, Effects{})
	node.measured = int(up) + 1
	node.loads = node.load * 100 * float64(node.measured)
	return node
}

// Advance moves the node on. Where it stands after it depends on the tick
// alone, not on the calls in between.
func (n *Node) Advance(to Tick, in Influence) {
	for n.now < to {
		n.now++
		n.step(n.now, in(n.now))
	}
}

// Order gives the node a firmware, as a rollout does: it boots with it at its
// next step.
func (n *Node) Order(version string) { n.ordered = version }

// Firmware returns the version that the node runs.
func (n *Node) Firmware() string { return n.firmware }

// Up reports whether the node runs; else it is booting.
func (n *Node) Up() bool { return n.now >= n.downTo }

// Uptime returns the seconds since boot.
func (n *Node) Uptime() Tick { return max(n.now-n.booted, 0) }

// wanted is the version that has to run.
func (n *Node) wanted(e Effects) string {
	switch {
	case e.Firmware != "":
		return e.Firmware
	case n.ordered != "":
		return n.ordered
	}
	return n.Spec.Firmware
}

func (n *Node) step(at Tick, e Effects) {
	if want := n.wanted(e); want != n.firmware {
		n.firmware = want
		n.restart(at)
	}
	if n.noise.Of(forReboot).At(int64(at)) < 1.0/float64(4*Day) {
		n.restart(at)
	}
	if !n.Up() {
		return
	}
	n.stepLoad(at, e)
	n.stepStorage(at, e)
	n.stepRadio(at, e)
}

// restart makes the node boot, which takes 6 to 16 seconds.
func (n *Node) restart(at Tick) {
	if !n.Up() {
		return
	}
	n.downTo = at + Tick(n.noise.Of(forReboot).Of(1).Between(int64(at), 6, 16))
	n.boot(n.downTo)
}

// boot sets what counts from the boot.
func (n *Node) boot(at Tick) {
	n.booted = at
	n.sent, n.received, n.sentPackets, n.gotPackets = 0, 0, 0, 0
	n.loads, n.leastLoad, n.mostLoad, n.measured = 0, 100, 0, 0
	n.leastFree = n.Spec.MemoryBytes
}

func (n *Node) stepLoad(at Tick, e Effects) {
	c := n.noise.Of(forCharacter)
	phase := Tick(c.Between(characterPhase, -float64(Hour), float64(Hour)))
	load := c.Between(characterLoad, 0.16, 0.40) + 0.18*Daylight(at+phase) +
		0.12*(n.noise.Of(forSlowLoad).Smooth(at, 300)-0.5) + 0.10*(n.noise.Of(forFastLoad).Smooth(at, 7)-0.5)
	if n.firmware == "1.1.0" {
		load *= 0.93 // what the release was made for
	}
	n.load = clamp(load+e.Load, 0.02, 0.995)
	// A chip takes half a minute to warm up, and is warmer in the day.
	target := 46.6 + 16*n.load + 2*Daylight(at)
	n.heat += (target - n.heat) / 30
	n.noHeat = e.NoHeat

	n.loads += n.load * 100
	n.measured++
	n.leastLoad, n.mostLoad = min(n.leastLoad, n.load*100), max(n.mostLoad, n.load*100)
	sent := (60 + 420*n.load) * n.noise.Of(forTraffic).Between(int64(at), 0.5, 1.5)
	n.sent += math.Floor(sent)
	n.received += math.Floor(sent * 1.7)
	n.sentPackets += math.Floor(1 + sent/110)
	n.gotPackets += math.Floor(1 + sent/90)
}

func (n *Node) stepStorage(at Tick, e Effects) {
	c := n.noise.Of(forCharacter)
	leak := min(float64(at-n.booted)/float64(3*Day), 1) * 0.06
	n.memory = clamp(c.Between(characterMemory, 0.36, 0.52)+0.12*n.load+0.06*n.noise.Of(forMemory).Smooth(at, 120)+leak+e.Memory, 0.1, 0.985)
	n.flash = clamp(c.Between(characterFlash, 0.25, 0.70)+0.02*n.noise.Of(forMemory).Of(1).Smooth(at, 6*Hour)+e.Flash, 0.1, 0.985)
	n.leastFree = min(n.leastFree, n.free())
}

// stepRadio: one node in thirty hangs on a distant access point, just above what
// counts as weak.
func (n *Node) stepRadio(at Tick, e Effects) {
	c := n.noise.Of(forCharacter)
	base, fade := c.Between(characterSignal, -76, -42), 6.0
	if c.At(characterWeak) < 1.0/30 {
		base, fade = c.Between(characterSignal, -83, -80), 2
	}
	n.rssi = clamp(math.Round(base+fade*(n.noise.Of(forSignal).Smooth(at, 90)-0.5)-e.Signal), -95, -30)
}

// free is in whole words of 8 bytes.
func (n *Node) free() int {
	return n.Spec.MemoryBytes - int(n.memory*float64(n.Spec.MemoryBytes))/8*8
}
