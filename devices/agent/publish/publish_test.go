package publish

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"weir/devices/agent/dialect"
	"weir/devices/agent/sink"
	"weir/devices/agent/spool"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

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
	deadline := time.After(20 * time.Second)
	for tick := time.NewTicker(5 * time.Millisecond); !f(); {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not within 20 seconds: %s", what)
		}
	}
}

// TestConnectionsThatBreak sends a hundred messages over connections that break
// in the midst of them: all come, in their order, and only what was in flight
// comes twice.
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
			for n := range all {
				if err := waiting.Put(dialect.Message{Topic: "t", Payload: fmt.Appendf(nil, "%03d", n)}); err != nil {
					t.Fatal(err)
				}
			}
			var faults atomic.Int32
			p := New(Config{
				Broker: "tcp://" + broker.Addr(), ClientID: "c", QoS: qos, AliveEvery: time.Hour, Spool: waiting,
				Create: dialect.Message{Topic: "create"}, Alive: dialect.Message{Topic: "alive"}, Offline: dialect.Message{Topic: "offline"},
				Watch: Watch{Disconnected: func(error) { faults.Add(1) }}, WriteTimeout: 500 * time.Millisecond,
			})
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
			sessions := 0
			for _, m := range broker.Messages() {
				switch m.Topic {
				case "create":
					sessions++
				case "t":
					if !slices.Contains(got, string(m.Payload)) {
						got = append(got, string(m.Payload))
					}
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

// TestAStopIsBounded stops a publisher whose broker never answers.
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
	p := New(Config{Broker: "tcp://" + l.Addr().String(), ClientID: "c", QoS: 1, AliveEvery: time.Hour, Spool: waiting})
	ctx, cancel := context.WithCancel(t.Context())
	grace, end := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer end()
	cancel()
	began := time.Now()
	p.Run(ctx, grace)
	if took := time.Since(began); took > 5*time.Second || waiting.State().Messages != 1 {
		t.Errorf("it took %s, %+v", took, waiting.State())
	}
}
