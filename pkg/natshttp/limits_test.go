package natshttp_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"weir/pkg/journal/natstest"
	"weir/pkg/natshttp"
)

func TestNobodyListens(t *testing.T) {
	nc := natstest.Connect(t, natstest.Run(t))
	s := server(t, nc, patience)
	resp, body := do(t, "GET", s.URL, nil, nil)
	if resp.StatusCode != 503 || body != `{"error":"the alerter does not answer"}`+"\n" || resp.Header.Get("Content-Type") != "application/json" {
		t.Errorf("got %d %s", resp.StatusCode, body)
	}
	r := httptest.NewRequest("GET", "/", nil)
	if _, err := natshttp.NewTransport(nc, subject).RoundTrip(r); !errors.Is(err, natshttp.ErrNobody) {
		t.Errorf("got %v", err)
	}
	nc.Close()
	if _, err := natshttp.NewTransport(nc, subject).RoundTrip(r); !errors.Is(err, natshttp.ErrNobody) {
		t.Errorf("without a connection: %v", err)
	}
}

func TestTheHandlersTimeIsTheClients(t *testing.T) {
	entered, ended := make(chan bool, 100), make(chan error, 100)
	nc := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		entered <- true
		<-r.Context().Done()
		ended <- r.Context().Err()
	}))
	url := server(t, nc, 50*time.Millisecond).URL
	for range cap(entered) {
		resp, body := do(t, "GET", url, nil, nil)
		if resp.StatusCode != 504 || body != `{"error":"the alerter did not answer in time"}`+"\n" {
			t.Errorf("got %d %s", resp.StatusCode, body)
		}
		select {
		case <-entered:
			if err := <-ended; err == nil {
				t.Error("the handler's context has not ended")
			}
			return
		default: // the time was over before the request was looked at: there is nobody to handle it for
		}
	}
	t.Error("no request was handled")
}

func TestTheClientGoesAway(t *testing.T) {
	entered, ended := make(chan bool), make(chan error, 1)
	nc := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		entered <- true
		<-r.Context().Done()
		ended <- r.Context().Err()
	}))
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		<-entered
		cancel()
	}()
	r := httptest.NewRequest("GET", "/", nil).WithContext(ctx)
	if _, err := natshttp.NewTransport(nc, subject).RoundTrip(r); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the handler's context: %v", err)
	}
}

// Of an answer that is not read there is no more than a part on its way; who
// closes it ends the handler's work.
func TestASlowClientBoundsTheHandler(t *testing.T) {
	var written atomic.Int64
	failed := make(chan error, 1)
	nc := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		b := random(64 << 10)
		for {
			n, err := w.Write(b)
			written.Add(int64(n))
			if err != nil {
				failed <- err
				return
			}
		}
	}))
	resp, err := natshttp.NewTransport(nc, subject).RoundTrip(httptest.NewRequest("GET", "/", nil))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(resp.Body, make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("the handler's write: %v", err)
	}
	if n := written.Load(); n > 2<<20 {
		t.Errorf("%d bytes were written ahead of a client that read 1 MiB", n)
	}
	if _, err := resp.Body.Read(make([]byte, 1)); !errors.Is(err, http.ErrBodyReadAfterClose) {
		t.Errorf("a closed body: %v", err)
	}
}

func TestNoMoreRequestsAreHandledThanMay(t *testing.T) {
	const most, all = 3, 20
	var running, highest atomic.Int64
	release, entered := make(chan bool), make(chan bool, all)
	nc := serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		n := running.Add(1)
		defer running.Add(-1)
		for h := highest.Load(); n > h && !highest.CompareAndSwap(h, n); h = highest.Load() {
		}
		entered <- true
		<-release
	}), natshttp.Concurrency(most))
	var clients sync.WaitGroup
	for range all {
		clients.Go(func() {
			resp, err := natshttp.NewTransport(nc, subject).RoundTrip(httptest.NewRequest("GET", "/", nil))
			if err != nil || resp.StatusCode != 200 {
				t.Errorf("got %v, %v", resp, err)
				return
			}
			resp.Body.Close()
		})
	}
	for range most {
		<-entered
	}
	close(release)
	clients.Wait()
	if h := highest.Load(); h != most {
		t.Errorf("%d were handled at a time, %d may", h, most)
	}
}

func TestAStopWaitsForRequests(t *testing.T) {
	for name, row := range map[string]struct {
		patience time.Duration
		code     int
		broken   bool
	}{
		"which end in time": {patience, 200, false},
		"which do not":      {time.Millisecond, 503, true},
	} {
		t.Run(name, func(t *testing.T) {
			n := natstest.Run(t)
			entered, release := make(chan bool), make(chan bool)
			stop, err := natshttp.Serve(natstest.Connect(t, n), subject, "q", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				entered <- true
				select {
				case <-release:
				case <-r.Context().Done():
					http.Error(w, "broken off", http.StatusServiceUnavailable)
				}
			}))
			if err != nil {
				t.Fatal(err)
			}
			codes := make(chan int, 1)
			go func() {
				resp, err := natshttp.NewTransport(natstest.Connect(t, n), subject).RoundTrip(httptest.NewRequest("GET", "/", nil))
				if err != nil {
					t.Error(err)
					codes <- 0
					return
				}
				resp.Body.Close()
				codes <- resp.StatusCode
			}()
			<-entered
			ctx, cancel := context.WithTimeout(context.Background(), row.patience)
			defer cancel()
			if !row.broken {
				go close(release)
			}
			if err := stop(ctx); (err != nil) != row.broken {
				t.Errorf("stop: %v", err)
			}
			if code := <-codes; code != row.code {
				t.Errorf("status %d, want %d", code, row.code)
			}
		})
	}
}

func TestRequestsThatAreTooLarge(t *testing.T) {
	nc := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) }))
	proxy := http.MaxBytesHandler(natshttp.Proxy(nc, subject, "alerter", patience), 1<<20)
	for name, row := range map[string]struct {
		body   int
		header int
		code   int
	}{
		"as large as may be":             {1 << 20, 100, 200},
		"the body":                       {1<<20 + 1, 100, 413},
		"the header":                     {1, 600 << 10, 431},
		"a body of the first part alone": {256 << 10, 100, 200},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest("POST", "/", bytes.NewReader(random(row.body)))
			r.Header.Set("X-Large", strings.Repeat("x", row.header))
			w := httptest.NewRecorder()
			if proxy.ServeHTTP(w, r); w.Code != row.code {
				t.Errorf("got %d %s", w.Code, w.Body)
			}
		})
	}
}

func TestAnAnswerWhoseHeaderIsTooLarge(t *testing.T) {
	nc := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Large", strings.Repeat("x", 600<<10))
		io.WriteString(w, "hello")
	}))
	w := httptest.NewRecorder()
	natshttp.Proxy(nc, subject, "alerter", patience).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != 500 {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}
