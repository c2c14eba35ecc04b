package loadgen

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/mochi-mqtt/server/v2/packets"

	"weir/devices/internal/packet"
	"weir/devices/internal/wire"
)

// flaky is a broker that breaks its connections at random moments, keeps the
// sessions, and checks that its clients keep to the standard. It decodes with
// another codec than ours.
type flaky struct {
	listener net.Listener
	version  byte
	wg       sync.WaitGroup

	mu       sync.Mutex
	random   *rand.Rand
	drop     float64 // probability that a packet breaks its connection
	forget   float64 // probability that a session is forgotten when its client comes back
	sessions map[string]*flakySession
	faults   []string
}

// flakySession is what the broker knows of a client.
type flakySession struct {
	ids       map[uint64]uint16 // by number
	highest   uint64            // number
	delivered map[uint64]int    // how often a number came that was not recognised as a retransmission
	held      map[uint16]bool   // QoS 2: ids that wait for PUBREL
	present   bool
}

func startFlaky(t *testing.T, version byte, seed uint64, drop, forget float64) *flaky {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &flaky{listener: l, version: version, random: rand.New(rand.NewPCG(seed, 0)), drop: drop, forget: forget, sessions: map[string]*flakySession{}}
	f.wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			f.wg.Go(func() { f.serve(conn) })
		}
	})
	t.Cleanup(func() { l.Close(); f.wg.Wait() })
	return f
}

// heal stops the breaking of connections.
func (f *flaky) heal() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.drop, f.forget = 0, 0
}

func (f *flaky) fault(format string, args ...any) {
	f.faults = append(f.faults, fmt.Sprintf(format, args...))
}

func (f *flaky) serve(conn net.Conn) {
	defer conn.Close()
	w := wire.New(conn, 64<<10)
	c := &flakyConn{flaky: f}
	for {
		p, err := w.Next()
		if err != nil {
			return
		}
		answer, ok := c.handle(p)
		if _, err := conn.Write(answer); err != nil || !ok {
			return
		}
	}
}

// flakyConn is one connection of a session.
type flakyConn struct {
	*flaky
	client  string
	session *flakySession
	fresh   bool // something new was published on this connection
	last    uint64
}

// handle returns the answer, which may be cut off, and false where the
// connection breaks after it.
func (c *flakyConn) handle(p packet.Packet) (answer []byte, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	breaks := c.random.Float64() < c.drop
	if breaks && c.random.IntN(2) == 0 {
		return nil, false // before the packet is taken in
	}
	answer, ok = c.take(p)
	if breaks {
		return answer[:c.random.IntN(len(answer)+1)], false // before, in or after the answer
	}
	return answer, ok
}

func (c *flakyConn) take(p packet.Packet) (answer []byte, ok bool) {
	m := packets.Packet{ProtocolVersion: c.version, FixedHeader: packets.FixedHeader{
		Type: byte(p.Type), Remaining: len(p.Body), Dup: p.Flags&8 != 0, Qos: p.Flags >> 1 & 3,
	}}
	switch p.Type {
	case packet.CONNECT:
		return c.connect(&m, p.Body)
	case packet.PUBLISH:
		if err := m.PublishDecode(p.Body); err != nil {
			c.fault("PUBLISH: %v", err)
			return nil, false
		}
		return c.publish(&m)
	case packet.PUBREL:
		if err := m.PubrelDecode(p.Body); err != nil || p.Flags != 2 {
			c.fault("PUBREL with flags %d: %v", p.Flags, err)
		}
		delete(c.session.held, m.PacketID)
		return packet.AppendAck(nil, packet.PUBCOMP, m.PacketID), true
	case packet.DISCONNECT:
		return nil, false
	}
	c.fault("unexpected %v", p.Type)
	return nil, false
}

func (c *flakyConn) connect(m *packets.Packet, body []byte) ([]byte, bool) {
	if err := m.ConnectDecode(body); err != nil || m.Connect.Clean {
		c.fault("CONNECT %+v: %v", m.Connect, err)
	}
	c.client = strings.Clone(m.Connect.ClientIdentifier) // it shares the read buffer
	s := c.sessions[c.client]
	if s == nil {
		s = &flakySession{ids: map[uint64]uint16{}, delivered: map[uint64]int{}, held: map[uint16]bool{}}
		c.sessions[c.client] = s
	}
	if c.random.Float64() < c.forget {
		s.present, s.held = false, map[uint16]bool{}
	}
	present := byte(0)
	if s.present {
		present = 1
	}
	c.session, s.present = s, true
	if c.version == packet.V5 {
		return []byte{0x20, 3, present, 0, 0}, true
	}
	return []byte{0x20, 2, present, 0}, true
}

func (c *flakyConn) publish(m *packets.Packet) ([]byte, bool) {
	var p struct {
		Metrics struct {
			Number uint64 `json:"memory_bytes"`
			Again  uint64 `json:"uptime_seconds"`
		}
	}
	if err := json.Unmarshal(m.Payload, &p); err != nil || p.Metrics.Number != p.Metrics.Again {
		c.fault("payload %s: %v", m.Payload, err)
	}
	c.check(m, p.Metrics.Number)
	s := c.session
	if m.FixedHeader.Qos == 1 {
		s.delivered[p.Metrics.Number]++
		return packet.AppendAck(nil, packet.PUBACK, m.PacketID), true
	}
	if !s.held[m.PacketID] {
		s.delivered[p.Metrics.Number]++
		s.held[m.PacketID] = true
	}
	return packet.AppendAck(nil, packet.PUBREC, m.PacketID), true
}

// check checks what the standard says of retransmissions: DUP set, the same id,
// in the original order, before anything new, and nothing else.
func (c *flakyConn) check(m *packets.Packet, number uint64) {
	s, dup := c.session, m.FixedHeader.Dup
	id, seen := s.ids[number]
	switch {
	case number <= c.last:
		c.fault("%s: %d after %d on one connection", c.client, number, c.last)
	case dup && c.fresh:
		c.fault("%s: %d retransmitted after new numbers", c.client, number)
	case !dup && number <= s.highest:
		c.fault("%s: %d again without DUP", c.client, number)
	case seen && id != m.PacketID:
		c.fault("%s: %d with packet id %d, before with %d", c.client, number, m.PacketID, id)
	}
	c.last, c.fresh = number, c.fresh || !dup
	s.ids[number], s.highest = m.PacketID, max(s.highest, number)
}
