// Package broker adapts mochi-mqtt: an MQTT 3.1.1 and 5 broker that hands the
// messages on our topics to the journal and acknowledges them only when they
// are stored. All other messages it carries as any broker does.
package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"weir/pkg/journal"
	"weir/pkg/schema"
	"weir/services/ingest/internal/access"
	"weir/services/ingest/internal/sessions"
	"weir/services/ingest/internal/topics"
)

const (
	// readBuffer is the buffer of a connection. 64 KiB is some 15 % faster under
	// full load than 4 KiB, and idle connections pay for it.
	readBuffer = 64 << 10
	// maxPending bounds the messages that wait for a subscriber that does not
	// read; its queue is allocated at once.
	maxPending = 1024
	// maxPacket bounds a packet. Proplets carry chunks of up to 10 MB through
	// the broker on topics that are not journaled.
	maxPacket = 16 << 20
	// maxAliases bounds the topic aliases of a client. Each keeps the packet in
	// memory that set it.
	maxAliases = 32
	// stopGrace is enough to end connections that wait for nothing but a write to
	// a bucket that cannot be reached.
	stopGrace = 3 * time.Second
	// sysInterval is how often the $SYS topics are published, in seconds.
	sysInterval = 10
)

// Config says what a Broker needs.
type Config struct {
	Addr       string
	Users      *access.Users // nil: anyone may connect, publish and subscribe
	MaxPayload int           // bytes; larger payloads are rejected
	Sessions   *sessions.Store
	Topics     *topics.Table // which topics are journaled; nil: those that are without a configuration
	// Submit queues an event for the journal; it blocks while too much waits.
	Submit func(journal.Entry[Receipt]) error
	// Disconnected notes that a client whose events are in the journal went away.
	Disconnected func(schema.Disconnect)
	Now          func() time.Time
	Logger       *slog.Logger
}

// Receipt is whom to tell that an event is stored.
type Receipt struct {
	session  *session // nil: nobody asked
	packetID uint16
	qos      byte
	code     byte   // MQTT 5 reason code
	reason   string // MQTT 5 reason string

	done chan<- uint64
	size int // of the answer that whoever waits for done gives
}

// NewReceipt returns a receipt that sends the event's position in the journal
// to done, which must have room for it. size is that of the answer which is then
// given, in bytes.
func NewReceipt(done chan<- uint64, size int) Receipt { return Receipt{done: done, size: size} }

// Answer tells whoever waits that the event is stored at seq, and returns the
// size of the answer in bytes. It does not block.
func (r *Receipt) Answer(seq uint64) int {
	if r.done != nil {
		r.done <- seq
	}
	if r.session == nil {
		return r.size
	}
	return r.session.answer(r)
}

// Broker is a running MQTT broker.
type Broker struct {
	cfg      Config
	server   *mqtt.Server
	hook     *hook
	listener *listener
	sysInfo  int64 // the broker's own retained messages

	mu     sync.Mutex
	latest map[string]*session // by client id

	subscribed atomic.Bool // somebody has subscribed: messages must be handed on
	stopping   atomic.Bool
}

// Start listens and serves.
func Start(ctx context.Context, cfg Config) (*Broker, error) {
	if cfg.Topics == nil {
		cfg.Topics = topics.New()
	}
	b := &Broker{cfg: cfg, latest: map[string]*session{}}
	capabilities := mqtt.NewDefaultServerCapabilities()
	capabilities.MaximumClientWritesPending = maxPending
	capabilities.MaximumPacketSize = maxPacket
	capabilities.TopicAliasMaximum = maxAliases
	capabilities.ReceiveMaximum = schema.DuplicateWindow
	// The default makes retained messages vanish after a day.
	capabilities.MaximumMessageExpiryInterval = 0
	capabilities.Compatibilities.NoInheritedPropertiesOnAck = true
	b.server = mqtt.New(&mqtt.Options{
		Capabilities:            capabilities,
		ClientNetReadBufferSize: readBuffer,
		SysTopicResendInterval:  sysInterval,
		Logger:                  slog.New(quiet{cfg.Logger.Handler()}),
	})
	var err error
	if b.hook, err = newHook(ctx, b); err != nil {
		return nil, err
	}
	if err := b.server.AddHook(b.hook, nil); err != nil {
		return nil, fmt.Errorf("set up the MQTT broker: %w", err)
	}
	if b.listener, err = listen(cfg.Addr, cfg.Logger, b.ended, b.disconnectAll); err != nil {
		return nil, err
	}
	err = b.server.AddListener(b.listener)
	if err == nil {
		err = b.server.Serve()
	}
	if err != nil {
		b.listener.stopAccepting()
		return nil, fmt.Errorf("start the MQTT broker: %w", err)
	}
	b.hook.loaded()
	return b, nil
}

// Addr returns the bound address.
func (b *Broker) Addr() string { return b.listener.Address() }

// StopAccepting closes the listener; the connections there are go on. From here
// on, clients that go away do so because the broker does: that is no news about
// them, and neither their wills nor their going enters the journal.
func (b *Broker) StopAccepting() {
	b.stopping.Store(true)
	b.listener.stopAccepting()
}

// disconnectAll says goodbye to all clients.
func (b *Broker) disconnectAll() {
	for _, cl := range b.server.Clients.GetAll() {
		if cl.Net.Listener == listenerID && !cl.Closed() {
			_ = b.server.DisconnectClient(cl, packets.ErrServerShuttingDown)
		}
	}
}

// Stop ends all connections. Messages that were not acknowledged by then are
// the devices' to send again. It takes a moment even if ctx is over: until then
// connections use what is stopped next.
func (b *Broker) Stop(ctx context.Context) error {
	b.StopAccepting()
	done := make(chan error, 1)
	go func() { done <- b.server.Close() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-done:
		return err
	case <-time.After(stopGrace):
		return errors.Join(errors.New("MQTT connections did not end in time"), ctx.Err())
	}
}

// Stats are the broker's own counts.
type Stats struct {
	Clients, Subscriptions, Retained        int64
	BytesReceived, BytesSent                int64
	MessagesReceived, MessagesSent, Dropped int64
}

// Stats returns the counts of now.
func (b *Broker) Stats() Stats {
	i := b.server.Info.Clone()
	return Stats{
		Clients: i.ClientsConnected, Subscriptions: i.Subscriptions, Retained: int64(b.server.Topics.Retained.Len()) - b.sysInfo,
		BytesReceived: i.BytesReceived, BytesSent: i.BytesSent,
		MessagesReceived: i.MessagesReceived, MessagesSent: i.MessagesSent, Dropped: i.MessagesDropped,
	}
}
