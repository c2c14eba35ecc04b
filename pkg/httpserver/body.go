package httpserver

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"time"
)

// Progress is how long a request's body may bring nothing.
const Progress = 10 * time.Second

// unreadGrace is how long is waited for a body that nobody wants, once its request
// is answered: a client that is still sending does not look for the answer.
const unreadGrace = time.Second

// Why a body is not read on. Reading it returns an error that wraps one of them,
// or what BreakOff was told.
var (
	// ErrStopping comes when the server stops and the body has not arrived.
	ErrStopping = errors.New("the server is stopping")
	// ErrSlow comes when a body has brought nothing for Progress, or is not whole
	// when the server's ReadTimeout is over.
	ErrSlow = errors.New("the body comes too slowly")
)

// BreakOff has the reading of a request's body end with an error, also one that
// is under way, and reports whether it will. It may be called concurrently with it.
// It does nothing to a body that has come whole, or to one of a request that no
// Server got.
func BreakOff(r *http.Request, err error) bool {
	b, ours := r.Body.(*body)
	return ours && b.breakOff(err)
}

// body is the body of a request being served.
//
// Whoever sends a body slowly keeps a connection and what its handler holds, and
// a stop would wait for it. So each read has a deadline, and a stop makes that of
// all bodies pass. The deadline is set under mu, where broken is looked at: one
// that has been made to pass is never put off again.
type body struct {
	io.ReadCloser
	conn     *http.ResponseController
	progress time.Duration
	latest   time.Time // when it must be whole; zero for whenever

	mu      sync.Mutex
	over    bool  // it has come whole, or failed
	broken  error // why it is not read on
	noLimit bool  // the connection knows no deadlines
}

// served has each request's body watched while a handler has it.
func (s *Server) served(h http.Handler, readTimeout time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body == nil || r.Body == http.NoBody {
			h.ServeHTTP(w, r)
			return
		}
		b := &body{ReadCloser: r.Body, conn: http.NewResponseController(w), progress: s.progress}
		if readTimeout > 0 {
			b.latest = time.Now().Add(readTimeout)
		}
		s.watch(b)
		defer s.unwatch(b)
		watched := *r
		watched.Body = b
		defer b.leave()
		h.ServeHTTP(w, &watched)
	})
}

func (s *Server) watch(b *body) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bodies[b] = struct{}{}
	if s.stopping {
		b.breakOff(ErrStopping)
	}
}

func (s *Server) unwatch(b *body) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.bodies, b)
}

// Read reads on.
func (b *body) Read(p []byte) (int, error) {
	if err := b.expect(b.progress); err != nil {
		return 0, err
	}
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		err = b.end(err)
	}
	return n, err
}

// expect has the next read wait so long.
func (b *body) expect(patience time.Duration) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.broken != nil:
		return b.broken
	case b.over || b.noLimit:
		return nil
	}
	deadline := time.Now().Add(patience)
	if !b.latest.IsZero() && b.latest.Before(deadline) {
		deadline = b.latest
	}
	b.noLimit = b.conn.SetReadDeadline(deadline) != nil
	return nil
}

// end notes why nothing more is read. While the request is served further, the
// connection has no deadline: reaching one would end the request's context.
func (b *body) end(err error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.over {
		return err
	}
	b.over = true
	switch {
	case b.broken != nil:
		return b.broken
	case errors.Is(err, os.ErrDeadlineExceeded):
		b.broken = fmt.Errorf("%w: nothing more came in time", ErrSlow)
		return b.broken
	}
	if !b.noLimit {
		_ = b.conn.SetReadDeadline(time.Time{})
	}
	return err
}

func (b *body) breakOff(err error) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.over || b.broken != nil {
		return b.broken != nil
	}
	b.broken = err
	_ = b.conn.SetReadDeadline(time.Unix(1, 0))
	return true
}

// leave bounds how long net/http reads what the handler left unread.
func (b *body) leave() { _ = b.expect(unreadGrace) }
