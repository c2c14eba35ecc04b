package model

// Proplet is the state of a proplet: the process that runs tasks.
type Proplet struct {
	Tasks []Task

	noise  Noise
	now    Tick
	booted Tick

	user, system float64 // seconds of processor time since its start
	cpu          float64 // percent
	heap         float64 // bytes
}

// PropletReading is what a proplet says of its own process.
type PropletReading struct {
	User, System              float64 // seconds since its start
	CPU                       float64 // percent
	RSS                       uint64  // bytes, as all that follow
	HeapAlloc, HeapSys, InUse uint64
	HeapFree, MostAlloc       uint64 // embedded ones say these
	Container, Limit          uint64
	Uptime                    int // seconds
}

// NewProplet returns a proplet with some tasks, of each kind in turn, that has
// run for up to five days at start.
func NewProplet(tasks int, n Noise, start Tick) Proplet {
	p := Proplet{noise: n, now: start, heap: 3 << 20}
	p.booted = start - Tick(n.Of(forCharacter).Between(0, 60, float64(5*Day)))
	p.user, p.system = 0.006*float64(start-p.booted), 0.002*float64(start-p.booted)
	for i := range tasks {
		p.Tasks = append(p.Tasks, NewTask(TaskKind(i%int(taskKinds)), n.Of(forTasks).Of(i), start))
	}
	p.step(start, Effects{})
	return p
}

// Advance moves the proplet and its tasks on. It is restarted about once in
// eight days, and its tasks with it.
func (p *Proplet) Advance(to Tick, in Influence) {
	for p.now < to {
		p.now++
		if p.noise.Of(forReboot).At(int64(p.now)) < 1.0/float64(8*Day) {
			p.booted, p.user, p.system, p.heap = p.now, 0, 0, 3<<20
			for i := range p.Tasks {
				p.Tasks[i].start(p.now)
			}
		}
		p.step(p.now, in(p.now))
	}
}

func (p *Proplet) step(at Tick, e Effects) {
	p.cpu = clamp(0.4+0.8*Daylight(at)+0.8*p.noise.Of(forFastLoad).Smooth(at, 10)+30*e.Load, 0, 100)
	p.user += 0.75 * p.cpu / 100
	p.system += 0.25 * p.cpu / 100
	// A heap grows until the collector comes, every two minutes.
	p.heap = (3 + 5*float64(at%120)/120 + p.noise.Of(forMemory).Smooth(at, 600)) * (1 << 20)
	for i := range p.Tasks {
		p.Tasks[i].tick(at, e)
	}
}

// Reading returns what the proplet says of itself.
func (p *Proplet) Reading() PropletReading {
	heap := uint64(p.heap) / 8 * 8
	return PropletReading{
		User: round(p.user, 2), System: round(p.system, 2), CPU: round(p.cpu, 2),
		RSS: (heap + 18<<20) / 4096 * 4096, HeapAlloc: heap, HeapSys: 12 << 20, InUse: heap + 1<<20,
		HeapFree: 12<<20 - heap, MostAlloc: (12<<20 - heap) / 2,
		Container: (heap + 24<<20) / 4096 * 4096, Limit: 512 << 20,
		Uptime: int(p.now - p.booted),
	}
}

// Uptime returns the seconds since its start.
func (p *Proplet) Uptime() Tick { return p.now - p.booted }
