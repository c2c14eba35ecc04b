// Package boardtest plays a prometheus_express board for tests: its small HTTP
// server with all that it does otherwise than others, and its text.
//
// Source: https://github.com/ssube/prometheus_express, as it runs on CPython.
package boardtest

import (
	"bytes"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
)

// Page is what a board shows: a registry of the namespace "plant", without a
// newline at its end.
const Page = `# HELP plant_boots restarts since flash
# TYPE plant_boots counter
plant_boots 3
# HELP plant_temp temperature
# TYPE plant_temp gauge
plant_temp{probe="None"} 0
plant_temp{probe="a"} 21.5
# HELP plant_read read latency
# TYPE plant_read summary
plant_read_count{bus="None"} 0
plant_read_total{bus="None"} 0
plant_read_count{bus="i2c"} 2
plant_read_total{bus="i2c"} 0.75`

// Fault is something that goes wrong on a board.
type Fault int

// The faults.
const (
	None    Fault = iota
	Reset         // the connection is reset right behind the body
	Cut           // it is reset within the body
	Silence       // no answer comes
	Closed        // the connection is closed without an answer, as after garbage
)

// Board is a board that listens.
type Board struct {
	Addr string // host:port

	mu       sync.Mutex
	page     string
	fault    Fault
	requests []string // as they came, at most 1,024 bytes of each
	listener net.Listener
	quiet    chan struct{} // closed at the end
}

// Start starts a board that shows Page. It ends with the test.
func Start(t testing.TB) *Board {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &Board{Addr: l.Addr().String(), page: Page, listener: l, quiet: make(chan struct{})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.accept()
	}()
	t.Cleanup(func() {
		_ = l.Close()
		close(b.quiet)
		<-done
	})
	return b
}

// Show makes the board show a page, with a fault.
func (b *Board) Show(page string, fault Fault) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.page, b.fault = page, fault
}

// Requests returns the requests that came, as much of them as a board reads.
func (b *Board) Requests() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.requests...)
}

// accept serves one client after the other, as a board does.
func (b *Board) accept() {
	for {
		conn, err := b.listener.Accept()
		if err != nil {
			return
		}
		b.serve(conn.(*net.TCPConn))
	}
}

// serve reads once, at most 1,024 bytes, and answers whatever it got of the
// request.
func (b *Board) serve(conn *net.TCPConn) {
	defer conn.Close()
	buffer := make([]byte, 1024)
	n, err := conn.Read(buffer)
	if err != nil {
		return
	}
	b.mu.Lock()
	page, fault := b.page, b.fault
	b.requests = append(b.requests, string(buffer[:n]))
	b.mu.Unlock()
	answer := b.answer(string(buffer[:n]), page)
	switch fault {
	case Silence:
		<-b.quiet
		return
	case Closed:
		return
	case Cut:
		answer = answer[:len(answer)-len(page)/2]
		_ = conn.SetLinger(0)
	case Reset:
		_ = conn.SetLinger(0) // closing resets
	}
	_, _ = conn.Write(answer)
}

// answer answers the path as it stands, without a thought for queries, and GET
// alone.
func (b *Board) answer(request, page string) []byte {
	status, body := "404 Not Found", "Not Found"
	line, _, _ := strings.Cut(request, "\r\n")
	if words := strings.Fields(line); len(words) == 3 && words[0] == "GET" && words[1] == "/metrics" {
		status, body = "200 OK", page
	}
	var answer bytes.Buffer
	fmt.Fprintf(&answer, "HTTP/1.1 %s\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s", status, len(body), body)
	return answer.Bytes()
}
