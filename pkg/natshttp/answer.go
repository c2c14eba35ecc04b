package natshttp

import (
	"fmt"
	"net/http"
)

// answer is a handler's http.ResponseWriter. It sends a part of the body when it
// is full, or flushed, and then waits until the client has read it.
type answer struct {
	exchange *exchange
	header   http.Header
	head     answerHead // its code is 0 until the handler has written it
	part     []byte
	sent     bool  // the first message is
	broken   error // why nothing more can be sent
}

var _ http.Flusher = (*answer)(nil)

// Header returns the header, which counts until WriteHeader or the first Write.
func (a *answer) Header() http.Header { return a.header }

// WriteHeader writes the status. What is only informational is left out.
func (a *answer) WriteHeader(code int) {
	if a.head.code != 0 || code < 200 {
		return
	}
	a.head = answerHead{code: code, header: a.header.Clone()}
}

// Write writes a part of the body. It fails when the client is gone or its time
// is over.
func (a *answer) Write(p []byte) (n int, err error) {
	a.WriteHeader(http.StatusOK)
	for len(p) > 0 {
		if len(a.part) == partSize {
			if err := a.send(true); err != nil {
				return n, err
			}
		}
		k := min(len(p), partSize-len(a.part))
		a.part = append(a.part, p[:k]...)
		p, n = p[k:], n+k
	}
	return n, nil
}

// Flush sends what was written.
func (a *answer) Flush() { _ = a.FlushError() }

// FlushError sends what was written.
func (a *answer) FlushError() error {
	a.WriteHeader(http.StatusOK)
	return a.send(true)
}

// end sends the last part.
func (a *answer) end() error {
	a.WriteHeader(http.StatusOK)
	return a.send(false)
}

func (a *answer) send(more bool) error {
	if a.broken == nil {
		a.broken = a.trySend(more)
	}
	return a.broken
}

func (a *answer) trySend(more bool) error {
	m := message{kind: kindPart, more: more, body: a.part}
	if !a.sent {
		head, err := a.head.encode()
		if err != nil {
			return fmt.Errorf("answer a request: %w", err)
		}
		m.kind, m.head = kindAnswer, head
	}
	if err := a.exchange.say(m); err != nil {
		return err
	}
	a.sent, a.part = true, a.part[:0]
	if !more {
		return nil
	}
	select {
	case <-a.exchange.read:
		return nil
	case <-a.exchange.ctx.Done():
		return fmt.Errorf("answer a request: %w", a.exchange.ctx.Err())
	}
}
