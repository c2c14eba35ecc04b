package broker

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// wire is a socket, and client its other end: a write is done when the client
// has read all of it.
type wire struct {
	net.Conn
	client net.Conn
	broken bool      // writing fails
	read   time.Time // deadline
}

func newWire(t *testing.T) *wire {
	w := &wire{}
	w.Conn, w.client = net.Pipe()
	t.Cleanup(func() { w.client.Close() })
	return w
}

func (w *wire) Write(p []byte) (int, error) {
	if w.broken {
		return 0, errors.New("connection reset")
	}
	return w.Conn.Write(p)
}

func (w *wire) SetReadDeadline(t time.Time) error {
	w.read = t
	return w.Conn.SetReadDeadline(t)
}

// next returns what one write wrote.
func (w *wire) next(t *testing.T) []byte {
	t.Helper()
	b := make([]byte, 2*maxUnsent)
	n, err := w.client.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	return b[:n]
}

// over checks that nothing more was written before the socket was closed.
func (w *wire) over(t *testing.T) {
	t.Helper()
	if n, err := w.client.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("%d bytes more, %v", n, err)
	}
}

func TestManyAcknowledgementsLeaveInOneWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		c := newConn(w)
		for range 101 {
			c.admit(1000, false)
		}
		c.acknowledge(&Receipt{packetID: 1, qos: 1}, false)
		synctest.Wait() // the first is being written
		var want []byte
		for id := range byte(100) {
			want = append(want, 0x40, 2, 0, id+2)
			if size := c.acknowledge(&Receipt{packetID: uint16(id) + 2, qos: 1}, false); size != 4 {
				t.Errorf("an acknowledgement has %d bytes", size)
			}
		}
		if got := w.next(t); !bytes.Equal(got, []byte{0x40, 2, 0, 1}) {
			t.Errorf("first written is %x", got)
		}
		if got := w.next(t); !bytes.Equal(got, want) {
			t.Errorf("then %x, want %x", got, want)
		}
		c.Close()
		w.over(t)
		<-c.flushed
	})
}

func TestWhatWaitsIsWrittenBeforeAConnectionIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		c := newConn(w)
		write(t, c, "first")
		synctest.Wait()
		write(t, c, "second")
		c.Close()
		c.Close()
		if _, err := c.Write([]byte("third")); !errors.Is(err, net.ErrClosed) {
			t.Errorf("a write after the close: %v", err)
		}
		if got := string(w.next(t)) + "," + string(w.next(t)); got != "first,second" {
			t.Errorf("written: %s", got)
		}
		w.over(t)
		<-c.flushed
	})
}

func write(t *testing.T, c *conn, s string) {
	t.Helper()
	if n, err := c.Write([]byte(s)); n != len(s) || err != nil {
		t.Errorf("write: %d, %v", n, err)
	}
}

func TestACloseEndsReadingAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newConn(newWire(t))
		ended := make(chan error)
		go func() {
			_, err := c.Read(make([]byte, 1))
			ended <- err
		}()
		synctest.Wait()
		c.Close()
		if err := <-ended; err == nil {
			t.Error("something was read")
		}
		_ = c.SetDeadline(time.Now().Add(time.Hour)) // as the broker does before each packet
		if _, err := c.Read(make([]byte, 1)); err == nil {
			t.Error("something was read")
		}
		<-c.flushed
	})
}

func TestAClientThatReadsNothingIsClosedInTime(t *testing.T) {
	for _, tt := range []struct {
		name  string
		close bool
		limit time.Duration
	}{{"when it is closed", true, flushTimeout}, {"when it is not", false, writeTimeout + drainTimeout}} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newConn(newWire(t))
				start := time.Now()
				write(t, c, "first")
				synctest.Wait()
				write(t, c, "second")
				if tt.close {
					c.Close()
				} else if _, err := c.Read(make([]byte, 1)); err == nil { // as the broker does, and then closes
					t.Error("something was read")
				} else {
					c.Close()
				}
				<-c.flushed
				if took := time.Since(start); took > tt.limit {
					t.Errorf("it took %s, want %s", took, tt.limit)
				}
			})
		})
	}
}

// A client that went away in the middle of a write may have said DISCONNECT
// before: that is still read, for a time.
func TestAConnectionThatCannotBeWrittenToIsStillRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		w.broken = true
		c := newConn(w)
		_ = c.SetDeadline(time.Now().Add(time.Hour))
		c.admit(1, true)
		c.acknowledge(&Receipt{packetID: 1, qos: 1}, false)
		synctest.Wait()
		_ = c.SetDeadline(time.Now().Add(time.Hour))
		if left := time.Until(w.read); left != drainTimeout {
			t.Errorf("it is read for %s more, want %s", left, drainTimeout)
		}
		write(t, c, "more")
		for range 3 { // nobody waits for what cannot be written
			if !c.admit(1, true) {
				t.Error("not admitted")
			}
			if size := c.acknowledge(&Receipt{packetID: 1, qos: 1}, false); size != 0 {
				t.Errorf("an acknowledgement that cannot be written has %d bytes", size)
			}
			c.ready(true)
		}
		go func() { _, _ = w.client.Write([]byte("DISCONNECT")) }()
		b := make([]byte, 20)
		if n, err := c.Read(b); err != nil || string(b[:n]) != "DISCONNECT" {
			t.Errorf("read %q, %v", b[:n], err)
		}
		c.Close()
		<-c.flushed
	})
}

func TestAMessageWaitsForTheGreetingAndForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		c := newConn(w)
		passed := make(chan struct{}, 10)
		message := func() {
			go func() {
				c.ready(true)
				passed <- struct{}{}
			}()
			synctest.Wait()
		}
		message()
		if len(passed) != 0 {
			t.Error("a message is sent before CONNACK")
		}
		c.ready(false) // CONNACK itself need not wait
		c.greet()
		<-passed
		write(t, c, "x")
		synctest.Wait() // it is being written
		write(t, c, string(make([]byte, maxUnsent)))
		message()
		if len(passed) != 0 {
			t.Error("there is no limit to what waits")
		}
		w.next(t)
		<-passed
		write(t, c, string(make([]byte, maxUnsent)))
		message()
		if len(passed) != 0 {
			t.Error("there is no limit to what waits")
		}
		c.Close()
		<-passed
		<-c.flushed
	})
}

func TestACloseLetsAClientGoThatIsHeldBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newConn(newWire(t))
		if !c.admit(1, true) || c.admit(1, false) {
			t.Error("the limit does not hold")
		}
		answer := make(chan bool)
		go func() { answer <- c.admit(1, true) }()
		synctest.Wait()
		c.Close()
		if <-answer {
			t.Error("a message is admitted after the close")
		}
		<-c.flushed
	})
}
