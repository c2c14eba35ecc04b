// Package wire is a connection to an MQTT broker: it says CONNECT, and cuts the
// packets that come.
package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"weir/devices/internal/packet"
)

// handshakeTimeout is how long the server may take to accept a connection and
// to answer CONNECT.
const handshakeTimeout = 10 * time.Second

// maxBuffer is what a buffer grows to for a long packet.
const maxBuffer = 64 << 10

// ErrRefused is returned when the server answered CONNECT with a refusal.
var ErrRefused = errors.New("the server refused the connection")

// Wire is a connection with the buffer from which its packets are cut.
type Wire struct {
	Conn     net.Conn // to write to; whoever reads from it takes packets away
	buf      []byte
	from, to int // what is buffered
}

// New returns the wire of a connection. Its buffer has a number of bytes, at
// least 1; it grows only for a packet that is longer.
func New(conn net.Conn, buffer int) *Wire { return &Wire{Conn: conn, buf: make([]byte, buffer)} }

// ReadMore reads once from the connection, whatever has come. Packets cut earlier
// are invalid then.
func (w *Wire) ReadMore() error {
	if w.from > 0 {
		w.to = copy(w.buf, w.buf[w.from:w.to])
		w.from = 0
	}
	if w.to == len(w.buf) {
		if len(w.buf) >= maxBuffer {
			return fmt.Errorf("%w: longer than %d bytes", packet.ErrMalformed, len(w.buf))
		}
		w.buf = append(w.buf, make([]byte, len(w.buf))...)
	}
	n, err := w.Conn.Read(w.buf[w.to:])
	w.to += n
	if n > 0 {
		return nil // an error comes again with the next read
	}
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Cut cuts the next packet that is buffered completely; ok is false when there
// is none.
func (w *Wire) Cut() (p packet.Packet, ok bool, err error) {
	p, n, err := packet.Cut(w.buf[w.from:w.to])
	w.from += n
	return p, n > 0, err
}

// Next returns the next packet and waits for it. Packets cut earlier may be
// invalid then.
func (w *Wire) Next() (packet.Packet, error) {
	for {
		if p, ok, err := w.Cut(); ok || err != nil {
			return p, err
		}
		if err := w.ReadMore(); err != nil {
			return packet.Packet{}, err
		}
	}
}

// Dialer is a *net.Dialer or a *tls.Dialer.
type Dialer interface {
	DialContext(ctx context.Context, network, addr string) (net.Conn, error)
}

// Dial connects to a broker, host:port, and says CONNECT. A refusal is an
// ErrRefused. The buffer is as New has it.
func Dial(ctx context.Context, d Dialer, addr string, c packet.Connect, buffer int) (*Wire, packet.Connack, error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, packet.Connack{}, err
	}
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	w := New(conn, buffer)
	answer, err := w.handshake(c)
	if !stop() && err == nil {
		err = ctx.Err() // the deadline is set, or will be
	}
	if err != nil {
		conn.Close()
		return nil, packet.Connack{}, err
	}
	return w, answer, nil
}

func (w *Wire) handshake(c packet.Connect) (packet.Connack, error) {
	if _, err := w.Conn.Write(packet.AppendConnect(nil, c)); err != nil {
		return packet.Connack{}, err
	}
	p, err := w.Next()
	if err != nil {
		return packet.Connack{}, err
	}
	answer, err := p.Connack(c.Version)
	if err == nil && answer.Code != 0 {
		err = fmt.Errorf("%w: code 0x%02x", ErrRefused, answer.Code)
		if answer.Reason != "" {
			err = fmt.Errorf("%w %s", err, answer.Reason)
		}
	}
	return answer, err
}
