package mqtt

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"

	"weir/devices/internal/packet"
)

// readBuffer is the bytes of a connection's read buffer to begin with, and
// maxBuffer what it grows to for a longer packet.
const (
	readBuffer = 1 << 10
	maxBuffer  = 64 << 10
)

// errClosedHere ends the reader of a connection that was given up.
var errClosedHere = errors.New("the connection was closed here")

// wire is a connection with the buffer from which its packets are cut.
type wire struct {
	conn     net.Conn
	buf      []byte
	from, to int
}

// cut cuts the next packet that is buffered completely.
func (w *wire) cut() (p packet.Packet, ok bool, err error) {
	p, n, err := packet.Cut(w.buf[w.from:w.to])
	w.from += n
	return p, n > 0, err
}

// next returns the next packet and waits for it. Packets cut earlier are invalid
// then.
func (w *wire) next() (packet.Packet, error) {
	for {
		if p, ok, err := w.cut(); ok || err != nil {
			return p, err
		}
		if err := w.read(); err != nil {
			return packet.Packet{}, err
		}
	}
}

func (w *wire) read() error {
	w.to = copy(w.buf, w.buf[w.from:w.to])
	w.from = 0
	if w.to == len(w.buf) {
		if len(w.buf) >= maxBuffer {
			return fmt.Errorf("%w: longer than %d bytes", packet.ErrMalformed, maxBuffer)
		}
		w.buf = append(w.buf, make([]byte, len(w.buf))...)
	}
	n, err := w.conn.Read(w.buf[w.to:])
	w.to += n
	if n > 0 {
		return nil // an error comes again with the next read
	}
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// handshake says CONNECT and returns how many messages the broker takes at a
// time.
func (w *wire) handshake(o *Options) (window int, err error) {
	if _, err := w.conn.Write(connect(o)); err != nil {
		return 0, err
	}
	p, err := w.next()
	if err != nil {
		return 0, err
	}
	answer, err := p.Connack(version(o.V5))
	switch {
	case err != nil:
		return 0, err
	case answer.Code != 0:
		return 0, fmt.Errorf("%w: code 0x%02x %s", ErrRefused, answer.Code, answer.Reason)
	case o.QoS > answer.MaximumQoS:
		return 0, fmt.Errorf("%w: it takes no QoS %d", ErrRefused, o.QoS)
	}
	return int(answer.ReceiveMaximum), nil
}

// connect makes a CONNECT packet with its will.
//
// Source: MQTT 3.1.1 and 5, section 3.1.
func connect(o *Options) []byte {
	flags := byte(0x02) // clean
	var body []byte
	text := func(s string) {
		body = binary.BigEndian.AppendUint16(body, uint16(len(s)))
		body = append(body, s...)
	}
	properties := func() {
		if o.V5 {
			body = append(body, 0)
		}
	}
	text(o.ClientID)
	if o.Will != nil {
		flags |= 0x04
		properties()
		text(o.Will.Topic)
		text(string(o.Will.Payload))
	}
	if o.Username != "" || o.Password != "" {
		flags |= 0x80
		text(o.Username)
	}
	if o.Password != "" {
		flags |= 0x40
		text(o.Password)
	}
	rest := body
	body = nil
	text("MQTT")
	body = append(body, version(o.V5), flags, 0, 0)
	properties()
	body = append(body, rest...)
	out := []byte{byte(packet.CONNECT) << 4}
	return append(binary.AppendUvarint(out, uint64(len(body))), body...)
}
