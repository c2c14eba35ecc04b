package httpserver

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// forever is a Progress that no busy machine takes.
const forever = 10 * time.Minute

// serving returns a server with a handler, for which bodies may take forever, and
// which ends with the test.
func serving(t *testing.T, h http.Handler) *Server {
	t.Helper()
	s, err := Listen(t.Context(), "127.0.0.1:0", &http.Server{Handler: h})
	if err != nil {
		t.Fatal(err)
	}
	s.progress = forever
	s.Serve(func(err error) { t.Error(err) })
	return s
}

func dial(t *testing.T, s *Server) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// accepted waits until the server knows a connection on which nothing was asked.
func (s *Server) accepted(t *testing.T) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		s.mu.Lock()
		n := len(s.silent)
		s.mu.Unlock()
		if n > 0 {
			return
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatal("the connection was not accepted")
		}
	}
}

func TestAConnectionOnWhichNothingWasAskedDelaysNoStop(t *testing.T) {
	// http.Server's own Shutdown waits at least five seconds for it, each time; a
	// busy machine may stand still for as long, but not each time.
	var err error
	for range 4 {
		if err = stopWithSilence(t); err == nil {
			return
		}
	}
	t.Error(err)
}

// stopWithSilence returns the error of a stop that may take less than five seconds,
// with a connection on which nothing was asked.
func stopWithSilence(t *testing.T) error {
	t.Helper()
	s := serving(t, http.NotFoundHandler())
	c := dial(t, s)
	s.accepted(t)
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
	defer cancel()
	err := s.Stop(ctx)
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("the connection is still open")
	}
	return err
}

func TestARequestBeingServedEndsBeforeTheStop(t *testing.T) {
	asked, answer := make(chan struct{}), make(chan struct{})
	s := serving(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(asked)
		<-answer
		io.WriteString(w, "whole")
	}))
	c := dial(t, s)
	fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: weir\r\n\r\n")
	<-asked
	stopped := make(chan error, 1)
	go func() { stopped <- s.Stop(t.Context()) }()
	close(answer)
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(r.Body)
	if string(body) != "whole" || err != nil {
		t.Errorf("the answer is %q, %v", body, err)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestARequestThatTakesTooLongIsBrokenOff(t *testing.T) {
	asked, broken := make(chan struct{}), make(chan struct{})
	s := serving(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(asked)
		<-r.Context().Done()
		close(broken)
	}))
	fmt.Fprint(dial(t, s), "GET / HTTP/1.1\r\nHost: weir\r\n\r\n")
	<-asked
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Stop(over); err == nil || !strings.Contains(err.Error(), "broken off") {
		t.Errorf("the stop returned %v", err)
	}
	<-broken
}

func TestAListenerThatFailsSaysSo(t *testing.T) {
	s, err := Listen(t.Context(), "127.0.0.1:0", &http.Server{})
	if err != nil {
		t.Fatal(err)
	}
	failed := make(chan error, 1)
	s.Serve(func(err error) { failed <- err })
	s.listener.Close()
	if err := <-failed; err == nil {
		t.Error("no reason")
	}
	if err := s.Stop(t.Context()); err == nil {
		t.Error("the stop says nothing of it")
	}
}

func TestNoServerHasNoAddressAndStops(t *testing.T) {
	var none *Server
	none.Serve(nil)
	if none.Addr() != "" || none.Stop(t.Context()) != nil {
		t.Error("none is something")
	}
}

func TestAServerThatNeverServedGivesItsAddressBack(t *testing.T) {
	s, err := Listen(t.Context(), "127.0.0.1:0", &http.Server{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	again, err := Listen(t.Context(), s.Addr(), &http.Server{})
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}
