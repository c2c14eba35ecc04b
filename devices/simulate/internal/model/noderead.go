package model

// NodeReading is what a SPORE node measures at a moment.
type NodeReading struct {
	MHz                  int
	CPU                  float64 // percent
	AverageCPU           float64 // percent, since boot, as the next three
	LeastCPU, MostCPU    float64
	Measurements         int
	Temperature          float64 // °C
	HasTemperature       bool
	MemoryBytes, Free    int
	LeastFree, MostAlloc int
	Fragmentation        int    // percent
	Sent, Received       uint64 // bytes since boot
	SentPackets          uint64
	ReceivedPackets      uint64
	RSSI                 int // dBm
	FlashBytes, Flash    int // there is, and in use
	Uptime               int // seconds
}

// Used returns the bytes of memory in use.
func (r *NodeReading) Used() int { return r.MemoryBytes - r.Free }

// Signal returns the quality of the signal in percent, as it is commonly made
// of its strength; the gateway's own formula is not known.
func (r *NodeReading) Signal() int { return min(max(2*(r.RSSI+100), 0), 100) }

// Reading returns what the node measures.
func (n *Node) Reading() NodeReading {
	used := int(n.flash*float64(n.Spec.FlashBytes)) / 4096 * 4096
	fragmentation := int(4 + 20*n.noise.Of(forMemory).Of(2).Smooth(n.now, 600))
	return NodeReading{
		MHz: n.Spec.MHz, CPU: round(n.load*100, 1),
		AverageCPU: round(n.loads/float64(max(n.measured, 1)), 2), LeastCPU: round(min(n.leastLoad, n.mostLoad), 1), MostCPU: round(n.mostLoad, 1),
		Measurements: n.measured,
		Temperature:  round(n.heat, 1), HasTemperature: !n.noHeat,
		MemoryBytes: n.Spec.MemoryBytes, Free: n.free(), LeastFree: n.leastFree,
		MostAlloc: n.free() * (100 - fragmentation) / 100 / 8 * 8, Fragmentation: fragmentation,
		Sent: uint64(n.sent), Received: uint64(n.received),
		SentPackets: uint64(n.sentPackets), ReceivedPackets: uint64(n.gotPackets),
		RSSI: int(n.rssi), FlashBytes: n.Spec.FlashBytes, Flash: used,
		Uptime: int(n.Uptime()),
	}
}
