package natshttp

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"weir/pkg/schema/wire"
)

// kind is what a message is: its first byte.
type kind byte

// From the client:
const (
	kindRequest kind = 'Q' // a request's head and the first part of its body
	kindRead    kind = 'R' // the last part of the answer was read
	kindCancel  kind = 'C' // nobody waits for the answer any more
)

// From the service:
const (
	kindWant   kind = 'W' // the last part of the request was read
	kindAnswer kind = 'A' // an answer's head and the first part of its body
	kindAbort  kind = 'X' // the rest of the answer will not come
)

// From both:
const kindPart kind = 'P' // a further part of a body

// message is what one NATS message holds: the kind, a byte that says whether
// more parts of the body follow, a request's or an answer's head with its
// length, the part of the body.
type message struct {
	kind kind
	more bool
	head []byte
	body []byte
}

func (k kind) hasHead() bool { return k == kindRequest || k == kindAnswer }

func (k kind) known() bool {
	return slices.Contains([]kind{kindRequest, kindRead, kindCancel, kindWant, kindAnswer, kindAbort, kindPart}, k)
}

func (m *message) encode() []byte {
	b := make([]byte, 0, 8+len(m.head)+len(m.body))
	b = wire.AppendBool(append(b, byte(m.kind)), m.more)
	if m.kind.hasHead() {
		b = wire.AppendBytes(b, m.head)
	}
	return append(b, m.body...)
}

// decode reads a message, which shares the memory of data. The error is
// ErrMalformed.
func decode(data []byte) (m message, err error) {
	r := wire.NewReader(data)
	m.kind, m.more = kind(r.Byte()), r.Bool()
	if m.kind.hasHead() {
		m.head = r.BytesView()
	}
	if r.Err() != nil || !m.kind.known() {
		return message{}, fmt.Errorf("read a message of %d bytes: %w", len(data), ErrMalformed)
	}
	m.body = r.Rest()
	return m, nil
}

// requestHead is what a request says before its body.
type requestHead struct {
	method  string
	target  string // path and query
	host    string
	remote  string        // the address of whoever asked first
	length  int64         // of the body; -1 for unknown
	timeout time.Duration // for the whole exchange
	header  http.Header
}

// encode returns the head, or ErrTooLarge.
func (h *requestHead) encode() ([]byte, error) {
	var b []byte
	for _, s := range []string{h.method, h.target, h.host, h.remote} {
		b = wire.AppendString(b, s)
	}
	b = wire.AppendInt(b, h.length)
	b = wire.AppendInt(b, int64(h.timeout))
	return fitting(appendHeader(b, h.header))
}

// readRequestHead returns ErrMalformed for what net/http would not take either.
func readRequestHead(data []byte) (h requestHead, u *url.URL, err error) {
	r := wire.NewReader(data)
	h.method, h.target, h.host, h.remote = r.String(), r.String(), r.String(), r.String()
	h.length, h.timeout = r.Int(), time.Duration(r.Int())
	h.header = readHeader(r)
	if r.Done() != nil || !token(h.method) || !strings.HasPrefix(h.target, "/") || h.length < -1 {
		return requestHead{}, nil, fmt.Errorf("read a request: %w", ErrMalformed)
	}
	if u, err = url.ParseRequestURI(h.target); err != nil {
		return requestHead{}, nil, fmt.Errorf("read a request: %w: %w", ErrMalformed, err)
	}
	return h, u, nil
}

// answerHead is what an answer says before its body.
type answerHead struct {
	code   int
	header http.Header
}

// encode returns the head, or ErrTooLarge.
func (h *answerHead) encode() ([]byte, error) {
	return fitting(appendHeader(wire.AppendUint(nil, uint64(h.code)), h.header))
}

// readAnswerHead returns ErrMalformed for what is no answer of HTTP.
func readAnswerHead(data []byte) (h answerHead, err error) {
	r := wire.NewReader(data)
	code := r.Uint()
	h.header = readHeader(r)
	if r.Done() != nil || code < 200 || code > 999 {
		return answerHead{}, fmt.Errorf("read an answer: %w", ErrMalformed)
	}
	h.code = int(code)
	return h, nil
}

func fitting(b []byte) ([]byte, error) {
	if len(b) > maxHead {
		return nil, ErrTooLarge
	}
	return b, nil
}

// betweenTwo are the headers that speak of a connection, not of what it carries.
var betweenTwo = []string{"Connection", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade"}

// appendHeader appends the number of fields, then name and value of each, in
// the order of the names.
func appendHeader(b []byte, h http.Header) []byte {
	names, n := make([]string, 0, len(h)), 0
	for name, values := range h {
		if !slices.Contains(betweenTwo, name) {
			names, n = append(names, name), n+len(values)
		}
	}
	slices.Sort(names)
	b = wire.AppendUint(b, uint64(n))
	for _, name := range names {
		for _, value := range h[name] {
			b = wire.AppendString(wire.AppendString(b, name), value)
		}
	}
	return b
}

// readHeader leaves out fields that no HTTP message could have.
func readHeader(r *wire.Reader) http.Header {
	h := http.Header{}
	for range r.Count() {
		name, value := http.CanonicalHeaderKey(r.String()), r.String()
		if token(name) && !strings.ContainsAny(value, "\r\n\x00") && !slices.Contains(betweenTwo, name) {
			h[name] = append(h[name], value)
		}
	}
	return h
}

// token reports whether s is a token as RFC 9110 has it: a method or the name of
// a header.
func token(s string) bool {
	return s != "" && strings.IndexFunc(s, func(c rune) bool {
		return c <= ' ' || c >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, c)
	}) < 0
}
