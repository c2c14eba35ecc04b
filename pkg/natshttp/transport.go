package natshttp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/nats-io/nats.go"
)

// Transport sends requests to whoever serves a subject. Of a request's URL only
// the path and the query count.
type Transport struct {
	nc      *nats.Conn
	subject string
}

var _ http.RoundTripper = (*Transport)(nil)

// NewTransport returns a transport over a connection, which stays the caller's.
func NewTransport(nc *nats.Conn, subject string) *Transport { return &Transport{nc, subject} }

// RoundTrip returns the answer, whose body is read while the service sends it:
// it must be closed. The request's context bounds both. The errors, also those
// of reading the body, wrap ErrNobody, ErrBroken, ErrMalformed, ErrTooLarge, the
// context's, or that of reading the request's body.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	c, err := t.send(r)
	if err != nil {
		if r.Body != nil {
			r.Body.Close()
		}
		return nil, fmt.Errorf("ask on %s: %w", t.subject, err)
	}
	resp, err := c.answer()
	if err != nil {
		c.Close()
		return nil, fmt.Errorf("ask on %s: %w", t.subject, err)
	}
	return resp, nil
}

// call is an exchange on the client's side, and the body of its answer.
type call struct {
	nc      *nats.Conn
	inbox   *nats.Subscription
	up      string // where the service hears more
	ctx     context.Context
	cancel  context.CancelFunc
	request *http.Request
	started bool // the answer's head has come

	part []byte // of the answer, not read yet
	more bool   // parts follow
	err  error  // of reading it
	done bool   // closed
}

// send sends the request's first message.
func (t *Transport) send(r *http.Request) (*call, error) {
	if !t.nc.IsConnected() {
		return nil, ErrNobody
	}
	deadline, bounded := r.Context().Deadline()
	if !bounded {
		deadline = time.Now().Add(defaultTimeout)
	}
	ctx, cancel := context.WithDeadline(r.Context(), deadline)
	c := &call{nc: t.nc, ctx: ctx, cancel: cancel, request: r, more: true}
	if err := c.open(t.subject); err != nil {
		cancel()
		return nil, err
	}
	return c, nil
}

func (c *call) open(subject string) error {
	deadline, _ := c.ctx.Deadline()
	r := c.request
	head := requestHead{
		method: r.Method, target: r.URL.RequestURI(), host: r.Host, remote: r.RemoteAddr,
		length: r.ContentLength, timeout: max(time.Until(deadline), 1), header: r.Header,
	}
	if head.method == "" {
		head.method = http.MethodGet
	}
	if r.Body != nil && r.Body != http.NoBody && head.length == 0 {
		head.length = -1 // as net/http has it for clients
	}
	m := message{kind: kindRequest}
	var err error
	if m.head, err = head.encode(); err != nil {
		return err
	}
	if m.body, m.more, err = c.nextPart(); err != nil {
		return err
	}
	if c.inbox, err = c.nc.SubscribeSync(c.nc.NewInbox()); err != nil {
		return explain(err)
	}
	c.up = upSubject(subject, c.inbox.Subject)
	if err := c.nc.PublishRequest(subject, c.inbox.Subject, m.encode()); err != nil {
		c.inbox.Unsubscribe()
		return explain(err)
	}
	return nil
}

// nextPart reads the request's body on.
func (c *call) nextPart() (part []byte, more bool, err error) {
	body := c.request.Body
	if body == nil || body == http.NoBody {
		return nil, false, nil
	}
	part = make([]byte, partSize)
	if n := c.request.ContentLength; n > 0 && n < partSize {
		part = make([]byte, n+1) // one more shows its end
	}
	n, err := io.ReadFull(body, part)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return part[:n], false, nil
	case err != nil:
		return nil, false, fmt.Errorf("%w: %w", ErrBody, err)
	}
	return part, true, nil
}

// answer waits for the answer's first message.
func (c *call) answer() (*http.Response, error) {
	m, err := c.next()
	if err != nil {
		return nil, err
	}
	head, err := readAnswerHead(m.head)
	if err != nil {
		return nil, err
	}
	c.part, c.more = m.body, m.more
	resp := &http.Response{
		Status: fmt.Sprintf("%d %s", head.code, http.StatusText(head.code)), StatusCode: head.code,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: head.header, Body: c, ContentLength: -1, Request: c.request,
	}
	if !c.more && c.request.Method != http.MethodHead {
		resp.ContentLength = int64(len(c.part))
	}
	return resp, nil
}

// next returns the next message that is a part of the answer. Meanwhile it sends
// the parts of the request that the service wants.
func (c *call) next() (message, error) {
	for {
		raw, err := c.inbox.NextMsgWithContext(c.ctx)
		if err != nil {
			return message{}, explain(err)
		}
		m, err := decode(raw.Data)
		if err != nil {
			return message{}, err
		}
		switch {
		case m.kind == kindAnswer && !c.started, m.kind == kindPart && c.started:
			c.started = true
			return m, nil
		case m.kind == kindWant:
			if err := c.sendPart(); err != nil {
				return message{}, err
			}
		case m.kind == kindAbort:
			return message{}, ErrBroken
		default:
			return message{}, ErrMalformed
		}
	}
}

func (c *call) sendPart() error {
	part, more, err := c.nextPart()
	if err != nil {
		return err
	}
	return c.say(message{kind: kindPart, body: part, more: more})
}

// say sends a message to the service.
func (c *call) say(m message) error {
	return explain(c.nc.Publish(c.up, m.encode()))
}

// Read reads the answer's body.
func (c *call) Read(p []byte) (int, error) {
	for len(c.part) == 0 && c.err == nil {
		switch {
		case c.done:
			c.err = http.ErrBodyReadAfterClose
		case !c.more:
			c.err = io.EOF
		default:
			c.err = c.readOn()
		}
	}
	if len(c.part) == 0 {
		return 0, c.err
	}
	n := copy(p, c.part)
	c.part = c.part[n:]
	return n, nil
}

func (c *call) readOn() error {
	if err := c.say(message{kind: kindRead}); err != nil {
		return err
	}
	m, err := c.next()
	if err != nil {
		return err
	}
	c.part, c.more = m.body, m.more
	return nil
}

// Close ends the exchange: if the answer was not read to its end, the service
// learns that it need not go on.
func (c *call) Close() error {
	if c.done {
		return nil
	}
	c.done, c.part = true, nil
	if c.more {
		_ = c.say(message{kind: kindCancel}) // without a connection its time will be over
	}
	c.cancel()
	_ = c.inbox.Unsubscribe() // it fails only where the connection is closed
	if c.request.Body != nil {
		return c.request.Body.Close()
	}
	return nil
}

// explain turns an error of nats.go into one of ours; nil stays nil.
func explain(err error) error {
	switch {
	case errors.Is(err, nats.ErrNoResponders), errors.Is(err, nats.ErrConnectionClosed),
		errors.Is(err, nats.ErrConnectionDraining), errors.Is(err, nats.ErrDisconnected):
		return ErrNobody
	}
	return err
}
