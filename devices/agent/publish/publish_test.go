package publish

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"weir/devices/agent/dialect"
	"weir/devices/agent/sink"
	"weir/devices/agent/spool"
	"weir/devices/internal/packet"
	"weir/devices/internal/wire"
)

func TestMain(m *testing.M) {
	for _, proxy := range []string{"ALL_PROXY", "all_proxy"} { // brokers would be reached by it, those on this machine, too
		if err := os.Unsetenv(proxy); err != nil {
			panic(err)
		}
	}
	goleak.VerifyTestMain(m)
}

// frail is a listener whose first connections break after so many bytes.
type frail struct {
	net.Listener
	breaks atomic.Int32 // connections that will break
	after  int
}

func (f *frail) Accept() (net.Conn, error) {
	c, err := f.Listener.Accept()
	if err != nil || f.breaks.Add(-1) < 0 {
		return c, err
	}
	return &frailConn{Conn: c, left: f.after}, nil
}

type frailConn struct {
	net.Conn
	left int
}

func (c *frailConn) Read(b []byte) (int, error) {
	if c.left <= 0 {
		return 0, errors.Join(net.ErrClosed, c.Close())
	}
	n, err := c.Conn.Read(b[:min(len(b), c.left)])
	c.left -= n
	return n, err
}

func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	deadline := time.After(time.Minute)
	for tick := time.NewTicker(5 * time.Millisecond); !f(); {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not within a minute: %s", what)
		}
	}
}

// fill puts messages 000, 001 … into a spool.
func fill(t *testing.T, s spool.Spool, n int) {
	t.Helper()
	for n := range n {
		if err := s.Put(dialect.Message{Topic: "t", Payload: fmt.Appendf(nil, "%03d", n)}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestConnectionsThatBreak sends a hundred messages over connections that break
// in the midst of them: all come, in their order, and only what was in flight
// comes twice, as the retransmission that it is.
func TestConnectionsThatBreak(t *testing.T) {
	for _, qos := range []byte{1, 2} {
		t.Run(fmt.Sprintf("QoS %d", qos), func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			f := &frail{Listener: l, after: 400}
			f.breaks.Store(2)
			broker := sink.Serve(f, true)
			defer func() {
				if err := broker.Stop(); err != nil {
					t.Error(err)
				}
			}()
			const all = 100
			waiting := spool.NewMemory(1 << 20)
			var faults atomic.Int32
			p := New(Config{
				Broker: "tcp://" + broker.Addr(), ClientID: "c", QoS: qos, AliveEvery: time.Hour, Spool: waiting,
				Create: dialect.Message{Topic: "create"}, Alive: dialect.Message{Topic: "alive"}, Offline: dialect.Message{Topic: "offline"},
				Watch: Watch{Disconnected: func(error) { faults.Add(1) }},
			})
			fill(t, waiting, all)
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				p.Run(ctx, t.Context())
			}()
			eventually(t, "all are acknowledged", func() bool { return p.Sent() == all })
			cancel()
			<-ended
			var got, want []string
			sessions, ids := 0, map[string]uint16{}
			for _, m := range broker.Messages() {
				switch m.Topic {
				case "create":
					sessions++
				case "t":
					id, again := ids[string(m.Payload)]
					if !again {
						got = append(got, string(m.Payload))
					}
					if again && (m.ID != id || !m.Dup) || sessions == 1 && m.Dup {
						t.Errorf("connection %d: %s with packet id %d, before %d, DUP %t", sessions, m.Payload, m.ID, id, m.Dup)
					}
					ids[string(m.Payload)] = m.ID
				}
			}
			for n := range all {
				want = append(want, fmt.Sprintf("%03d", n))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("messages (-want +got):\n%s", diff)
			}
			if sessions != 3 || faults.Load() != 2 || p.Connected() || waiting.State().Messages != 0 {
				t.Errorf("%d sessions, %d faults, connected %t, %+v", sessions, faults.Load(), p.Connected(), waiting.State())
			}
			if last := broker.Messages()[len(broker.Messages())-1]; last.Topic != "offline" {
				t.Errorf("the last word is %s", last.Topic)
			}
		})
	}
}

// deaf is a broker that answers CONNECT and the registration, and then nothing. It
// counts what it does not answer.
func deaf(t *testing.T) (addr string, unanswered *atomic.Int32) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	unanswered = new(atomic.Int32)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		w := wire.New(conn, 1024)
		for {
			p, err := w.Next()
			if err != nil {
				return
			}
			switch {
			case p.Type == packet.CONNECT:
				_, err = conn.Write([]byte{byte(packet.CONNACK) << 4, 2, 0, 0})
			case p.Type == packet.PUBLISH && p.Body[2] != 't':
				topic := int(p.Body[1])
				_, err = conn.Write(packet.AppendAck(nil, packet.PUBACK, binary.BigEndian.Uint16(p.Body[2+topic:])))
			case p.Type == packet.PUBLISH:
				unanswered.Add(1)
			}
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-ended
	})
	return l.Addr().String(), unanswered
}

// TestAnEarlierPublisher ends a publisher whose messages are in flight: the next
// one on the same spool sends those as retransmissions, with the same packet
// ids, and the others as new.
func TestAnEarlierPublisher(t *testing.T) {
	dir := t.TempDir()
	waiting, err := spool.Open(dir, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	addr, unanswered := deaf(t)
	config := Config{
		Broker: "tcp://" + addr, ClientID: "c", QoS: 1, AliveEvery: time.Hour, Spool: waiting,
		Create: dialect.Message{Topic: "create"}, Alive: dialect.Message{Topic: "alive"}, Offline: dialect.Message{Topic: "offline"},
	}
	p := New(config)
	fill(t, waiting, 100)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.Run(ctx, ctx)
	}()
	eventually(t, "a windowful is in flight", func() bool { return unanswered.Load() == window })
	cancel()
	<-ended
	if err := waiting.Close(); err != nil {
		t.Fatal(err)
	}

	if waiting, err = spool.Open(dir, 1<<20); err != nil {
		t.Fatal(err)
	}
	defer waiting.Close()
	broker, err := sink.Start("127.0.0.1:0", true)
	if err != nil {
		t.Fatal(err)
	}
	defer broker.Stop()
	config.Broker, config.Spool = "tcp://"+broker.Addr(), waiting
	p = New(config)
	stopped, stop := context.WithCancel(t.Context())
	stop()
	p.Run(stopped, t.Context())
	number := 0
	for _, m := range broker.Messages() {
		if m.Topic != "t" {
			continue
		}
		if number++; m.ID != uint16(number) || m.Dup != (number <= window) {
			t.Errorf("message %d has packet id %d and DUP %t", number, m.ID, m.Dup)
		}
	}
	if number != 100 {
		t.Errorf("%d messages", number)
	}
}

// TestPacketIDs has the ids of messages that may be in flight at once differ.
func TestPacketIDs(t *testing.T) {
	for number, want := range map[uint64]uint16{1: 1, 32767: 32767, 32768: 1, 65534: 32767, 65535: 1} {
		if got := packetID(number); got != want {
			t.Errorf("message %d: %d, want %d", number, got, want)
		}
	}
	s := session{}
	for range 1<<16 + 2 {
		if id := s.nextControl(); id < firstControl {
			t.Fatalf("%d is that of a message of the spool", id)
		}
	}
}

// TestLook has a broker that is silent asked, and left after a while.
func TestLook(t *testing.T) {
	began := time.Now()
	for _, tt := range []struct {
		name    string
		flights int
		after   time.Duration
		heard   time.Duration
		asks    bool
		fault   string
	}{
		{"a broker that spoke lately is left alone", 1, 10 * time.Second, 9 * time.Second, false, ""},
		{"it is asked for a sign of life now and then", 0, 15 * time.Second, 14 * time.Second, true, ""},
		{"one that says nothing at all is left", 0, 41 * time.Second, 0, false, "not a word within 40s"},
		{"so is one that acknowledges nothing", 1, 31 * time.Second, 30 * time.Second, false, "no answer within 30s"},
		{"it need not while there is nothing to acknowledge", 0, 31 * time.Second, 30 * time.Second, true, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := session{c: &connection{}, flights: make([]flight, tt.flights), heard: began.Add(tt.heard), asked: began, progress: began}
			err := s.look(began.Add(tt.after))
			if fault := fmt.Sprint(err); (err != nil) != (tt.fault != "") || err != nil && fault != tt.fault || (len(s.c.out) > 0) != tt.asks {
				t.Errorf("%v, it writes % x", err, s.c.out)
			}
		})
	}
}

// conns is a listener of the connections that are given to it.
type conns struct {
	net.Listener
	given chan net.Conn
}

func (c *conns) Accept() (net.Conn, error) {
	conn, ok := <-c.given
	if !ok {
		return nil, net.ErrClosed
	}
	return conn, nil
}

func (c *conns) Close() error {
	close(c.given)
	return nil
}

// TestWebSockets carries a message in a WebSocket.
func TestWebSockets(t *testing.T) {
	l := &conns{given: make(chan net.Conn)}
	broker := sink.Serve(l, true)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"mqtt"}})
		if err != nil {
			t.Error(err)
			return
		}
		l.given <- websocket.NetConn(context.Background(), conn, websocket.MessageBinary)
	}))
	defer server.Close()
	waiting := spool.NewMemory(1 << 20)
	fill(t, waiting, 3)
	p := New(Config{
		Broker: "ws" + strings.TrimPrefix(server.URL, "http") + "/mqtt", ClientID: "c", QoS: 2, AliveEvery: time.Hour, Spool: waiting,
		Create: dialect.Message{Topic: "create"}, Alive: dialect.Message{Topic: "alive"}, Offline: dialect.Message{Topic: "offline"},
		Watch: Watch{Disconnected: func(err error) { t.Error(err) }},
	})
	stopped, stop := context.WithCancel(t.Context())
	stop()
	p.Run(stopped, t.Context())
	if err := broker.Stop(); err != nil {
		t.Error(err)
	}
	var got []string
	for _, m := range broker.Messages() {
		got = append(got, m.Topic+string(m.Payload))
	}
	if diff := cmp.Diff([]string{"create", "alive", "t000", "t001", "t002", "offline"}, got); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
}

// TestAStopIsBounded stops a publisher whose broker never answers: it gives up when
// it is told to, not when it would by itself.
func TestAStopIsBounded(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	waiting := spool.NewMemory(1 << 20)
	if err := waiting.Put(dialect.Message{Topic: "t"}); err != nil {
		t.Fatal(err)
	}
	var fault error
	p := New(Config{
		Broker: "tcp://" + l.Addr().String(), ClientID: "c", QoS: 1, AliveEvery: time.Hour, Spool: waiting,
		Watch: Watch{Disconnected: func(err error) { fault = err }},
	})
	ctx, cancel := context.WithCancel(t.Context())
	grace, end := context.WithCancel(t.Context())
	defer end()
	cancel()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.Run(ctx, grace)
	}()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	began := time.Now()
	end()
	<-ended
	if took := time.Since(began); took >= connectTimeout || fault == nil || waiting.State().Messages != 1 {
		t.Errorf("it took %s, %v, %+v", took, fault, waiting.State())
	}
}
