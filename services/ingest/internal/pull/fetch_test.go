package pull

import (
	"compress/gzip"
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"weir/services/ingest/internal/sources"
)

func get(t *testing.T, h http.HandlerFunc, r Request) (*Answer, error) {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	if r.URL == "" {
		r.URL = server.URL
	}
	if r.Client == nil {
		r.Client = &sources.Client{}
	}
	return Env{Agent: "weir/1.0", MaxBody: 1000}.Complete().Get(t.Context(), r)
}

func TestARequestIsShortAndSaysWhoWeAre(t *testing.T) {
	var seen *http.Request
	_, err := get(t, func(_ http.ResponseWriter, r *http.Request) { seen = r }, Request{
		Accept: "text/plain", Timeout: 2500 * time.Millisecond, APIKey: "key",
		Client: &sources.Client{BasicAuth: &sources.BasicAuth{Username: "u", Password: "p"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"User-Agent": "weir/1.0", "Accept": "text/plain", "Accept-Encoding": "gzip", "Connection": "close",
		"X-Prometheus-Scrape-Timeout-Seconds": "2.5", "X-Api-Key": "key", "Authorization": "Basic dTpw"} {
		if got := seen.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if len(seen.Header) != 7 {
		t.Errorf("%v", seen.Header)
	}
}

func TestBodies(t *testing.T) {
	zipped := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			_, _ = z.Write([]byte(text))
			_ = z.Close()
		}
	}
	for _, c := range []struct {
		name    string
		h       http.HandlerFunc
		maxBody int
		want    string
		fault   string
	}{
		{"plain", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("a 1")) }, 0, "a 1", ""},
		{"with an error's status", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusServiceUnavailable) }, 0, "no\n", ""},
		{"compressed", zipped("a 1"), 0, "a 1", ""},
		{"as large as may be", zipped(strings.Repeat("a", 1000)), 0, strings.Repeat("a", 1000), ""},
		{"compressed, and too large when it is not", zipped(strings.Repeat("a", 1001)), 0, "", "the body is too large: at most 1000 bytes"},
		{"too large by its length", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 1001)) }, 0, "", "the body is too large: 1001 bytes, at most 1000"},
		{"too large for this request", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 11)) }, 10, "", "the body is too large: 11 bytes, at most 10"},
		{"not compressed though it says so", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write([]byte("a 1\nb 2\nc 3\n"))
		}, 0, "", "decompress the body: gzip: invalid header"},
		{"shorter than its length", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte("a 1"))
		}, 0, "", "read the body: unexpected EOF"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, err := get(t, c.h, Request{MaxBody: c.maxBody})
			if c.fault != "" {
				if err == nil || err.Error() != c.fault {
					t.Errorf("%v", err)
				}
				return
			}
			if err != nil || string(a.Body) != c.want {
				t.Errorf("%+v, %v", a, err)
			}
		})
	}
}

func TestAnotherHostIsNotToldTheKey(t *testing.T) {
	var seen http.Header
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = r.Header }))
	defer other.Close()
	_, err := get(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, http.StatusFound) },
		Request{APIKey: "secret", Client: &sources.Client{Authorization: &sources.Authorization{Type: "Bearer", Credentials: "secret"}}})
	// Both are 127.0.0.1: net/http looks at names without ports for Authorization.
	if err != nil || seen == nil || seen.Get("X-API-Key") != "" {
		t.Errorf("%v, %v", seen, err)
	}
}

func TestErrorsDoNotShowTheURL(t *testing.T) {
	_, err := get(t, nil, Request{URL: "http://127.0.0.1:1/metrics?token=secret"})
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("%v", err)
	}
}

func TestTLS(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("x")) }))
	defer server.Close()
	server.Config.ErrorLog = nil
	for _, c := range []struct {
		name  string
		tls   *sources.TLS
		fault string
	}{
		{"a server that nobody knows", nil, "tls: failed to verify certificate"},
		{"one that needs not be known", &sources.TLS{InsecureSkipVerify: true}, ""},
		{"no certificates to trust", &sources.TLS{CAFile: "none.pem"}, "read the certificates to trust: open none.pem"},
		{"a file that is none", &sources.TLS{CAFile: "fetch_test.go"}, "fetch_test.go has no certificate in PEM"},
		{"no certificate of our own", &sources.TLS{CertFile: "a", KeyFile: "b"}, "read our own certificate: open a"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := get(t, nil, Request{URL: server.URL, Client: &sources.Client{TLS: c.tls}})
			if c.fault == "" && err != nil || c.fault != "" && (err == nil || !strings.Contains(err.Error(), c.fault)) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestDialIsOurs(t *testing.T) {
	asked := ""
	network := pipe(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte("from " + r.Host)) }))
	e := Env{Dial: func(ctx context.Context, n, address string) (net.Conn, error) {
		asked = address
		return network(ctx, n, address)
	}}.Complete()
	a, err := e.Get(t.Context(), Request{URL: "http://board/metrics", Client: &sources.Client{}})
	if err != nil || string(a.Body) != "from board" || asked != "board:80" {
		t.Errorf("%+v, %v, %s", a, err, asked)
	}
	e.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no network") }
	if _, err := e.Get(t.Context(), Request{URL: "http://board", Client: &sources.Client{}}); err == nil || err.Error() != "no network" {
		t.Errorf("%v", err)
	}
}

func TestNothingStaysOfAServerThatDoesNotShakeHands(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = Env{}.Complete().Get(ctx, Request{URL: "https://" + l.Addr().String(), Client: &sources.Client{}})
	if !errors.Is(err, context.DeadlineExceeded) { // TestMain looks for what stays
		t.Error(err)
	}
}
