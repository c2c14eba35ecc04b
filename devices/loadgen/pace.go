package loadgen

import (
	"runtime"
	"time"
)

// clock is a run's time, in nanoseconds since its start.
type clock struct {
	start  time.Time
	wall   int64 // the start in unix nanoseconds
	warmup int64 // end of the warm-up
	end    int64 // end of what is measured
}

func (c *clock) now() int64 { return int64(time.Since(c.start)) }

// pace says when a client's events are due, open loop: the run's events are due
// at even intervals, and the clients take turns.
type pace struct {
	rate            float64 // events a second of the whole run; 0 is closed loop
	client, clients int
}

// due is when the client's n-th event is due, from 0.
func (p pace) due(n uint64) int64 { return dueOf(uint64(p.client)+n*uint64(p.clients), p.rate) }

// dueOf is when the run's k-th event is due, from 0.
func dueOf(k uint64, rate float64) int64 { return int64(float64(k) * 1e9 / rate) }

// dueBy is how many of the run's events are due by now.
func dueBy(now int64, rate float64) uint64 {
	k := uint64(float64(now) * rate / 1e9)
	for dueOf(k, rate) <= now {
		k++
	}
	for k > 0 && dueOf(k-1, rate) > now {
		k--
	}
	return k
}

// A pacer's sleeps are at least shortSleep long, since at high rates waking
// costs more than sending; and at most longSleep, so that it notices the end.
const (
	shortSleep = 200 * time.Microsecond
	longSleep  = 20 * time.Millisecond
)

// runPacer gives each client a turn when an event of its is due, until done is
// closed.
//
// It is one thread that sleeps by itself. The runtime's timers, with which each
// client could wait for its own events, are late by half a millisecond on
// average where nothing else wakes the process, as much as a good server needs
// to answer.
func runPacer(clients []*client, clock *clock, done <-chan struct{}, turn func(*client)) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	rate := clients[0].pace.rate
	for k := uint64(0); ; {
		select {
		case <-done:
			return
		default:
		}
		due := dueBy(clock.now(), rate)
		for i := k; i < due && i < k+uint64(len(clients)); i++ {
			turn(clients[i%uint64(len(clients))])
		}
		k = max(k, due)
		wait := time.Duration(dueOf(k, rate) - clock.now())
		sleep(min(max(wait, shortSleep), longSleep))
	}
}
