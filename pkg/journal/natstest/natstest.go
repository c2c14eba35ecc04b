// Package natstest runs a NATS server within a test, and answers on it as
// aggregators and ingests do.
package natstest

import (
	"errors"
	"log/slog"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"weir/pkg/journal"
	"weir/pkg/schema"
)

// Run starts a server with JetStream in a temporary directory and without an
// open port, the same as weir's own. It ends with the test.
func Run(t testing.TB) *journal.Embedded {
	t.Helper()
	e, err := journal.StartEmbedded(journal.EmbeddedConfig{Dir: t.TempDir(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Stop)
	return e
}

// Connect returns a connection to the server, closed at the test's end.
func Connect(t testing.TB, e *journal.Embedded) *nats.Conn {
	t.Helper()
	nc, err := e.Connect()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// Answer makes f answer requests on a subject: each of its chunks is a message,
// all but the last with schema.MoreHeader.
func Answer(t testing.TB, nc *nats.Conn, subject string, f func(request []byte) (chunks [][]byte)) {
	t.Helper()
	subscribe(t, nc, subject, func(m *nats.Msg) {
		chunks := f(m.Data)
		for i, c := range chunks {
			reply := nats.NewMsg(m.Reply)
			reply.Data = c
			if i < len(chunks)-1 {
				reply.Header.Set(schema.MoreHeader, "1")
			}
			publish(t, nc, reply)
		}
	})
}

// Refuse makes requests on a subject fail as a NATS micro service's do.
func Refuse(t testing.TB, nc *nats.Conn, subject, code, description string) {
	t.Helper()
	subscribe(t, nc, subject, func(m *nats.Msg) {
		reply := nats.NewMsg(m.Reply)
		reply.Header.Set(micro.ErrorCodeHeader, code)
		reply.Header.Set(micro.ErrorHeader, description)
		publish(t, nc, reply)
	})
}

// publish sends a reply, unless the test has ended meanwhile.
func publish(t testing.TB, nc *nats.Conn, reply *nats.Msg) {
	if err := nc.PublishMsg(reply); err != nil && !errors.Is(err, nats.ErrConnectionClosed) {
		t.Errorf("answer: %v", err)
	}
}

func subscribe(t testing.TB, nc *nats.Conn, subject string, f nats.MsgHandler) {
	t.Helper()
	if _, err := nc.Subscribe(subject, f); err != nil {
		t.Fatal(err)
	}
	if err := nc.FlushTimeout(patience); err != nil {
		t.Fatal(err)
	}
}
