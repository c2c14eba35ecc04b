package loadgen

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"weir/devices/internal/packet"
	"weir/devices/internal/wire"
)

// flight is what is known of a packet id.
type flight struct {
	at    int64 // when its event was sent, or was due, since the run's start
	stage stage
}

type stage uint8

const (
	idle      stage = iota // the id is free
	published              // waits for PUBACK or PUBREC (at QoS 0 for a PINGRESP)
	released               // QoS 2: waits for PUBCOMP
)

// client is one connection. A single goroutine reads it and answers with new
// events as acknowledgements come in; open loop, the pacer sends too.
type client struct {
	*wire.Wire
	config *Config
	stream *stream
	clock  *clock
	pace   pace // open loop

	mu      sync.Mutex // closed loop nobody else wants it, and it costs nothing
	out     []byte
	flights []flight // by packet id, from 1
	ids     ring[uint16]
	fences  ring[int] // QoS 0: how many events stand before each PINGREQ that is unanswered
	settled uint16    // QoS 0: the packet id that was freed last
	left    uint64    // events still to be sent
	stopped bool

	sent, acknowledged, rejected uint64
	answered                     uint64 // within the measured time
	bytes                        uint64
	lastAnswer                   int64
	latency, lateness            recorder

	progress struct{ sent, acknowledged, rejected atomic.Uint64 }
}

func newClient(w *wire.Wire, c *Config, i int, clock *clock) *client {
	k := &client{Wire: w, config: c, stream: newStream(*c, i), clock: clock, left: c.Events}
	if c.Events == 0 {
		k.left = 1<<64 - 1
	} else {
		k.left = share(c.Events, i, c.Clients)
	}
	k.pace = pace{rate: c.Rate, client: i, clients: c.Clients}
	k.flights = make([]flight, c.Window+1)
	k.ids = newRing[uint16](c.Window)
	for id := 1; id <= c.Window; id++ {
		k.ids.push(uint16(id))
	}
	k.fences = newRing[int](c.Window)
	k.out = make([]byte, 0, c.Window*(k.stream.largest()+4)+2)
	return k
}

func (c *client) inFlight() int { return c.config.Window - c.ids.len() }

// run sends and reads until everything was sent and answered.
func (c *client) run() error {
	if err := c.turn(c.receive); err != nil { // something may have come with the CONNACK
		return err
	}
	for !c.finished() {
		err := c.ReadMore()
		if errors.Is(err, os.ErrDeadlineExceeded) && c.finished() {
			return nil // stop woke it
		}
		if err != nil {
			return fmt.Errorf("%w: %w", ErrBroken, err)
		}
		if err := c.turn(c.receive); err != nil {
			return err
		}
	}
	return nil
}

// turn lets receive handle what was read, then sends what may be sent, all in
// one write.
func (c *client) turn(receive func(now int64) error) error {
	now := c.clock.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if receive != nil {
		if err := receive(now); err != nil {
			return err
		}
	}
	c.fill(now)
	c.progress.sent.Store(c.sent)
	c.progress.acknowledged.Store(c.acknowledged)
	c.progress.rejected.Store(c.rejected)
	if len(c.out) == 0 {
		return nil
	}
	_, err := c.Conn.Write(c.out)
	c.out = c.out[:0]
	if err != nil {
		return fmt.Errorf("%w: %w", ErrBroken, err)
	}
	return nil
}

// stop ends the sending, after a last turn, and wakes run where nothing more
// will come.
func (c *client) stop() error {
	err := c.turn(nil)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopped = true
	if c.inFlight() == 0 {
		c.Conn.SetReadDeadline(time.Unix(1, 0))
	}
	return err
}

func (c *client) finished() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return (c.stopped || c.left == 0) && c.inFlight() == 0
}

// fill encodes what may be sent now.
func (c *client) fill(now int64) {
	if c.stopped {
		return
	}
	before := c.sent
	for range min(uint64(c.room()), c.left) {
		at := now
		if c.pace.rate > 0 {
			if at = c.pace.due(c.sent); at > now || at >= c.clock.end {
				break
			}
			if at >= c.clock.warmup {
				c.lateness.add(now - at)
			}
		}
		c.publish(at, now)
	}
	if n := c.sent - before; n > 0 && c.config.QoS == 0 {
		c.fences.push(int(n))
		c.out = packet.AppendPingreq(c.out)
	}
}

// room is how many events the window still takes. At QoS 0, closed loop, it
// opens by halves, so that a PINGREQ stands for many events and the server still
// has something to do while its answer is on the way.
func (c *client) room() int {
	n := c.ids.len()
	if c.config.QoS == 0 && c.config.Rate == 0 {
		half := (c.config.Window + 1) / 2
		if n < half {
			return 0
		}
		return half
	}
	return n
}

func (c *client) publish(at, now int64) {
	id := c.ids.pop()
	c.flights[id] = flight{at, published}
	before := len(c.out)
	c.out = c.stream.append(c.out, id, c.clock.wall+now)
	c.bytes += uint64(len(c.out) - before)
	c.sent++
	c.left--
}
