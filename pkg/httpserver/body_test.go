package httpserver

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// reader is a handler that reads each body and sends what came of it.
func reader(ended chan<- error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		fmt.Fprintf(w, "%d bytes", len(body))
		ended <- err
	})
}

// ask sends the beginning of a request, and a body of it.
func ask(t *testing.T, s *Server, length int, body string) (net.Conn, *bufio.Reader) {
	t.Helper()
	c := dial(t, s)
	fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: weir\r\nContent-Length: %d\r\n\r\n%s", length, body)
	return c, bufio.NewReader(c)
}

func code(t *testing.T, from *bufio.Reader) (int, string) {
	t.Helper()
	r, err := http.ReadResponse(from, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(text)
}

// reading waits until so many bodies are read that have not come.
func (s *Server) reading(t *testing.T, n int) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		s.mu.Lock()
		there := len(s.bodies)
		s.mu.Unlock()
		if there == n {
			return
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatalf("%d bodies, want %d", there, n)
		}
	}
}

func TestBodiesComeAndTheConnectionGoesOn(t *testing.T) {
	ended := make(chan error, 2)
	s := serving(t, reader(ended))
	defer s.Stop(t.Context())
	c, from := ask(t, s, 10, "01234")
	s.reading(t, 1)
	io.WriteString(c, "56789")
	if status, text := code(t, from); status != 200 || text != "10 bytes" || <-ended != nil {
		t.Errorf("%d %s", status, text)
	}
	fmt.Fprint(c, "POST / HTTP/1.1\r\nHost: weir\r\nContent-Length: 1\r\n\r\n1")
	if status, text := code(t, from); status != 200 || text != "1 bytes" || <-ended != nil {
		t.Errorf("%d %s", status, text)
	}
}

func TestAStopBreaksBodiesOff(t *testing.T) {
	ended := make(chan error, 1)
	s := serving(t, reader(ended))
	_, from := ask(t, s, 10, "012")
	s.reading(t, 1)
	stopped := make(chan error, 1)
	go func() { stopped <- s.Stop(t.Context()) }()
	if status, _ := code(t, from); status != 503 {
		t.Errorf("answered %d", status)
	}
	if err := <-ended; !errors.Is(err, ErrStopping) {
		t.Errorf("reading ended with %v", err)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestABodyThatBringsNothingIsBrokenOff(t *testing.T) {
	ended := make(chan error, 1)
	s, err := Listen(t.Context(), "127.0.0.1:0", &http.Server{Handler: reader(ended)})
	if err != nil {
		t.Fatal(err)
	}
	s.progress = time.Millisecond
	s.Serve(func(err error) { t.Error(err) })
	defer s.Stop(t.Context())
	_, from := ask(t, s, 10, "012")
	if status, _ := code(t, from); status != 503 {
		t.Errorf("answered %d", status)
	}
	if err := <-ended; !errors.Is(err, ErrSlow) {
		t.Errorf("reading ended with %v", err)
	}
}

func TestABodyThatIsNotWholeInTimeIsBrokenOff(t *testing.T) {
	ended := make(chan error, 1)
	s, err := Listen(t.Context(), "127.0.0.1:0", &http.Server{Handler: reader(ended), ReadTimeout: 500 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	s.http.ReadTimeout = 0 // the body's time is looked at here: a late head would be refused without a handler
	s.Serve(func(err error) { t.Error(err) })
	defer s.Stop(t.Context())
	ask(t, s, 10, "012")
	if err := <-ended; !errors.Is(err, ErrSlow) {
		t.Errorf("reading ended with %v", err)
	}
}

func TestAHandlerBreaksABodyOff(t *testing.T) {
	why := errors.New("something else matters more")
	began, ended := make(chan *http.Request, 1), make(chan error, 1)
	s := serving(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began <- r
		_, err := io.ReadAll(r.Body)
		BreakOff(r, errors.New("it is over")) // which changes nothing
		ended <- err
	}))
	defer s.Stop(t.Context())
	_, from := ask(t, s, 10, "012")
	BreakOff(<-began, why)
	if err := <-ended; !errors.Is(err, why) {
		t.Errorf("reading ended with %v", err)
	}
	code(t, from)
}

func TestABodyThatNobodyReadsDoesNotHoldTheAnswerForLong(t *testing.T) {
	s := serving(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	defer s.Stop(t.Context())
	c, from := ask(t, s, 10, "012")
	if err := c.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if status, _ := code(t, from); status != http.StatusTeapot {
		t.Errorf("answered %d", status)
	}
}
