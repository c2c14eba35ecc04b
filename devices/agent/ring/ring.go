package ring

// Ring keeps the latest samples of a task, in the order in which they came. The
// zero value keeps none.
type Ring struct {
	samples []Sample
	next    int // the place of the oldest, once the ring is full
	size    int
}

// New returns an empty ring that keeps at most size samples. It takes memory
// only for those that it has.
func New(size int) *Ring { return &Ring{size: max(size, 0)} }

// Add keeps a sample, in the place of the oldest if the ring is full.
func (r *Ring) Add(s Sample) {
	switch {
	case r.size == 0:
	case len(r.samples) < r.size:
		r.samples = append(r.samples, s)
	default:
		r.samples[r.next] = s
		r.next = (r.next + 1) % r.size
	}
}

// Len returns how many samples are kept.
func (r *Ring) Len() int { return len(r.samples) }

// Each calls f with every sample kept, the oldest first.
func (r *Ring) Each(f func(*Sample)) {
	for i := range r.samples {
		f(&r.samples[(r.next+i)%len(r.samples)])
	}
}

// Latest appends the latest n samples to dst, the oldest of them first.
func (r *Ring) Latest(dst []Sample, n int) []Sample {
	skip := max(len(r.samples)-n, 0)
	r.Each(func(s *Sample) {
		if skip > 0 {
			skip--
			return
		}
		dst = append(dst, *s)
	})
	return dst
}

// Aggregates are computed over the samples that a ring keeps, as Propeller's
// monitoring document says: averages and peaks of CPU and memory, and by how
// much the counters grew from the first sample to the last, 0 if one fell.
type Aggregates struct {
	Missing Fields // what no sample has

	AvgCPUUsage    float64
	MaxCPUUsage    float64
	AvgMemoryUsage uint64
	MaxMemoryUsage uint64
	TotalDiskRead  uint64
	TotalDiskWrite uint64
	TotalNetworkRx uint64
	TotalNetworkTx uint64
	SampleCount    int
}

// Aggregates computes them. It returns false if the ring is empty: then there
// is nothing to aggregate.
func (r *Ring) Aggregates() (Aggregates, bool) {
	if len(r.samples) == 0 {
		return Aggregates{}, false
	}
	a := Aggregates{Missing: All, SampleCount: len(r.samples)}
	var cpu, memory mean
	var diskRead, diskWrite, networkRx, networkTx growth
	r.Each(func(s *Sample) {
		a.Missing &= s.Missing
		if !s.Missing.Has(CPU) {
			cpu.add(s.CPUPercent)
			a.MaxCPUUsage = max(a.MaxCPUUsage, s.CPUPercent)
		}
		if !s.Missing.Has(Memory) {
			memory.add(float64(s.MemoryBytes))
			a.MaxMemoryUsage = max(a.MaxMemoryUsage, s.MemoryBytes)
		}
		if !s.Missing.Has(DiskIO) {
			diskRead.add(s.DiskReadBytes)
			diskWrite.add(s.DiskWriteBytes)
		}
		if !s.Missing.Has(NetworkIO) {
			networkRx.add(s.NetworkRxBytes)
			networkTx.add(s.NetworkTxBytes)
		}
	})
	a.AvgCPUUsage, a.AvgMemoryUsage = cpu.value(), uint64(memory.value())
	a.TotalDiskRead, a.TotalDiskWrite = diskRead.value(), diskWrite.value()
	a.TotalNetworkRx, a.TotalNetworkTx = networkRx.value(), networkTx.value()
	return a, true
}

type mean struct {
	sum float64
	n   int
}

func (m *mean) add(v float64) { m.sum, m.n = m.sum+v, m.n+1 }

func (m *mean) value() float64 {
	if m.n == 0 {
		return 0
	}
	return m.sum / float64(m.n)
}

// growth is by how much the last value exceeds the first.
type growth struct {
	first, last uint64
	begun       bool
}

func (g *growth) add(v uint64) {
	if !g.begun {
		g.first, g.begun = v, true
	}
	g.last = v
}

func (g *growth) value() uint64 {
	if g.last < g.first {
		return 0
	}
	return g.last - g.first
}
