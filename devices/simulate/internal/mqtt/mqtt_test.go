package mqtt

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"weir/devices/internal/packet"
	"weir/devices/internal/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// script is a broker that answers each connection's packets as the test says.
type script struct {
	net.Listener
	packets chan string // what came, in words
}

// answers gives the bytes that answer a packet; nil says nothing, an empty slice
// closes the connection.
func listen(t *testing.T, answers func(conn int, p packet.Packet) []byte) *script {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &script{l, make(chan string, 100)}
	var serving sync.WaitGroup
	serving.Go(func() {
		for i := 0; ; i++ {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { s.serve(conn, func(p packet.Packet) []byte { return answers(i, p) }) })
		}
	})
	t.Cleanup(func() { l.Close(); serving.Wait() })
	return s
}

func (s *script) serve(conn net.Conn, answer func(packet.Packet) []byte) {
	defer conn.Close()
	w := wire.New(conn, readBuffer)
	for {
		p, err := w.Next()
		if err != nil {
			s.packets <- "gone"
			return
		}
		text := p.Type.String()
		if p.Type == packet.PUBLISH {
			n := int(p.Body[1])
			text = fmt.Sprintf("PUBLISH %s dup=%d id=%d", p.Body[2:2+n], p.Flags>>3, int(p.Body[2+n])<<8|int(p.Body[3+n]))
		}
		s.packets <- text
		if out := answer(p); out != nil {
			if len(out) == 0 {
				return
			}
			if _, err := conn.Write(out); err != nil {
				return
			}
		}
	}
}

func (s *script) next(t *testing.T) string {
	t.Helper()
	select {
	case p := <-s.packets:
		return p
	case <-time.After(time.Minute):
		t.Fatal("nothing came")
		return ""
	}
}

// told keeps what an observer hears.
type told struct {
	mu    sync.Mutex
	words []string
}

func (o *told) say(format string, args ...any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.words = append(o.words, fmt.Sprintf(format, args...))
}

func (o *told) all() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]string(nil), o.words...)
}

func client(addr string, qos byte) (*Client, *told) {
	o := &told{}
	return New(Options{
		Addr: addr, ClientID: "c", QoS: qos, Window: 2, Keep: 3, Will: &packet.Will{Topic: "w", Payload: []byte("bye")},
		Observer: Observer{
			Sent:    func(m *Message, again bool) { o.say("sent %d %v", m.Tag, again) },
			Settled: func(m *Message, reason byte) { o.say("settled %d %#x", m.Tag, reason) },
			Dropped: func(m *Message) { o.say("dropped %d", m.Tag) },
		},
	}), o
}

func finish(t *testing.T, c *Client) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := c.Finish(ctx); err != nil {
		t.Error(err)
	}
}

func accept() []byte { return []byte{0x20, 2, 0, 0} }

func message(i int) Message { return Message{Topic: fmt.Sprint("t", i), Payload: []byte("{}"), Tag: i} }

func id(p packet.Packet) []byte {
	n := int(p.Body[1])
	return p.Body[2+n : 4+n]
}

func TestWhatIsNotAnsweredIsSentAgainOnTheNextConnection(t *testing.T) {
	s := listen(t, func(conn int, p packet.Packet) []byte {
		switch {
		case p.Type == packet.CONNECT:
			return accept()
		case p.Type == packet.PUBLISH && conn == 1:
			return append([]byte{0x40, 2}, id(p)...)
		}
		return nil
	})
	c, o := client(s.Addr().String(), 1)
	c.Publish(message(1), message(2), message(3)) // waits for a connection
	if err := c.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := []string{s.next(t), s.next(t), s.next(t)} // the window is 2
	if !c.Break() || c.Break() {
		t.Error("it breaks once")
	}
	got = append(got, s.next(t))
	finish(t, c) // connects again
	for range 6 {
		got = append(got, s.next(t))
	}
	want := []string{
		"CONNECT", "PUBLISH t1 dup=0 id=1", "PUBLISH t2 dup=0 id=2", "gone",
		"CONNECT", "PUBLISH t1 dup=1 id=1", "PUBLISH t2 dup=1 id=2", "PUBLISH t3 dup=0 id=3", "DISCONNECT", "gone",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("packets (-want +got):\n%s", diff)
	}
	told := []string{
		"sent 1 false", "sent 2 false", "sent 1 true", "sent 2 true", "settled 1 0x0", "settled 2 0x0", "sent 3 false", "settled 3 0x0",
	}
	slices.Sort(told) // the third may go between the answers to the others
	heard := o.all()
	slices.Sort(heard)
	if diff := cmp.Diff(told, heard); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

func TestQoS2IsSettledByItsPUBREC(t *testing.T) {
	s := listen(t, func(_ int, p packet.Packet) []byte {
		switch p.Type {
		case packet.CONNECT:
			return accept()
		case packet.PUBLISH:
			return append([]byte{0x50, 2}, id(p)...)
		case packet.PUBREL:
			return append([]byte{0x70, 2}, p.Body...)
		}
		return nil
	})
	c, o := client(s.Addr().String(), 2)
	if err := c.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.Publish(message(1))
	finish(t, c)
	if diff := cmp.Diff([]string{"sent 1 false", "settled 1 0x0"}, o.all()); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	for _, want := range []string{"CONNECT", "PUBLISH t1 dup=0 id=1", "PUBREL", "DISCONNECT"} {
		if got := s.next(t); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestARefusalIsARefusal(t *testing.T) {
	s := listen(t, func(_ int, p packet.Packet) []byte {
		if p.Type == packet.CONNECT {
			return []byte{0x20, 2, 0, 5}
		}
		return nil
	})
	c, _ := client(s.Addr().String(), 1)
	if err := c.Connect(t.Context()); !errors.Is(err, ErrRefused) {
		t.Errorf("got %v, want ErrRefused", err)
	}
}

func TestWhatWaitsTooLongIsDroppedTheOldestFirst(t *testing.T) {
	c, o := client("127.0.0.1:1", 1)
	for i := range 5 {
		c.Publish(message(i))
	}
	if diff := cmp.Diff([]string{"dropped 0", "dropped 1"}, o.all()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := c.Finish(ctx); err == nil || !strings.Contains(err.Error(), "3 messages of c are not settled") {
		t.Errorf("got %v", err)
	}
}

func TestABrokerThatAnswersNothingIsLeftInTime(t *testing.T) {
	s := listen(t, func(_ int, p packet.Packet) []byte {
		if p.Type == packet.CONNECT {
			return accept()
		}
		return nil
	})
	c, _ := client(s.Addr().String(), 1)
	c.Publish(message(1))
	if err := c.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := c.Finish(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}
