package intake_test

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"weir/pkg/httpserver"
	"weir/services/ingest/internal/intake"
)

// listening serves an intake on a listener, which ends with the test.
func listening(t *testing.T, in *intake.Intake) *httpserver.Server {
	t.Helper()
	s, err := httpserver.Listen(t.Context(), "127.0.0.1:0", &http.Server{Handler: in, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)})
	if err != nil {
		t.Fatal(err)
	}
	s.Serve(func(err error) { t.Error(err) })
	t.Cleanup(func() { s.Stop(t.Context()) })
	return s
}

// slow sends the beginning of a request and leaves it at that. It returns what the
// answer can be read from.
func slow(t *testing.T, s *httpserver.Server, length int, beginning string) *bufio.Reader {
	t.Helper()
	c, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	fmt.Fprintf(c, "POST /write HTTP/1.1\r\nHost: weir\r\nContent-Length: %d\r\n\r\n%s", length, beginning)
	return bufio.NewReader(c)
}

func answerOf(t *testing.T, from *bufio.Reader) (*http.Response, string) {
	t.Helper()
	r, err := http.ReadResponse(from, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r, string(body)
}

func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	over := time.After(time.Minute)
	for !f() {
		select {
		case <-tick.C:
		case <-over:
			t.Fatal(what)
		}
	}
}

// stopping is what those are told whose body does not come whole before a stop.
const stopping = `{"error":"weir is stopping: send it again"}`

// pushOne sends a line and returns the answer's status.
func pushOne(t *testing.T, s *httpserver.Server) int {
	t.Helper()
	r, err := http.Post("http://"+s.Addr()+"/write", "text/plain", strings.NewReader("m,host=h f=1\n"))
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	return r.StatusCode
}

func TestManySlowSendersHoldUpNobody(t *testing.T) {
	h, j, _ := newIntake()
	s := listening(t, h)
	const many = 300
	var senders []*bufio.Reader
	for range many {
		senders = append(senders, slow(t, s, 1000, "m,h"))
	}
	eventually(t, "the slow bodies do not come", func() bool { return h.Bodies().Coming == many })
	if bytes := h.Bodies().Bytes; bytes > many*1001 {
		t.Errorf("they take %d bytes", bytes)
	}
	if code := pushOne(t, s); code != http.StatusNoContent || len(j.events) != 1 {
		t.Errorf("answered %d, %d events", code, len(j.events))
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	for _, from := range senders { // the stop has not waited until they were too slow
		if r, body := answerOf(t, from); r.StatusCode != 503 || body != stopping {
			t.Fatalf("a slow sender is told %d %s", r.StatusCode, body)
		}
	}
}

func TestAStopTellsSlowSendersToComeAgain(t *testing.T) {
	h, _, _ := newIntake()
	s := listening(t, h)
	from := slow(t, s, 1000, "m,h")
	eventually(t, "the body does not come", func() bool { return h.Bodies().Coming == 1 })
	if err := s.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	r, body := answerOf(t, from)
	if r.StatusCode != 503 || r.Header.Get("Retry-After") != "1" || !r.Close || body != stopping {
		t.Errorf("%d %s %v", r.StatusCode, body, r.Header)
	}
}

func TestTheSlowestMakesRoom(t *testing.T) {
	h, j, o := newIntake(func(c *intake.Config) { c.MaxBytes = 4000 })
	s := listening(t, h)
	slower := slow(t, s, 1900, strings.Repeat(" ", 10))
	eventually(t, "no body comes", func() bool { return h.Bodies().Coming == 1 })
	slow(t, s, 1900, strings.Repeat(" ", 1800))
	eventually(t, "no body comes", func() bool { return h.Bodies().Bytes > 3800 })
	const line = "m,host=h f=1\n"
	third := slow(t, s, 1000+len(line), strings.Repeat(" ", 1000)+line)
	r, body := answerOf(t, slower) // once it may be called slow
	if r.StatusCode != 503 || r.Header.Get("Retry-After") != "1" || body != `{"error":"too much is being sent at a time, and this came the slowest: send it again"}` {
		t.Errorf("%d %s %v", r.StatusCode, body, r.Header)
	}
	if r, body := answerOf(t, third); r.StatusCode != http.StatusNoContent || len(j.events) != 1 {
		t.Errorf("%d %s, %d events", r.StatusCode, body, len(j.events))
	}
	if f := h.Bodies(); f.Slowest != 1 || f.Refused != 0 {
		t.Errorf("%+v", f)
	}
	if len(o.failed) > 0 {
		t.Errorf("noted as failed: %v", o.failed)
	}
}

func TestRoomIsWaitedForWithPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, j, _ := newIntake(func(c *intake.Config) { c.MaxBytes = 1000 })
		body, sender := io.Pipe()
		first := make(chan int, 1)
		go func() {
			w := httptest.NewRecorder()
			r := httptest.NewRequest("POST", "/write", body)
			r.ContentLength = 800
			h.ServeHTTP(w, r)
			first <- w.Code
		}()
		synctest.Wait()
		began := time.Now()
		w := send(h, "POST /write", strings.Repeat(" ", 500))
		if w.Code != 503 || w.Header().Get("Retry-After") != "1" || time.Since(began) != 20*time.Second ||
			w.Body.String() != `{"error":"too much is being sent at a time: send it again"}` {
			t.Errorf("%d %s after %s", w.Code, w.Body, time.Since(began))
		}
		io.WriteString(sender, "m,host=h f=1\n")
		sender.Close()
		if code := <-first; code != http.StatusNoContent || len(j.events) != 1 {
			t.Errorf("the first: %d", code)
		}
		if f := h.Bodies(); f != (intake.BodyFigures{Refused: 1}) {
			t.Errorf("%+v", f)
		}
		if w := send(h, "POST /write", "m,host=h f=1\n"); w.Code != http.StatusNoContent {
			t.Errorf("afterwards: %d", w.Code)
		}
	})
}
