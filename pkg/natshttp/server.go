package natshttp

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"
)

// Option changes how Serve serves.
type Option func(*server)

// Concurrency is how many requests are handled at a time, 64 by default. Up to
// Backlog others wait for their turn; what comes beyond is answered with 503.
func Concurrency(n int) Option { return func(s *server) { s.turns = make(chan struct{}, n) } }

// Backlog is how many requests may wait for their turn.
const Backlog = 1024

// Panicked is told of a handler's panic, whose client gets a 500. It may be
// called concurrently, and r must not be kept.
func Panicked(f func(r *http.Request, value any, stack []byte)) Option {
	return func(s *server) { s.panicked = f }
}

// server serves one subject.
type server struct {
	nc       *nats.Conn
	subject  string
	handler  http.Handler
	turns    chan struct{} // one for each request being handled
	panicked func(r *http.Request, value any, stack []byte)

	base context.Context // ends when the stop has waited long enough
	room chan struct{}   // one for each request that is here

	// One channel for requests and for what their clients say further keeps the
	// order: what a client says comes after its request.
	arrivals chan *nats.Msg
	requests *nats.Subscription
	ups      *nats.Subscription
	drained  chan struct{} // closed when no request arrives any more
	marked   chan struct{} // a mark among the arrivals was seen

	mu        sync.Mutex
	exchanges map[string]*exchange
	running   sync.WaitGroup
}

// maxArrivals is how many messages may wait to be looked at, which is quickly
// done.
const maxArrivals = 4096

// Serve lets h answer the requests that come to a subject; of several services
// with one queue group each request goes to one. The connection stays the
// caller's. A request's context ends with the time that its client has, and
// when the client does not wait any more.
//
// stop takes no new requests and waits for those being handled until its
// context ends: then theirs do, and it returns an error.
func Serve(nc *nats.Conn, subject, queue string, h http.Handler, options ...Option) (stop func(context.Context) error, err error) {
	base, cancel := context.WithCancel(context.Background())
	s := &server{
		nc: nc, subject: subject, handler: h, base: base, turns: make(chan struct{}, 64),
		arrivals: make(chan *nats.Msg, maxArrivals), exchanges: map[string]*exchange{},
		drained: make(chan struct{}), marked: make(chan struct{}),
	}
	for _, o := range options {
		o(s)
	}
	s.room = make(chan struct{}, cap(s.turns)+Backlog)
	if err := s.listen(queue); err != nil {
		cancel()
		return nil, fmt.Errorf("serve HTTP on %s: %w", subject, err)
	}
	looked := make(chan struct{})
	go func() {
		defer close(looked)
		s.look()
	}()
	return func(ctx context.Context) error {
		err := s.stop(ctx)
		cancel()
		s.arrivals <- nil // the last one
		<-looked
		if err != nil {
			return fmt.Errorf("stop serving HTTP on %s: requests were broken off: %w", subject, err)
		}
		return nil
	}, nil
}

// listen returns once requests arrive.
func (s *server) listen(queue string) (err error) {
	if s.ups, err = s.nc.ChanSubscribe(s.subject+upInfix+"*", s.arrivals); err != nil {
		return err
	}
	if s.requests, err = s.nc.ChanQueueSubscribe(s.subject, queue, s.arrivals); err == nil {
		closed := sync.OnceFunc(func() { close(s.drained) })
		s.requests.SetClosedHandler(func(string) { closed() })
		err = s.nc.Flush()
	}
	if err != nil {
		_ = s.ups.Unsubscribe() // it fails only where the connection is closed
	}
	return err
}

// look looks at what arrives, until a nil.
func (s *server) look() {
	for m := range s.arrivals {
		switch {
		case m == nil:
			return
		case m.Subject == "":
			s.marked <- struct{}{}
		case m.Subject == s.subject:
			s.take(m)
		default:
			s.mu.Lock()
			x := s.exchanges[exchangeName(m.Subject)]
			s.mu.Unlock()
			if x != nil {
				x.hear(m)
			}
		}
	}
}

func (s *server) stop(ctx context.Context) error {
	defer s.ups.Unsubscribe()
	if err := s.leave(ctx); err != nil {
		return err
	}
	s.arrivals <- new(nats.Msg) // a mark behind the last request
	<-s.marked
	ended := make(chan struct{})
	go func() {
		s.running.Wait()
		close(ended)
	}()
	return await(ctx, ended)
}

// leave ends the subscription, after the requests that are on their way. While
// there is no connection none are, and nobody would say that it has ended.
func (s *server) leave(ctx context.Context) error {
	if !s.nc.IsConnected() {
		s.requests.Unsubscribe()
		return nil
	}
	if err := s.requests.Drain(); err != nil {
		return nil // the connection is closed, and with it the subscription
	}
	return await(ctx, s.drained)
}

func await(ctx context.Context, done <-chan struct{}) error {
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// take takes a request. It is called for one at a time, and must not wait.
func (s *server) take(m *nats.Msg) {
	if m.Reply == "" || strings.ContainsAny(m.Reply, "*> ") {
		return // nobody to answer
	}
	select {
	case s.room <- struct{}{}:
	default:
		s.refuse(m.Reply, http.StatusServiceUnavailable, "too many requests at a time")
		return
	}
	leave := func() { <-s.room }
	x, err := s.open(m)
	if err != nil {
		leave()
		s.refuse(m.Reply, http.StatusBadRequest, err.Error())
		return
	}
	s.running.Go(func() {
		defer leave()
		defer x.close()
		select {
		case s.turns <- struct{}{}:
			defer func() { <-s.turns }()
			x.serve()
		case <-s.base.Done():
			s.refuse(x.inbox, http.StatusServiceUnavailable, "stopping")
		case <-x.ctx.Done(): // nobody waits any more
		}
	})
}

// refuse answers `{"error": …}` without a handler.
func (s *server) refuse(inbox string, code int, text string) {
	head := answerHead{code: code, header: http.Header{"Content-Type": {"application/json"}}}
	data, err := head.encode()
	if err != nil {
		panic(fmt.Sprintf("BUG: a head of one field: %v", err))
	}
	m := message{kind: kindAnswer, head: data, body: errorBody(text)}
	_ = s.nc.Publish(inbox, m.encode()) // without a connection nobody learns of it
}
