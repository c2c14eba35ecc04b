package natshttp

import (
	"bytes"
	"errors"
	"net/http"
	"net/url"
	"reflect"
	"testing"
	"time"

	"weir/pkg/schema/wire"
)

// encoded returns a head that must fit.
func encoded(t testing.TB, h interface{ encode() ([]byte, error) }) []byte {
	t.Helper()
	b, err := h.encode()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRequestHeadsThatHTTPWouldNotTake(t *testing.T) {
	good := requestHead{method: "GET", target: "/a?b", host: "h", remote: "1.2.3.4:5", length: -1, timeout: time.Second, header: http.Header{"A": {"b"}}}
	if _, _, err := readRequestHead(encoded(t, &good)); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*requestHead){
		"no method":               func(h *requestHead) { h.method = "" },
		"a method of two words":   func(h *requestHead) { h.method = "GET /" },
		"no target":               func(h *requestHead) { h.target = "" },
		"an asterisk":             func(h *requestHead) { h.target = "*" },
		"a whole URL":             func(h *requestHead) { h.target = "http://x/" },
		"a target with a newline": func(h *requestHead) { h.target = "/a\nb" },
		"a broken escape":         func(h *requestHead) { h.target = "/%zz" },
		"a length below -1":       func(h *requestHead) { h.length = -2 },
	} {
		h := good
		spoil(&h)
		if _, _, err := readRequestHead(encoded(t, &h)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := readRequestHead(append(encoded(t, &good), 0)); !errors.Is(err, ErrMalformed) {
		t.Errorf("with bytes behind its end: %v", err)
	}
}

func TestHeadersThatHTTPCouldNotHaveAreLeftOut(t *testing.T) {
	b := appendHeader(nil, http.Header{
		"Good": {"1", "2"}, "Bad Name": {"x"}, "": {"x"}, "Split": {"a\r\nB: c"}, "Connection": {"close"}, "transfer-encoding": {"chunked"}, "lower": {"y"},
	})
	got := readHeader(wire.NewReader(b))
	if want := (http.Header{"Good": {"1", "2"}, "Lower": {"y"}}); !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAnswersOfImpossibleStatus(t *testing.T) {
	for code, good := range map[int]bool{0: false, 100: false, 199: false, 200: true, 999: true, 1000: false, 1 << 40: false} {
		if _, err := readAnswerHead(encoded(t, &answerHead{code: code})); (err == nil) != good {
			t.Errorf("%d: %v", code, err)
		}
	}
}

// Whatever comes over NATS is a message or an error; what is a message is
// written as it was read.
func FuzzDecode(f *testing.F) {
	request := requestHead{method: "POST", target: "/rules?x=1", host: "weir:1026", remote: "10.0.0.1:999", length: 5, timeout: time.Second, header: http.Header{"Fiware-Service": {"factory"}}}
	reply := answerHead{code: 200, header: http.Header{"Content-Type": {"text/plain"}}}
	for _, m := range []message{
		{kind: kindRequest, head: encoded(f, &request), body: []byte("hello"), more: true},
		{kind: kindAnswer, head: encoded(f, &reply), body: []byte("hello")},
		{kind: kindPart, body: []byte("part")}, {kind: kindRead}, {kind: kindWant}, {kind: kindCancel}, {kind: kindAbort},
	} {
		f.Add(m.encode())
	}
	f.Add([]byte("Q\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := decode(data)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Errorf("an error of its own: %v", err)
			}
			return
		}
		again, err := decode(m.encode())
		if err != nil || again.kind != m.kind || again.more != m.more || !bytes.Equal(again.head, m.head) || !bytes.Equal(again.body, m.body) {
			t.Errorf("%+v became %+v, %v", m, again, err)
		}
		if h, u, err := readRequestHead(m.head); err == nil {
			checkRequest(t, h, u)
		}
		if h, err := readAnswerHead(m.head); err == nil {
			again, err := readAnswerHead(encoded(t, &h))
			if err != nil || !reflect.DeepEqual(again, h) {
				t.Errorf("%+v became %+v, %v", h, again, err)
			}
		}
	})
}

func checkRequest(t *testing.T, h requestHead, u *url.URL) {
	t.Helper()
	again, _, err := readRequestHead(encoded(t, &h))
	if err != nil || !reflect.DeepEqual(again, h) {
		t.Errorf("%+v became %+v, %v", h, again, err)
	}
	// What was read must be something that net/http can carry on.
	r := &http.Request{Method: h.method, URL: u, Host: "x", Header: h.header, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
	if err := r.Write(new(bytes.Buffer)); err != nil {
		t.Errorf("%+v cannot be written: %v", h, err)
	}
}
