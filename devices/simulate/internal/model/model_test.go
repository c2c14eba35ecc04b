package model

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const start = 8 * Hour

func specs() []NodeSpec {
	return []NodeSpec{
		{MHz: 160, MemoryBytes: 96 << 10, FlashBytes: 4 << 20, Firmware: "1.0.0"},
		{MHz: 240, MemoryBytes: 128 << 10, FlashBytes: 4 << 20, Firmware: "1.1.0"},
		{MHz: 80, MemoryBytes: 80 << 10, FlashBytes: 4 << 20, Firmware: "1.2.0", ESP8266: true},
	}
}

// eachNode makes nodes of all kinds and seeds.
func eachNode(f func(seed int, n Node)) {
	for seed := range 24 {
		f(seed, NewNode(specs()[seed%3], Noise(1).Of(seed), start))
	}
}

func TestAnOrdinaryNodeStaysWithinTheDocumentsRanges(t *testing.T) {
	eachNode(func(seed int, n Node) {
		for at := start; at < start+Day; at += 5 * 60 {
			n.Advance(at, Calm)
			if !n.Up() {
				continue
			}
			r := n.Reading()
			for _, v := range []struct {
				name          string
				got, from, to float64
			}{
				{"MHz", float64(r.MHz), 80, 240}, {"cpu", r.CPU, 0, 79}, {"temperature", r.Temperature, 45, 65},
				{"memory", float64(r.MemoryBytes), 64 << 10, 128 << 10}, {"memory in use", 100 * float64(r.Used()) / float64(r.MemoryBytes), 10, 85},
				{"flash in use", 100 * float64(r.Flash) / float64(r.FlashBytes), 10, 80}, {"rssi", float64(r.RSSI), -90, -30},
				{"signal", float64(r.Signal()), 30, 100}, {"least cpu", r.LeastCPU, 0, r.CPU + 0.1}, {"most cpu", r.MostCPU, r.CPU - 0.1, 100},
				{"average cpu", r.AverageCPU, r.LeastCPU - 1, r.MostCPU + 1}, {"fragmentation", float64(r.Fragmentation), 0, 100},
				{"largest block", float64(r.MostAlloc), 0, float64(r.Free)}, {"least free", float64(r.LeastFree), 0, float64(r.Free)},
			} {
				if v.got < v.from || v.got > v.to {
					t.Fatalf("node %d at %d: %s is %v: expected %v to %v", seed, at, v.name, v.got, v.from, v.to)
				}
			}
		}
	})
}

func TestTheSameSeedGivesTheSameValuesInWhateverSteps(t *testing.T) {
	storm := func(at Tick) Effects { return Effects{Load: 0.3 * float64(at%2), Signal: float64(at % 7)} }
	const end = start + 2*Hour
	for _, step := range []Tick{1, 7, 60, 3600} {
		whole := NewNode(specs()[0], Noise(7), start)
		whole.Advance(end, storm)
		steps := NewNode(specs()[0], Noise(7), start)
		for at := start; at < end; at += step {
			steps.Advance(at, storm)
			steps.Reading()
		}
		steps.Advance(end, storm)
		if diff := cmp.Diff(whole.Reading(), steps.Reading()); diff != "" {
			t.Errorf("in steps of %d (-whole +steps):\n%s", step, diff)
		}
		p, q := NewProplet(4, Noise(7), start), NewProplet(4, Noise(7), start)
		b, c := NewBoard(Noise(7), start), NewBoard(Noise(7), start)
		d, e := NewDataNode(Noise(7), start), NewDataNode(Noise(7), start)
		for at := start; at < end; at += step {
			q.Advance(at, storm)
			c.Advance(at, storm)
			e.Advance(at, storm)
		}
		p.Advance(end, storm)
		q.Advance(end, storm)
		b.Advance(end, storm)
		c.Advance(end, storm)
		d.Advance(end, storm)
		e.Advance(end, storm)
		if diff := cmp.Diff([]any{p.Reading(), p.Tasks[2].Sample(), p.Tasks[3].Sample(), b.Reading(), d.Reading()}, []any{q.Reading(), q.Tasks[2].Sample(), q.Tasks[3].Sample(), c.Reading(), e.Reading()}); diff != "" {
			t.Errorf("in steps of %d (-whole +steps):\n%s", step, diff)
		}
	}
	other := NewNode(specs()[0], Noise(8), start)
	this := NewNode(specs()[0], Noise(7), start)
	if cmp.Equal(other.Reading(), this.Reading()) {
		t.Error("another seed gives the same values")
	}
}

func TestCountersFallOnlyWhenANodeBoots(t *testing.T) {
	boots := 0
	for seed := range 20 {
		n := NewNode(specs()[seed%3], Noise(2).Of(seed), start)
		before := n.Reading()
		for at := start; at < start+Day; at += 10 {
			n.Advance(at, Calm)
			if !n.Up() {
				continue
			}
			r := n.Reading()
			booted := r.Uptime < before.Uptime
			fell := r.Sent < before.Sent || r.Received < before.Received || r.SentPackets < before.SentPackets || r.Measurements < before.Measurements
			if booted != fell {
				t.Fatalf("node %d at %d: booted %v, but a counter fell: %v (%+v, then %+v)", seed, at, booted, fell, before, r)
			}
			if booted {
				boots++
			}
			before = r
		}
	}
	if boots < 1 || boots > 20 {
		t.Errorf("20 nodes booted %d times in a day: expected about five", boots)
	}
}

func TestAFirmwareThatIsOrderedRunsAfterABoot(t *testing.T) {
	n := NewNode(specs()[0], Noise(3), start)
	n.Advance(start+100, Calm)
	n.Order("1.2.0")
	n.Advance(start+102, Calm)
	if n.Up() || n.Firmware() != "1.2.0" {
		t.Errorf("up %v with %s: expected that it boots with 1.2.0", n.Up(), n.Firmware())
	}
	n.Advance(start+130, Calm)
	if r := n.Reading(); !n.Up() || r.Uptime > 30 {
		t.Errorf("up %v for %d s: expected less than 30", n.Up(), r.Uptime)
	}
}

// correlation is Pearson's.
func correlation(x, y []float64) float64 {
	n := float64(len(x))
	var sx, sy, sxx, syy, sxy float64
	for i := range x {
		sx, sy, sxx, syy, sxy = sx+x[i], sy+y[i], sxx+x[i]*x[i], syy+y[i]*y[i], sxy+x[i]*y[i]
	}
	return (n*sxy - sx*sy) / math.Sqrt((n*sxx-sx*sx)*(n*syy-sy*sy))
}

func TestTheTemperatureFollowsTheLoadAndTheLoadTheDay(t *testing.T) {
	var loads, heats []float64
	night, day := 0.0, 0.0
	eachNode(func(_ int, n Node) {
		for at := start; at < start+Day; at += 10 * 60 {
			n.Advance(at, Calm)
			r := n.Reading()
			loads, heats = append(loads, r.CPU), append(heats, r.Temperature)
			switch at % Day / Hour {
			case 1, 2, 3:
				night += r.CPU
			case 13, 14, 15:
				day += r.CPU
			}
		}
	})
	if c := correlation(loads, heats); c < 0.7 {
		t.Errorf("load and temperature correlate by %.2f: expected more than 0.7", c)
	}
	if day < 1.3*night {
		t.Errorf("the load in the afternoon is %.2f of that in the night: expected 1.3 or more", day/night)
	}
}

func TestTasksAccumulateWithinARun(t *testing.T) {
	for seed := range 10 {
		p := NewProplet(4, Noise(4).Of(seed), start)
		before := make([]TaskSample, len(p.Tasks))
		runs := make([]int, len(p.Tasks))
		ended := 0
		for at := start; at < start+6*Hour; at += 10 {
			p.Advance(at, Calm)
			for i := range p.Tasks {
				task := &p.Tasks[i]
				s := task.Sample()
				a := task.Retain(s)
				if task.Run == runs[i] && (s.Read < before[i].Read || s.Written < before[i].Written || s.Rx < before[i].Rx || s.Tx < before[i].Tx || s.Uptime < before[i].Uptime) {
					t.Fatalf("%s of %d at %d: a counter fell within a run: %+v, then %+v", task.Kind, seed, at, before[i], s)
				}
				if task.Run != runs[i] && runs[i] > 0 {
					ended++
				}
				if a.MaxCPU < s.CPU || a.AvgCPU > a.MaxCPU || a.AvgMemory > a.MaxMemory || a.Samples < 1 || a.Samples > historySize || a.Read > s.Read {
					t.Fatalf("%s of %d at %d: the aggregates %+v do not go with %+v", task.Kind, seed, at, a, s)
				}
				before[i], runs[i] = s, task.Run
			}
		}
		if ended < 6 {
			t.Errorf("%d runs ended in six hours: expected a batch every ten to thirty minutes", ended)
		}
	}
}

func TestADataNodesNumbersAgree(t *testing.T) {
	for seed := range 10 {
		d := NewDataNode(Noise(5).Of(seed), start)
		before := d.Reading()
		for at := start; at < start+Day; at += 30 {
			d.Advance(at, Calm)
			r := d.Reading()
			if r.HealthyPeers > r.TotalPeers || r.Active > r.HealthyPeers || r.HealthyPeers < 3 || r.TotalPeers < 5 || !r.Healthy() {
				t.Fatalf("node %d at %d: %+v: expected active <= healthy <= total, and enough of them", seed, at, r)
			}
			if r.Uptime >= before.Uptime && (r.Sent < before.Sent || r.Errors < before.Errors || r.Requests < before.Requests) {
				t.Fatalf("node %d at %d: a counter fell without a restart: %+v, then %+v", seed, at, before, r)
			}
			before = r
		}
	}
}

func TestABoardsButtonIsTheOnlyCounterThatIsTakenBack(t *testing.T) {
	back := 0
	for seed := range 20 {
		b := NewBoard(Noise(6).Of(seed), start)
		before := b.Reading()
		for at := start; at < start+6*Hour; at += 15 {
			b.Advance(at, Calm)
			r := b.Reading()
			if r.Boots == before.Boots {
				if r.Reads < before.Reads || r.ReadTime < before.ReadTime || r.Presses < before.Presses-2 {
					t.Fatalf("board %d at %d: %+v, then %+v", seed, at, before, r)
				}
				if r.Presses < before.Presses {
					back++
				}
			}
			before = r
		}
	}
	if back == 0 {
		t.Error("no button was ever taken back")
	}
}
