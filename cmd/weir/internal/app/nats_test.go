package app

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"weir/cmd/weir/internal/config"
)

// refuse plays a NATS server that refuses so many connections, and takes the next.
func refuse(l net.Listener, times int) {
	for ; ; times-- {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		_, _ = io.WriteString(conn, `INFO {"server_id":"x","version":"2.15.0","headers":true,"max_payload":1048576,"auth_required":true}`+"\r\n")
		for lines := bufio.NewScanner(conn); lines.Scan(); {
			if lines.Text() != "PING" {
				continue
			}
			if times > 0 {
				_, _ = io.WriteString(conn, "-ERR 'Authorization Violation'\r\n")
				break
			}
			_, _ = io.WriteString(conn, "PONG\r\n")
		}
		conn.Close()
	}
}

// A service that a NATS server refuses goes on trying, however often it is
// refused: it is there when the server knows its credentials.
func TestAServerThatRefusesIsTriedAgain(t *testing.T) {
	l, err := net.Listen("tcp", anyPort)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		refuse(l, 3)
	}()
	defer func() {
		l.Close()
		<-served
	}()
	c := config.Default()
	c.NATSURL = "nats://weir:secret@" + l.Addr().String()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	nc, err := connectURL(ctx, c, "test", true, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	nc.Close()
}

func TestAddressesOfNATSAreShownWithoutPasswords(t *testing.T) {
	for given, want := range map[string]string{
		"nats://a:4222":                                  "nats://a:4222",
		"nats://weir:secret@a:4222":                      "nats://weir:xxxxx@a:4222",
		"nats://weir:secret@a:4222, tls://weir:secret@b": "nats://weir:xxxxx@a:4222,tls://weir:xxxxx@b",
		"weir:secret@a:4222,127.0.0.1:4222":              "nats://weir:xxxxx@a:4222,nats://127.0.0.1:4222",
		"nats://weir:sec%zzret@a":                        "the address of nats_url",
	} {
		if got := redacted(given); got != want {
			t.Errorf("%s is shown as %s, want %s", given, got, want)
		}
	}
}
