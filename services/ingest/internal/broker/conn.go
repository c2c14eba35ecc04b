package broker

import (
	"net"
	"sync"
	"time"
)

const (
	// maxUnsent is how many bytes wait for a client before the goroutines that
	// serve it pause.
	maxUnsent = 256 << 10
	// keptBuffer is the largest buffer that an idle connection keeps.
	keptBuffer = 16 << 10

	// connectTimeout is how long a connection may wait with its CONNECT.
	connectTimeout = 10 * time.Second
	// writeTimeout is how long a client may take for maxUnsent bytes.
	writeTimeout = time.Minute
	// flushTimeout bounds the writing of what waits when a connection is closed.
	flushTimeout = time.Second
	// drainTimeout is how long a connection that cannot be written to is still
	// read: what the client said before it went, a DISCONNECT maybe, counts.
	drainTimeout = 5 * time.Second
)

// conn is a client's connection. Its Write never blocks. Mochi writes while it
// holds the client's lock, which it also takes on the goroutines of others: of
// a publisher whose message goes to this client, of whoever stops the broker.
// They would all wait for a client that does not read. So what is written is
// queued here, and a goroutine of the connection's own writes it, all that
// waits in one system call. What bounds the queue is that the goroutines which
// serve the client wait for room before they write: see ready.
type conn struct {
	net.Conn
	session *session // nil until the client is let in

	closing chan struct{} // closed by Close
	flushed chan struct{} // closed when the socket is
	wake    chan struct{} // holds a token when there is something to write

	mu       sync.Mutex
	changed  sync.Cond // out or waiting shrank, or a flag was set
	out      []byte    // whole packets, to be written
	acks     int       // acknowledgements in out of messages that count as waiting
	waiting  int       // messages of the client that wait for their acknowledgement
	greeted  bool      // CONNACK was written, or is in the broker's buffer
	closed   bool
	unusable bool // writing failed
}

func newConn(c net.Conn) *conn {
	n := &conn{Conn: c, closing: make(chan struct{}), flushed: make(chan struct{}), wake: make(chan struct{}, 1)}
	n.changed.L = &n.mu
	go n.writeOut()
	return n
}

// Write queues whole packets.
func (c *conn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return 0, net.ErrClosed
	}
	if !c.unusable {
		c.out = append(c.out, p...)
		c.signal()
	}
	return len(p), nil
}

// acknowledge queues the acknowledgement of a message that was admitted and
// returns its size in bytes, 0 when the client is gone.
func (c *conn) acknowledge(r *Receipt, v5 bool) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.unusable {
		c.waiting--
		c.changed.Broadcast()
		return 0
	}
	before := len(c.out)
	c.out = appendAck(c.out, r, v5)
	c.acks++
	c.signal()
	return len(c.out) - before
}

// admit takes a place among the client's waiting messages. When there are limit
// of them it holds the caller back, or, if hold is false, reports false. It
// reports false when the connection is closed, too.
func (c *conn) admit(limit int, hold bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.waiting >= limit && hold && !c.closed {
		c.changed.Wait()
	}
	if c.waiting >= limit || c.closed {
		return false
	}
	c.waiting++
	return true
}

// ready blocks until there is room for another packet, and the client has been
// greeted if that must come first. Only goroutines that serve this one client
// may call it.
func (c *conn) ready(afterGreeting bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for (len(c.out) >= maxUnsent || afterGreeting && !c.greeted) && !c.closed && !c.unusable {
		c.changed.Wait()
	}
}

// greet notes that CONNACK is on its way.
func (c *conn) greet() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.greeted = true
	c.changed.Broadcast()
}

func (c *conn) isGreeted() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.greeted
}

func (c *conn) isClosing() bool {
	select {
	case <-c.closing:
		return true
	default:
		return false
	}
}

// Close ends reading at once; what waits is still written, for a short time.
func (c *conn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil
	}
	c.closed = true
	close(c.closing)
	c.changed.Broadcast()
	c.signal()
	now := time.Now()
	_ = c.Conn.SetWriteDeadline(now.Add(flushTimeout))
	return c.Conn.SetReadDeadline(now)
}

// SetDeadline bounds the wait for the client's next packet. Writing has a bound
// of its own: the broker sets this one when a packet comes, and a client whose
// messages wait for the journal is not being read.
func (c *conn) SetDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.unusable {
		return nil
	}
	return c.Conn.SetReadDeadline(t)
}

func (c *conn) signal() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *conn) writeOut() {
	defer close(c.flushed)
	defer c.Conn.Close()
	var buf []byte
	for range c.wake {
		var last bool
		buf, last = c.take(buf)
		c.write(buf)
		if last {
			return
		}
		if cap(buf) > keptBuffer {
			buf = nil
		}
	}
}

// take returns what is to be written, and whether that is all there will be.
// The messages acknowledged in it wait no longer: the client may send the next
// one as soon as it has read the acknowledgement.
func (c *conn) take(spare []byte) (out []byte, last bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	out, c.out = c.out, spare[:0]
	c.waiting -= c.acks
	c.acks = 0
	c.changed.Broadcast()
	return out, c.closed
}

func (c *conn) write(b []byte) {
	for len(b) > 0 && c.extend() {
		n, err := c.Conn.Write(b[:min(len(b), maxUnsent)])
		if err != nil {
			c.fail()
			return
		}
		b = b[n:]
	}
}

// extend sets the time by which the next bytes must have been written, and
// reports false if it is of no use to write them.
func (c *conn) extend() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed && !c.unusable {
		_ = c.Conn.SetWriteDeadline(time.Now().Add(writeTimeout))
	}
	return !c.unusable
}

// fail notes that the client cannot be written to.
func (c *conn) fail() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unusable = true
	c.out = nil
	c.waiting -= c.acks
	c.acks = 0
	c.changed.Broadcast()
	if !c.closed {
		_ = c.Conn.SetReadDeadline(time.Now().Add(drainTimeout))
	}
}
