package model

import "math"

// TaskKind is the kind of work that a task does.
type TaskKind uint8

// The kinds of tasks.
const (
	TaskCompute TaskKind = iota // needs the processor
	TaskServe                   // answers requests: network, threads, descriptors
	TaskStore                   // reads and writes files
	TaskBatch                   // computes for some minutes and ends; then the next one begins
	taskKinds
)

var taskNames = [taskKinds]string{"compute", "serve", "store", "batch"}

// String returns the kind's name.
func (k TaskKind) String() string { return taskNames[k] }

// historySize is how many samples a proplet retains for a task.
const historySize = 20

// Task is the state of a task on a proplet.
type Task struct {
	Kind    TaskKind
	Run     int // 1 for a task's first run, 2 for that after its restart …
	noise   Noise
	now     Tick
	started Tick
	ends    Tick // a batch's end

	cpu, memory           float64 // percent, bytes
	read, written, rx, tx float64 // since its start
	threads, descriptors  int
	history               [historySize]TaskSample
	samples               int // ever taken
}

// TaskSample is what a task uses at a moment.
type TaskSample struct {
	CPU                   float64 // percent
	Memory                uint64  // bytes
	Read, Written, Rx, Tx uint64  // bytes since its start
	Threads, Descriptors  int
	Uptime                int // seconds
}

// HostMemory is the memory of a proplet's host, in bytes.
const HostMemory = 2 << 30

// NewTask returns a task that has run for up to five hours at start.
func NewTask(kind TaskKind, n Noise, start Tick) Task {
	t := Task{Kind: kind, noise: n, now: start}
	t.start(start - Tick(n.Of(forCharacter).Between(0, 10, float64(5*Hour))))
	if kind == TaskBatch {
		t.start(start)
	}
	t.memory = t.memoryTarget()
	return t
}

// start begins another run.
func (t *Task) start(at Tick) {
	t.Run++
	t.started = at
	t.ends = at + Tick(t.noise.Of(forReboot).Between(int64(at), 600, 1800))
	t.read, t.written, t.rx, t.tx, t.samples = 0, 0, 0, 0, 0
	t.memory = 2 << 20
}

// tick moves the task on by a second.
func (t *Task) tick(at Tick, e Effects) {
	t.now = at
	if t.Kind == TaskBatch && at >= t.ends {
		t.start(at)
	}
	t.step(at, e)
}

// character is what kinds of tasks use: of the processor in percent, of memory
// in MiB, of disk and network in bytes a second.
var character = [taskKinds]struct{ cpu, memory, read, written, rx, tx float64 }{
	TaskCompute: {45, 48, 200, 100, 20, 60},
	TaskServe:   {12, 24, 50, 900, 5200, 18000},
	TaskStore:   {8, 16, 24000, 36000, 400, 300},
	TaskBatch:   {80, 64, 9000, 4000, 100, 200},
}

func (t *Task) memoryTarget() float64 {
	c := t.noise.Of(forCharacter)
	return character[t.Kind].memory * c.Between(1, 0.5, 1.5) * (1 << 20)
}

func (t *Task) step(at Tick, e Effects) {
	kind, c := character[t.Kind], t.noise.Of(forCharacter)
	busy := c.Between(2, 0.5, 1.2) * (0.55 + 0.45*Daylight(at)) * (0.6 + 0.8*t.noise.Of(forSlowLoad).Smooth(at, 120))
	t.cpu = clamp(kind.cpu*busy+8*(t.noise.Of(forFastLoad).Smooth(at, 5)-0.5)+60*e.Load, 0, 180)
	target := t.memoryTarget()*(0.9+0.2*t.noise.Of(forMemory).Smooth(at, 300)) + e.Memory*HostMemory/8
	t.memory += (target - t.memory) / 20
	// Work comes in lumps: a second in three has some.
	if lump := 3 * t.noise.Of(forTraffic).At(int64(at)); lump > 2 {
		factor := busy * (1 + e.Load) * 3 * (lump - 1.5)
		t.read += math.Floor(kind.read*factor/512) * 512
		t.written += math.Floor(kind.written*factor/512) * 512
		t.rx += math.Floor(kind.rx * factor)
		t.tx += math.Floor(kind.tx * factor)
	}
	t.threads = 2 + int(busy*float64(1+t.Kind%3)*2)
	t.descriptors = 7 + int(busy*6*float64(1+t.Kind%3))
}

// Sample returns what the task uses.
func (t *Task) Sample() TaskSample {
	return TaskSample{
		CPU: round(t.cpu, 2), Memory: uint64(t.memory) / 4096 * 4096,
		Read: uint64(t.read), Written: uint64(t.written), Rx: uint64(t.rx), Tx: uint64(t.tx),
		Threads: t.threads, Descriptors: t.descriptors, Uptime: int(t.now - t.started),
	}
}

// Aggregated is what a proplet computes over the samples that it retains.
type Aggregated struct {
	AvgCPU, MaxCPU        float64
	AvgMemory, MaxMemory  uint64
	Read, Written, Rx, Tx uint64 // over the samples: the last less the first
	Samples               int
}

// Retain keeps a sample and returns the aggregates with it.
func (t *Task) Retain(s TaskSample) Aggregated {
	t.history[t.samples%historySize] = s
	t.samples++
	n := min(t.samples, historySize)
	first := t.history[(t.samples-n)%historySize]
	a := Aggregated{Samples: n, Read: s.Read - first.Read, Written: s.Written - first.Written, Rx: s.Rx - first.Rx, Tx: s.Tx - first.Tx}
	for _, h := range t.history[:n] {
		a.AvgCPU += h.CPU
		a.AvgMemory += h.Memory
		a.MaxCPU, a.MaxMemory = max(a.MaxCPU, h.CPU), max(a.MaxMemory, h.Memory)
	}
	a.AvgCPU = round(a.AvgCPU/float64(n), 4)
	a.AvgMemory /= uint64(n)
	return a
}
