package loadgen

import (
	"io"
	"log/slog"
	"sync"
	"testing"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/hooks/auth"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"
)

// broker is a mochi server that keeps what was published.
type broker struct {
	mqtt.HookBase
	server *mqtt.Server
	addr   string
	refuse func(payload []byte) error // what OnPublish returns; nil accepts everything

	mu       sync.Mutex
	messages []message
}

// message is a PUBLISH as the broker saw it.
type message struct {
	client, topic string
	payload       []byte
	qos           byte
	dup           bool
}

func startBroker(tb testing.TB, refuse func([]byte) error) *broker {
	tb.Helper()
	b := &broker{refuse: refuse}
	b.server = mqtt.New(&mqtt.Options{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	l := listeners.NewTCP(listeners.Config{ID: "tcp", Address: "127.0.0.1:0"})
	for _, err := range []error{b.server.AddHook(new(auth.AllowHook), nil), b.server.AddHook(b, nil), b.server.AddListener(l)} {
		if err != nil {
			tb.Fatal(err)
		}
	}
	if err := b.server.Serve(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { closeBroker(b.server) })
	b.addr = l.Address()
	return b
}

// closeBroker closes a mochi server, whose own way of finding its clients takes a
// lock for reading twice: it would wait for good where one of them goes in between.
func closeBroker(s *mqtt.Server) {
	s.Listeners.CloseAll(func(string) {
		for _, c := range s.Clients.GetAll() {
			_ = s.DisconnectClient(c, packets.ErrServerShuttingDown) // it may have gone
		}
	})
	_ = s.Close() // it says nil always
}

func (b *broker) ID() string { return "keep" }

func (b *broker) Provides(event byte) bool { return event == mqtt.OnPublish }

func (b *broker) OnPublish(c *mqtt.Client, p packets.Packet) (packets.Packet, error) {
	b.mu.Lock()
	b.messages = append(b.messages, message{c.ID, p.TopicName, p.Payload, p.FixedHeader.Qos, p.FixedHeader.Dup})
	b.mu.Unlock()
	if b.refuse != nil {
		return p, b.refuse(p.Payload)
	}
	return p, nil
}

func (b *broker) received() []message {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.messages
}
