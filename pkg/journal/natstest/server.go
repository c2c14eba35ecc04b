package natstest

import (
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// patience bounds the start of a server, and the making of a connection to it, on
// a busy machine.
const patience = time.Minute

// Listen starts a server that listens on a port, -1 for any, and keeps its
// streams in dir, as one beside weir's services does. It ends with the test.
func Listen(t testing.TB, dir string, port int) *server.Server {
	t.Helper()
	s := start(t, server.Options{Host: "127.0.0.1", Port: port, StoreDir: dir})
	t.Cleanup(func() { stop(s) })
	return s
}

func start(t testing.TB, options server.Options) *server.Server {
	t.Helper()
	options.JetStream, options.SyncAlways, options.NoLog, options.NoSigs = true, true, true, true
	s, err := server.NewServer(&options)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(patience) {
		stop(s)
		t.Fatal("the NATS server is not ready")
	}
	return s
}

func stop(s *server.Server) {
	s.Shutdown()
	s.WaitForShutdown()
}

// Outlet is a server without an open port that can be switched off and on, while
// connections to it try to come back.
type Outlet struct {
	t   testing.TB
	dir string
	mu  sync.Mutex
	s   *server.Server // nil: off
}

// NewOutlet returns an outlet that is on, with its streams in a temporary
// directory. It ends with the test.
func NewOutlet(t testing.TB) *Outlet {
	t.Helper()
	o := &Outlet{t: t, dir: t.TempDir()}
	o.On()
	t.Cleanup(o.Off)
	return o
}

// On switches the server on, with what is in its directory.
func (o *Outlet) On() {
	o.t.Helper()
	s := start(o.t, server.Options{ServerName: "weir", DontListen: true, StoreDir: o.dir})
	o.mu.Lock()
	defer o.mu.Unlock()
	o.s = s
}

// Off switches the server off, if it is on.
func (o *Outlet) Off() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.s != nil {
		stop(o.s)
		o.s = nil
	}
}

// InProcessConn implements nats.InProcessConnProvider.
func (o *Outlet) InProcessConn() (net.Conn, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.s == nil {
		return nil, errors.New("switched off")
	}
	return o.s.InProcessConn()
}

// Connect returns a connection that comes back as soon as the server does. It is
// closed at the test's end.
func (o *Outlet) Connect() *nats.Conn {
	o.t.Helper()
	nc, err := nats.Connect("", nats.InProcessServer(o), nats.Timeout(patience), nats.MaxReconnects(-1), nats.ReconnectWait(10*time.Millisecond))
	if err != nil {
		o.t.Fatal(err)
	}
	o.t.Cleanup(nc.Close)
	return nc
}
