// Package endpoint is what boards and DataMgmt nodes answer over HTTP.
package endpoint

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"time"
)

const (
	received   = 1024 // bytes that a board reads of a request, once
	patience   = 5 * time.Second
	statusOK   = "200 OK"
	statusNone = "404 Not Found"
)

// Board answers as prometheus_express's own HTTP server does, until the listener
// is closed: one client at a time and one request a connection; of the request
// 1024 bytes are read, so that a longer one meets a reset behind the answer; the
// path is compared as it is; garbage gets no answer. text returns what the board
// shows, or false while it cannot be reached: then connections just end.
//
// Source: https://github.com/ssube/prometheus_express, as observed.
func Board(ctx context.Context, l net.Listener, text func() ([]byte, bool)) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		stop := context.AfterFunc(ctx, func() { conn.Close() })
		answer(conn, text)
		stop()
		conn.Close()
	}
}

func answer(conn net.Conn, text func() ([]byte, bool)) {
	conn.SetDeadline(time.Now().Add(patience))
	request := make([]byte, received)
	n, err := conn.Read(request)
	if err != nil {
		return
	}
	line, _, _ := bytes.Cut(request[:n], []byte("\r\n"))
	words := bytes.Split(line, []byte{' '})
	if len(words) != 3 || !bytes.HasPrefix(words[2], []byte("HTTP/")) {
		return
	}
	status, body := statusNone, []byte("Not Found")
	if string(words[0]) == "GET" && string(words[1]) == "/metrics" {
		var ok bool
		if body, ok = text(); !ok {
			return
		}
		status = statusOK
	}
	fmt.Fprintf(conn, "HTTP/1.1 %s\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s", status, len(body), body)
}
