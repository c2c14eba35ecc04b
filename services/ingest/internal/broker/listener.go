package broker

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"sync"
	"time"

	"github.com/mochi-mqtt/server/v2/listeners"
)

const (
	listenerID = "mqtt"
	// acceptPause is the wait after an error of the listener's, such as too many
	// open files.
	acceptPause = 100 * time.Millisecond
)

// listener is a TCP listener that keeps a malformed packet from ending the
// process: the broker's packet decoder panics on some (a SUBSCRIBE without its
// options byte, say), so each connection's goroutine recovers, and only that
// connection ends.
type listener struct {
	net   net.Listener
	log   *slog.Logger
	ended func(*conn) // told when the broker is done with a connection
	leave func()      // ends the connections of all clients

	mu     sync.Mutex
	conns  map[*conn]struct{}
	closed bool
	all    sync.WaitGroup // of the connections
}

var _ listeners.Listener = (*listener)(nil)

func listen(addr string, log *slog.Logger, ended func(*conn), leave func()) (*listener, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen for MQTT: %w", err)
	}
	return &listener{net: l, log: log, ended: ended, leave: leave, conns: map[*conn]struct{}{}}, nil
}

func (l *listener) Init(*slog.Logger) error { return nil }
func (l *listener) ID() string              { return listenerID }
func (l *listener) Address() string         { return l.net.Addr().String() }
func (l *listener) Protocol() string        { return "tcp" }

// Serve accepts connections until the listener is closed.
func (l *listener) Serve(establish listeners.EstablishFn) {
	for {
		socket, err := l.net.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			l.log.Error("an MQTT connection could not be accepted", "error", err)
			time.Sleep(acceptPause)
		case !l.start(socket, establish):
			socket.Close()
		}
	}
}

// start serves a connection, unless the listener is closed.
func (l *listener) start(socket net.Conn, establish listeners.EstablishFn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	c := newConn(socket)
	l.conns[c] = struct{}{}
	l.all.Go(func() { l.serve(c, establish) })
	return true
}

func (l *listener) serve(c *conn, establish listeners.EstablishFn) {
	defer func() {
		if p := recover(); p != nil {
			l.log.Warn("a connection was ended: its packet could not be read", "remote", c.RemoteAddr().String(), "panic", p)
			l.log.Debug("stack of the panic", "stack", string(debug.Stack()))
		}
		_ = c.Close()
		l.ended(c)
		<-c.flushed
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.conns, c)
	}()
	_ = c.SetDeadline(time.Now().Add(connectTimeout)) // the broker sets its own once it has read CONNECT
	if err := establish(listenerID, c); err != nil {
		l.log.Debug("connection ended", "remote", c.RemoteAddr().String(), "reason", err)
	}
}

// stopAccepting closes the listener; its connections go on.
func (l *listener) stopAccepting() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.net.Close()
}

// Close ends the clients' connections, then those that are no client's yet, and
// waits until all are gone. The broker's own way of ending them takes a lock for
// reading twice, one within the other: a client that goes away between the two
// stops it for ever.
func (l *listener) Close(listeners.CloseFn) {
	l.stopAccepting()
	l.leave()
	l.mu.Lock()
	for c := range l.conns {
		_ = c.Close()
	}
	l.mu.Unlock()
	l.all.Wait()
}
