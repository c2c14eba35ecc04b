// Package sink is the least of an MQTT 3.1.1 broker that a publishing proplet
// needs: it takes messages of any quality of service and keeps them. It is for
// measuring agents, and for their tests.
package sink

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"sync"

	"weir/devices/internal/packet"
)

// Message is a message that came.
type Message struct {
	Client  string
	Topic   string
	Payload []byte
	QoS     byte
	ID      uint16 // the packet's; 0 at QoS 0, and of a will
	Dup     bool   // marked as a retransmission
}

// Sink is a broker that listens.
type Sink struct {
	listener net.Listener
	done     sync.WaitGroup

	mu       sync.Mutex
	keep     bool
	messages []Message
	count    uint64
	conns    map[net.Conn]bool
}

// Start listens on an address. Without keep, messages are only counted.
func Start(addr string, keep bool) (*Sink, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen for MQTT: %w", err)
	}
	return Serve(l, keep), nil
}

// Serve takes connections from a listener.
func Serve(l net.Listener, keep bool) *Sink {
	s := &Sink{listener: l, keep: keep, conns: map[net.Conn]bool{}}
	s.done.Go(s.accept)
	return s
}

// Addr is where it listens.
func (s *Sink) Addr() string { return s.listener.Addr().String() }

// Messages returns what came so far, wills included.
func (s *Sink) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Message(nil), s.messages...)
}

// Count is how many messages came so far.
func (s *Sink) Count() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}

// Stop breaks all connections and ends it.
func (s *Sink) Stop() error {
	err := s.listener.Close()
	s.mu.Lock()
	for c := range s.conns {
		_ = c.Close() // a TLS or WebSocket client that has gone cannot be told: it is an error for those
	}
	s.conns = nil
	s.mu.Unlock()
	s.done.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func (s *Sink) accept() {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		stopped := s.conns == nil
		if !stopped {
			s.conns[c] = true
		}
		s.mu.Unlock()
		if stopped {
			_ = c.Close() // nobody is served any more
			return
		}
		s.done.Go(func() { s.serve(c) })
	}
}

// session is one connection.
type session struct {
	sink    *Sink
	conn    net.Conn
	client  string
	will    *Message
	pending map[uint16]Message // QoS 2: received, not yet released
}

func (s *Sink) serve(c net.Conn) {
	n := session{sink: s, conn: c, pending: map[uint16]Message{}}
	clean := n.read()
	_ = c.Close() // it may be closed already
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
	if !clean && n.will != nil {
		s.take(*n.will)
	}
}

func (s *Sink) take(m Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count++
	if s.keep {
		s.messages = append(s.messages, m)
	}
}

// read serves the connection until it ends; it returns whether the client said
// so.
func (n *session) read() (clean bool) {
	var buf []byte
	chunk := make([]byte, 4096)
	for {
		p, size, err := packet.Cut(buf)
		if err != nil {
			return false
		}
		if size == 0 {
			read, err := n.conn.Read(chunk)
			if err != nil {
				return false
			}
			buf = append(buf, chunk[:read]...)
			continue
		}
		if p.Type == packet.DISCONNECT {
			return true
		}
		answer, err := n.answer(p)
		if err != nil {
			return false
		}
		if _, err := n.conn.Write(answer); err != nil {
			return false
		}
		buf = buf[size:]
	}
}

var errProtocol = errors.New("not what a publisher says")

func (n *session) answer(p packet.Packet) ([]byte, error) {
	switch p.Type {
	case packet.CONNECT:
		return []byte{byte(packet.CONNACK) << 4, 2, 0, 0}, n.connect(p.Body)
	case packet.PUBLISH:
		return n.publish(p)
	case packet.PUBREL:
		ack, err := p.Ack()
		if m, ok := n.pending[ack.ID]; ok && err == nil {
			delete(n.pending, ack.ID)
			n.sink.take(m)
		}
		return packet.AppendAck(nil, packet.PUBCOMP, ack.ID), err
	case packet.PINGREQ:
		return []byte{byte(packet.PINGRESP) << 4, 0}, nil
	}
	return nil, errProtocol
}

// connect reads the client's id and will from a CONNECT.
func (n *session) connect(b []byte) error {
	const head = 2 + len("MQTT") + 1 + 1 + 2 // name, version, flags, keep-alive
	if len(b) < head {
		return errProtocol
	}
	flags, rest := b[7], b[head:]
	var fields [3]string // client id, will topic, will message
	wanted := 1
	if flags&0x04 != 0 {
		wanted = 3
	}
	for i := range wanted {
		if len(rest) < 2 || len(rest)-2 < int(binary.BigEndian.Uint16(rest)) {
			return errProtocol
		}
		end := 2 + int(binary.BigEndian.Uint16(rest))
		fields[i], rest = string(rest[2:end]), rest[end:]
	}
	n.client = fields[0]
	if wanted == 3 {
		n.will = &Message{Client: n.client, Topic: fields[1], Payload: []byte(fields[2]), QoS: flags >> 3 & 3}
	}
	return nil
}

func (n *session) publish(p packet.Packet) ([]byte, error) {
	b := p.Body
	if len(b) < 2 || len(b)-2 < int(binary.BigEndian.Uint16(b)) {
		return nil, errProtocol
	}
	end := 2 + int(binary.BigEndian.Uint16(b))
	m := Message{Client: n.client, Topic: string(b[2:end]), QoS: p.Flags >> 1 & 3, Dup: p.Flags&8 != 0}
	b = b[end:]
	var id uint16
	if m.QoS > 0 {
		if len(b) < 2 {
			return nil, errProtocol
		}
		id, b = binary.BigEndian.Uint16(b), b[2:]
		m.ID = id
	}
	m.Payload = append([]byte(nil), b...)
	switch m.QoS {
	case 0:
		n.sink.take(m)
		return nil, nil
	case 1:
		n.sink.take(m)
		return packet.AppendAck(nil, packet.PUBACK, id), nil
	}
	n.pending[id] = m
	return packet.AppendAck(nil, packet.PUBREC, id), nil
}
