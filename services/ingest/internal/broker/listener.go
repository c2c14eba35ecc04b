package broker

import (
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"

	"github.com/mochi-mqtt/server/v2/listeners"
)

const listenerID = "mqtt"

// listener is a TCP listener that keeps a malformed packet from ending the
// process: the broker's packet decoder panics on some (a SUBSCRIBE without its
// options byte, say), so each connection's goroutine recovers, and only that
// connection ends.
type listener struct {
	net      net.Listener
	log      *slog.Logger
	panicked func(net.Conn)
}

var _ listeners.Listener = (*listener)(nil)

func listen(addr string, log *slog.Logger, panicked func(net.Conn)) (*listener, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen for MQTT: %w", err)
	}
	return &listener{net: l, log: log, panicked: panicked}, nil
}

func (l *listener) Init(*slog.Logger) error { return nil }
func (l *listener) ID() string              { return listenerID }
func (l *listener) Address() string         { return l.net.Addr().String() }
func (l *listener) Protocol() string        { return "tcp" }

// Serve accepts connections until Close.
func (l *listener) Serve(establish listeners.EstablishFn) {
	for {
		conn, err := l.net.Accept()
		if err != nil {
			return
		}
		go l.serve(conn, establish)
	}
}

func (l *listener) serve(conn net.Conn, establish listeners.EstablishFn) {
	defer func() {
		if p := recover(); p != nil {
			l.log.Warn("a connection was ended: its packet could not be read", "remote", conn.RemoteAddr().String(), "panic", p)
			l.log.Debug("stack of the panic", "stack", string(debug.Stack()))
			conn.Close()
			l.panicked(conn)
		}
	}()
	if err := establish(listenerID, conn); err != nil {
		l.log.Debug("connection ended", "remote", conn.RemoteAddr().String(), "reason", err)
	}
}

// Close stops accepting, then lets the broker end the connections there are.
func (l *listener) Close(closeClients listeners.CloseFn) {
	l.net.Close()
	closeClients(listenerID)
}
