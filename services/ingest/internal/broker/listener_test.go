package broker

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// doorstep is a listener whose Accept returns what the test puts there.
type doorstep chan any // an error or a net.Conn

func (d doorstep) Accept() (net.Conn, error) {
	switch v := (<-d).(type) {
	case net.Conn:
		return v, nil
	case error:
		return nil, v
	}
	return nil, net.ErrClosed
}

func (d doorstep) Close() error   { close(d); return nil }
func (d doorstep) Addr() net.Addr { return &net.TCPAddr{} }

func serve(t *testing.T, log *slog.Logger, establish func(string, net.Conn) error) (doorstep, *listener, chan *conn) {
	t.Helper()
	d := make(doorstep, 10)
	ended := make(chan *conn, 10)
	l := &listener{net: d, log: log, ended: func(c *conn) { ended <- c }, leave: func() {}, conns: map[*conn]struct{}{}}
	go l.Serve(establish)
	return d, l, ended
}

func readAll(_ string, c net.Conn) error {
	_, err := io.Copy(io.Discard, c)
	return err
}

func TestAnErrorOfAcceptIsNotTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logged strings.Builder
		d, l, ended := serve(t, slog.New(slog.NewTextHandler(&logged, nil)), readAll)
		client, socket := net.Pipe()
		d <- errors.New("too many open files")
		d <- socket
		client.Close()
		<-ended
		l.Close(nil)
		if !strings.Contains(logged.String(), "too many open files") {
			t.Errorf("logged: %s", logged.String())
		}
	})
}

func TestAConnectionThatSaysNothingIsEndedInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, l, ended := serve(t, slog.New(slog.DiscardHandler), readAll)
		_, socket := net.Pipe()
		start := time.Now()
		d <- socket
		<-ended
		if took := time.Since(start); took != connectTimeout {
			t.Errorf("it took %s, want %s", took, connectTimeout)
		}
		l.Close(nil)
	})
}

func TestAPanicEndsItsConnectionOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := true
		d, l, ended := serve(t, slog.New(slog.DiscardHandler), func(id string, c net.Conn) error {
			if first {
				first = false
				panic("index out of range")
			}
			return readAll(id, c)
		})
		broken, socket := net.Pipe()
		d <- socket
		<-ended
		if _, err := broken.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("the connection: %v", err)
		}
		client, socket := net.Pipe()
		d <- socket
		synctest.Wait()
		if len(ended) != 0 {
			t.Error("the other connection ended")
		}
		said := false
		l.leave = func() { said = true }
		l.Close(nil)
		if _, err := client.Read(make([]byte, 1)); err != io.EOF || !said {
			t.Errorf("after the listener's close: %v, %v", err, said)
		}
		if len(l.conns) != 0 {
			t.Errorf("%d connections are left", len(l.conns))
		}
	})
}

func TestAConnectionThatComesTooLateIsClosed(t *testing.T) {
	l := &listener{conns: map[*conn]struct{}{}, closed: true}
	_, socket := net.Pipe()
	defer socket.Close()
	if l.start(socket, readAll) {
		t.Error("it is served")
	}
}
