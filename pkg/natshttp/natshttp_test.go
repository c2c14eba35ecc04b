package natshttp_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"weir/pkg/journal/natstest"
	"weir/pkg/natshttp"
)

func TestARequestAndItsAnswerComeAsTheyWere(t *testing.T) {
	nc := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		h := w.Header()
		h["X-Two"] = []string{"a", "b"}
		h.Set("X-Bytes", "\xff\xe9")
		h.Set("Content-Type", "text/odd")
		w.WriteHeader(http.StatusTeapot)
		remote := "nobody"
		if host, _, found := strings.Cut(r.RemoteAddr, ":"); found {
			remote = host
		}
		fmt.Fprintf(w, "%s %s %q host=%s remote=%s tenant=%q length=%d body=%s", r.Method, r.URL.Path, r.URL.RawQuery, r.Host, remote, r.Header["Fiware-Service"], r.ContentLength, body)
	}))
	s := server(t, nc, patience)
	host := strings.TrimPrefix(s.URL, "http://")
	for _, row := range []struct {
		method, target, body string
		want                 string
	}{
		{"GET", "/rules", "", `GET /rules "" host=` + host + ` remote=127.0.0.1 tenant=["factory" "x"] length=0 body=`},
		{"POST", "/rules/a%20b?x=1;y&x=%zz", "hello", `POST /rules/a b "x=1;y&x=%zz" host=` + host + ` remote=127.0.0.1 tenant=["factory" "x"] length=5 body=hello`},
		{"DELETE", "/api/v2/silence/7", "", `DELETE /api/v2/silence/7 "" host=` + host + ` remote=127.0.0.1 tenant=["factory" "x"] length=0 body=`},
		{"BREW", "//twice", "x", `BREW //twice "" host=` + host + ` remote=127.0.0.1 tenant=["factory" "x"] length=1 body=x`},
	} {
		resp, got := do(t, row.method, s.URL+row.target, strings.NewReader(row.body), http.Header{"Fiware-Service": {"factory", "x"}})
		if resp.StatusCode != http.StatusTeapot || got != row.want {
			t.Errorf("got  %d %s\nwant %s", resp.StatusCode, got, row.want)
		}
		h := resp.Header
		if fmt.Sprint(h["X-Two"]) != "[a b]" || h.Get("X-Bytes") != "\xff\xe9" || h.Get("Content-Type") != "text/odd" {
			t.Errorf("header %q", h)
		}
	}
}

func TestAHeadHasNoBody(t *testing.T) {
	nc := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "1234")
		w.WriteHeader(http.StatusOK)
	}))
	resp, body := do(t, "HEAD", server(t, nc, patience).URL, nil, nil)
	if resp.StatusCode != 200 || body != "" || resp.ContentLength != 1234 {
		t.Errorf("got %d %q, %d bytes", resp.StatusCode, body, resp.ContentLength)
	}
}

func TestBodiesOfAllSizes(t *testing.T) {
	nc := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		w.Write(body)
	}))
	s := server(t, nc, patience)
	const part = 256 << 10
	for _, n := range []int{0, 1, part - 1, part, part + 1, 2 * part, 5*part + 17} {
		want := random(n)
		for name, body := range map[string]io.Reader{"of known length": bytes.NewReader(want), "of unknown length": io.MultiReader(bytes.NewReader(want))} {
			_, got := do(t, "POST", s.URL, body, nil)
			if got != string(want) {
				t.Errorf("a body %s of %d bytes came back as %d others", name, n, len(got))
			}
		}
	}
}

// A handler may answer while it reads, and need not read at all.
func TestAHandlerMayAnswerBeforeItHasReadAll(t *testing.T) {
	nc := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/ignore" {
			io.WriteString(w, "no, thanks")
			return
		}
		io.WriteString(w, "begin ")
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil {
			t.Error(err)
		}
		fmt.Fprint(w, n)
	}))
	transport := natshttp.NewTransport(nc, subject)
	for path, want := range map[string]string{"/ignore": "no, thanks", "/": "begin 3000000"} {
		r, err := http.NewRequest("POST", "http://x"+path, bytes.NewReader(random(3_000_000)))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := transport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", path, got, err)
		}
	}
}

func TestAHandlerPanics(t *testing.T) {
	var mu sync.Mutex
	var told []any
	nc := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/late":
			w.Write(random(300 << 10))
		case "/abort":
			panic(http.ErrAbortHandler)
		}
		panic(r.URL.Path)
	}), natshttp.Panicked(func(_ *http.Request, v any, stack []byte) {
		mu.Lock()
		defer mu.Unlock()
		if told = append(told, v); !bytes.Contains(stack, []byte("TestAHandlerPanics")) {
			t.Errorf("the stack is %s", stack)
		}
	}))
	s := server(t, nc, patience)
	for _, path := range []string{"/now", "/abort"} {
		if resp, body := do(t, "GET", s.URL+path, nil, nil); resp.StatusCode != 500 || body != `{"error":"internal error"}`+"\n" {
			t.Errorf("%s: %d %s", path, resp.StatusCode, body)
		}
	}
	resp, err := http.Get(s.URL + "/late")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.ReadAll(resp.Body); err == nil {
		t.Error("an answer that broke off looks whole")
	}
	mu.Lock()
	defer mu.Unlock()
	if fmt.Sprint(told) != "[/now /late]" {
		t.Errorf("told of %v", told)
	}
}

func TestEachRequestGoesToOneOfAGroup(t *testing.T) {
	n := natstest.Run(t)
	var count atomic.Int64
	for range 3 {
		stop, err := natshttp.Serve(natstest.Connect(t, n), subject, "q", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { count.Add(1) }))
		if err != nil {
			t.Fatal(err)
		}
		defer stop(context.Background())
	}
	nc := natstest.Connect(t, n)
	for range 30 {
		resp, err := natshttp.NewTransport(nc, subject).RoundTrip(httptest.NewRequest("GET", "/", nil))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	if got := count.Load(); got != 30 {
		t.Errorf("30 requests were handled %d times", got)
	}
}

func TestWhatIsNoRequestIsRefused(t *testing.T) {
	nc := serve(t, http.NotFoundHandler())
	for _, data := range []string{"", "Q", "hello", "P\x00", "Q\x00\x01x"} {
		m, err := nc.Request(subject, []byte(data), patience)
		if err != nil || !bytes.Contains(m.Data, []byte(natshttp.ErrMalformed.Error())) {
			t.Errorf("%q: %v, %v", data, m, err)
		}
	}
	if err := nc.Publish(subject, []byte("nobody wants an answer")); err != nil {
		t.Error(err)
	}
}

func BenchmarkRoundTrips(b *testing.B) {
	answer := random(1 << 20)
	nc := serve(b, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/large" {
			w.Write(answer)
		}
	}))
	for _, path := range []string{"/small", "/large"} {
		b.Run(path[1:], func(b *testing.B) {
			for b.Loop() {
				resp, err := natshttp.NewTransport(nc, subject).RoundTrip(httptest.NewRequest("GET", path, nil))
				if err != nil {
					b.Fatal(err)
				}
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
		})
	}
}
