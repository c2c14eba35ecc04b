package loadgen

import (
	"encoding/binary"
	"net"
	"sync"
	"testing"

	"weir/devices/internal/packet"
	"weir/devices/internal/wire"
)

// sink is a server that acknowledges everything at once, as cheaply as can be,
// and keeps nothing: what a run against it reaches is the generator's ceiling.
// It speaks both versions.
type sink struct {
	listener net.Listener
	wg       sync.WaitGroup

	mu    sync.Mutex
	conns []net.Conn
}

func startSink(tb testing.TB) *sink {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	s := &sink{listener: l}
	s.wg.Go(s.accept)
	tb.Cleanup(s.stop)
	return s
}

func (s *sink) addr() string { return s.listener.Addr().String() }

func (s *sink) stop() {
	s.listener.Close()
	s.mu.Lock()
	for _, c := range s.conns {
		c.Close()
	}
	s.mu.Unlock()
	s.wg.Wait()
}

func (s *sink) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.conns = append(s.conns, conn)
		s.mu.Unlock()
		s.wg.Go(func() { serveSink(conn) })
	}
}

func serveSink(conn net.Conn) {
	defer conn.Close()
	w := wire.New(conn, 64<<10)
	var out []byte
	for w.ReadMore() == nil {
		out = out[:0]
		for {
			p, ok, err := w.Cut()
			if err != nil {
				return
			}
			if !ok {
				break
			}
			out = answer(out, p)
		}
		if len(out) > 0 {
			if _, err := conn.Write(out); err != nil {
				return
			}
		}
	}
}

// answer appends the sink's answer to a packet.
func answer(out []byte, p packet.Packet) []byte {
	switch p.Type {
	case packet.CONNECT:
		if p.Body[6] == packet.V5 {
			return append(out, byte(packet.CONNACK)<<4, 3, 0, 0, 0)
		}
		return append(out, byte(packet.CONNACK)<<4, 2, 0, 0)
	case packet.PUBLISH:
		id := func() uint16 { return binary.BigEndian.Uint16(p.Body[2+binary.BigEndian.Uint16(p.Body):]) }
		switch p.Flags >> 1 & 3 {
		case 1:
			return packet.AppendAck(out, packet.PUBACK, id())
		case 2:
			return packet.AppendAck(out, packet.PUBREC, id())
		}
	case packet.PUBREL:
		return packet.AppendAck(out, packet.PUBCOMP, binary.BigEndian.Uint16(p.Body))
	case packet.PINGREQ:
		return append(out, byte(packet.PINGRESP)<<4, 0)
	}
	return out
}
