package simulate

import (
	"encoding/json"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/hooks/auth"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"
)

// broker is a mochi server that keeps what was published, and refuses what is no
// JSON object where somebody can hear it.
type broker struct {
	mochi.HookBase
	addr string

	mu        sync.Mutex
	published map[string]int // by tenant and end of the topic
	malformed map[string]int // of these, what is no JSON object, by tenant
	refused   int
	wills     map[string]int // by tenant
	clients   map[string]byte
}

func startBroker(t *testing.T) *broker {
	t.Helper()
	b := &broker{published: map[string]int{}, malformed: map[string]int{}, wills: map[string]int{}, clients: map[string]byte{}}
	server := mochi.New(&mochi.Options{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	l := listeners.NewTCP(listeners.Config{ID: "tcp", Address: "127.0.0.1:0"})
	for _, err := range []error{server.AddHook(new(auth.AllowHook), nil), server.AddHook(b, nil), server.AddListener(l), server.Serve()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { closeBroker(server) })
	b.addr = l.Address()
	return b
}

// closeBroker closes a mochi server, whose own way of finding its clients takes a
// lock for reading twice: it would wait for good where one of them goes in between.
func closeBroker(s *mochi.Server) {
	s.Listeners.CloseAll(func(string) {
		for _, c := range s.Clients.GetAll() {
			_ = s.DisconnectClient(c, packets.ErrServerShuttingDown) // it may have gone
		}
	})
	_ = s.Close() // it says nil always
}

func (b *broker) ID() string { return "keep" }

func (b *broker) Provides(event byte) bool {
	return event == mochi.OnPublish || event == mochi.OnWillSent || event == mochi.OnSessionEstablished
}

func (b *broker) OnSessionEstablished(c *mochi.Client, p packets.Packet) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.clients[c.ID] = p.ProtocolVersion
}

// tenantOf returns the tenant of a topic of any of the four systems.
func tenantOf(topic string) string {
	levels := strings.Split(topic, "/")
	if levels[0] == "m" {
		return levels[1] + "/" + levels[3]
	}
	return levels[1] + "/" + levels[2]
}

func (b *broker) OnPublish(c *mochi.Client, p packets.Packet) (packets.Packet, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	tenant := tenantOf(p.TopicName)
	levels := strings.Split(p.TopicName, "/")
	b.published[tenant+" "+levels[len(levels)-1]]++
	good := json.Valid(p.Payload) && p.Payload[0] == '{'
	if levels[0] == "expo" {
		good = strings.HasPrefix(string(p.Payload), "# HELP")
	}
	if good {
		return p, nil
	}
	b.malformed[tenant]++
	if c.Properties.ProtocolVersion == 5 && p.FixedHeader.Qos == 1 {
		b.refused++
		return p, packets.ErrPayloadFormatInvalid
	}
	return p, nil
}

func (b *broker) OnWillSent(_ *mochi.Client, p packets.Packet) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wills[tenantOf(p.TopicName)]++
}

// received is how many messages of a tenant were published.
func (b *broker) received(tenant string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	sum := 0
	for key, n := range b.published {
		if strings.HasPrefix(key, tenant+" ") {
			sum += n
		}
	}
	return sum
}
