package loadgen

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"weir/devices/internal/packet"
)

// readBuffer is the bytes of a connection's read buffer: some thousand
// acknowledgements.
const readBuffer = 16 << 10

// handshakeTimeout is how long the server may take to accept a connection and
// to answer CONNECT.
const handshakeTimeout = 10 * time.Second

// wire is a connection with the buffer from which its packets are cut.
type wire struct {
	conn     net.Conn
	buf      []byte
	from, to int // what is buffered
}

// read reads once from the connection, whatever has come. Packets cut earlier
// are invalid then.
func (w *wire) read() error {
	if w.from == w.to {
		w.from, w.to = 0, 0
	} else if w.from > 0 {
		w.to = copy(w.buf, w.buf[w.from:w.to])
		w.from = 0
	}
	if w.to == len(w.buf) {
		return fmt.Errorf("%w: longer than %d bytes", packet.ErrMalformed, len(w.buf))
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

// cut cuts the next packet that is buffered completely; ok is false when there
// is none.
func (w *wire) cut() (p packet.Packet, ok bool, err error) {
	p, n, err := packet.Cut(w.buf[w.from:w.to])
	w.from += n
	return p, n > 0, err
}

// next returns the next packet and waits for it.
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

// dial connects to the broker and says CONNECT. A refusal is an ErrRefused.
func dial(ctx context.Context, addr string, c packet.Connect) (*wire, packet.Connack, error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, packet.Connack{}, err
	}
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	w := &wire{conn: conn, buf: make([]byte, readBuffer)}
	answer, err := w.handshake(c)
	if !stop() && err == nil {
		err = ctx.Err() // the deadline is set, or will be
	}
	if err != nil {
		conn.Close()
		return nil, packet.Connack{}, fmt.Errorf("CONNECT as %s: %w", c.ClientID, err)
	}
	return w, answer, nil
}

func (w *wire) handshake(c packet.Connect) (packet.Connack, error) {
	if _, err := w.conn.Write(packet.AppendConnect(nil, c)); err != nil {
		return packet.Connack{}, err
	}
	p, err := w.next()
	if err != nil {
		return packet.Connack{}, err
	}
	answer, err := p.Connack(c.Version)
	if err == nil && answer.Code != 0 {
		err = fmt.Errorf("%w: code 0x%02x %s", ErrRefused, answer.Code, answer.Reason)
	}
	return answer, err
}
