// Package httpserver runs an http.Server on a TCP address and stops it in the
// way that every listener of weir does: requests being served end, and nothing
// else is waited for.
package httpserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// Server is a listener with its HTTP server. Its methods may be called on a nil
// Server, which is none: it has no address and is always stopped.
type Server struct {
	http     *http.Server
	listener net.Listener
	ended    chan struct{} // made by Serve, closed when the listener is not served any more
	failure  error         // set before ended is closed
	progress time.Duration // Progress, but for tests

	mu       sync.Mutex
	stopping bool
	silent   map[net.Conn]struct{} // connections on which nothing was asked yet
	bodies   map[*body]struct{}    // of the requests being served
}

// Listen binds addr, host:port, where port 0 picks one. Connections wait in the
// listener's backlog until Serve. h is used up: its ConnState is set and its
// Handler wrapped, and it must not be served elsewhere.
//
// A request's body must bring something every Progress and be whole within h's
// ReadTimeout: else reading it returns ErrSlow.
func Listen(ctx context.Context, addr string, h *http.Server) (*Server, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	s := &Server{http: h, listener: l, silent: map[net.Conn]struct{}{}, bodies: map[*body]struct{}{}, progress: Progress}
	h.ConnState = s.connState
	if h.Handler == nil {
		h.Handler = http.DefaultServeMux
	}
	h.Handler = s.served(h.Handler, h.ReadTimeout)
	return s, nil
}

// Addr returns the bound address, "" for a nil Server.
func (s *Server) Addr() string {
	if s == nil {
		return ""
	}
	return s.listener.Addr().String()
}

// Serve serves in a goroutine until Stop. It is called at most once. failed
// is called if it ends before, with the reason, which Stop returns too.
func (s *Server) Serve(failed func(error)) {
	if s == nil {
		return
	}
	s.ended = make(chan struct{})
	go func() {
		defer close(s.ended)
		if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
			s.failure = fmt.Errorf("serve HTTP on %s: %w", s.listener.Addr(), err)
			failed(s.failure)
		}
	}()
}

// Stop takes no new requests and waits for those being served. When ctx ends
// first they are broken off, and the error says so; one whose body has not arrived
// yet is broken off at once: reading it returns ErrStopping. Where Serve was not
// called, it gives the address back.
func (s *Server) Stop(ctx context.Context) error {
	if s == nil {
		return nil
	}
	if s.ended == nil {
		return s.listener.Close()
	}
	s.breakOff()
	err := s.http.Shutdown(ctx)
	if err != nil {
		s.http.Close()
		err = fmt.Errorf("requests were broken off: %w", err)
	}
	<-s.ended
	return errors.Join(err, s.failure)
}

// connState keeps silent. Shutdown would wait five seconds for such connections,
// which browsers and Go's own client open in advance as a matter of course.
func (s *Server) connState(c net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if state != http.StateNew {
		delete(s.silent, c)
		return
	}
	s.silent[c] = struct{}{}
	if s.stopping {
		c.Close()
	}
}

// breakOff breaks off all that has not been asked whole.
func (s *Server) breakOff() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopping = true
	for c := range s.silent {
		c.Close()
	}
	for b := range s.bodies {
		b.breakOff(ErrStopping)
	}
}
