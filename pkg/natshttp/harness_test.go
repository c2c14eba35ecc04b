package natshttp_test

import (
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"weir/pkg/journal/natstest"
	"weir/pkg/natshttp"
)

const subject = "test.http"

// patience bounds what must come but may take its time on a busy machine.
const patience = 30 * time.Second

// serve lets h serve until the test's end, and returns a client's connection.
func serve(t testing.TB, h http.Handler, options ...natshttp.Option) *nats.Conn {
	t.Helper()
	s := natstest.Run(t)
	stop, err := natshttp.Serve(natstest.Connect(t, s), subject, "q", h, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return natstest.Connect(t, s)
}

// server returns an HTTP server that passes requests on over nc.
func server(t testing.TB, nc *nats.Conn, timeout time.Duration) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(natshttp.Proxy(nc, subject, "alerter", timeout))
	t.Cleanup(s.Close)
	return s
}

func do(t testing.TB, method, url string, body io.Reader, header http.Header) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest(method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range header {
		r.Header[name] = values
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(b)
}

// random returns n bytes that are the same each time.
func random(n int) []byte {
	b := make([]byte, n)
	rng := rand.NewChaCha8([32]byte{1})
	rng.Read(b)
	return b
}
