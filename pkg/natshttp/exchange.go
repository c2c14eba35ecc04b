package natshttp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"

	"github.com/nats-io/nats.go"
)

// exchange is a request with its answer, on the service's side.
type exchange struct {
	server  *server
	inbox   string // of the client
	ctx     context.Context
	cancel  context.CancelFunc
	request *http.Request

	parts chan message  // of the request's body; one is on its way at the most
	read  chan struct{} // the client has read a part of the answer
}

// open reads a request's first message. From then on its exchange hears what its
// client says further.
func (s *server) open(m *nats.Msg) (*exchange, error) {
	first, err := decode(m.Data)
	if err == nil && first.kind != kindRequest {
		err = ErrMalformed
	}
	if err != nil {
		return nil, err
	}
	head, u, err := readRequestHead(first.head)
	if err != nil {
		return nil, err
	}
	if head.timeout <= 0 {
		head.timeout = defaultTimeout
	}
	x := &exchange{server: s, inbox: m.Reply, parts: make(chan message, 1), read: make(chan struct{}, 1)}
	x.ctx, x.cancel = context.WithTimeout(s.base, head.timeout)
	r := &http.Request{
		Method: head.method, URL: u, RequestURI: head.target, Host: head.host, RemoteAddr: head.remote,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: head.header, ContentLength: head.length, Body: http.NoBody,
	}
	if first.more || len(first.body) > 0 {
		r.Body = &requestBody{exchange: x, part: first.body, more: first.more}
	}
	x.request = r.WithContext(x.ctx)
	s.mu.Lock()
	s.exchanges[exchangeName(x.inbox)] = x
	s.mu.Unlock()
	return x, nil
}

// close ends the exchange.
func (x *exchange) close() {
	x.cancel()
	x.server.mu.Lock()
	delete(x.server.exchanges, exchangeName(x.inbox))
	x.server.mu.Unlock()
}

// hear takes what the client says, and does not wait. What it may not say now is
// dropped.
func (x *exchange) hear(m *nats.Msg) {
	said, err := decode(m.Data)
	if err != nil {
		return
	}
	switch said.kind {
	case kindCancel:
		x.cancel()
	case kindRead:
		select {
		case x.read <- struct{}{}:
		default:
		}
	case kindPart:
		select {
		case x.parts <- said:
		default:
		}
	}
}

// say sends a message to the client.
func (x *exchange) say(m message) error {
	if err := x.server.nc.Publish(x.inbox, m.encode()); err != nil {
		return fmt.Errorf("answer a request: %w", err)
	}
	return nil
}

// serve runs the handler. Its panic becomes a 500, or breaks the answer off
// where a part of it was sent.
func (x *exchange) serve() {
	w := &answer{exchange: x, header: http.Header{}}
	defer func() {
		if v := recover(); v != nil {
			w.broken = errPanicked
			x.panicked(v)
		}
		x.end(w)
	}()
	x.server.handler.ServeHTTP(w, x.request)
}

// errPanicked is why nothing comes after a panic.
var errPanicked = errors.New("the handler panicked")

// end sends the answer's end, or says that it does not come. An answer that
// begins after its time is none: the client says itself that it was too late.
func (x *exchange) end(w *answer) {
	if !w.sent && errors.Is(x.ctx.Err(), context.DeadlineExceeded) {
		return
	}
	switch err := w.end(); {
	case err == nil:
	case w.sent:
		_ = x.say(message{kind: kindAbort}) // without a connection the client's time will be over
	case x.server.base.Err() != nil:
		x.server.refuse(x.inbox, http.StatusServiceUnavailable, "stopping")
	default:
		x.server.refuse(x.inbox, http.StatusInternalServerError, "internal error")
	}
}

func (x *exchange) panicked(v any) {
	if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		return
	}
	if x.server.panicked != nil {
		x.server.panicked(x.request, v, debug.Stack())
	}
}

// requestBody reads a request's body, asking for each part when the one before
// it was read.
type requestBody struct {
	exchange *exchange
	part     []byte
	more     bool
	closed   bool
}

// Read returns the context's error when the client does not go on in time.
func (b *requestBody) Read(p []byte) (int, error) {
	for len(b.part) == 0 {
		switch {
		case b.closed:
			return 0, http.ErrBodyReadAfterClose
		case !b.more:
			return 0, io.EOF
		}
		if err := b.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, b.part)
	b.part = b.part[n:]
	return n, nil
}

func (b *requestBody) next() error {
	x := b.exchange
	if err := x.say(message{kind: kindWant}); err != nil {
		return err
	}
	select {
	case m := <-x.parts:
		b.part, b.more = m.body, m.more
		return nil
	case <-x.ctx.Done():
		return fmt.Errorf("read a request: %w", x.ctx.Err())
	}
}

// Close lets the rest of the body not be sent.
func (b *requestBody) Close() error {
	b.closed, b.part = true, nil
	return nil
}
