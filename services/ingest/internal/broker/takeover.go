package broker

import (
	"errors"
	"sync/atomic"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"weir/pkg/schema"
)

// takeoverTimeout bounds how long a new connection waits for the end of the
// client's earlier one. That takes long only while the journal is stalled.
const takeoverTimeout = 5 * time.Second

// session returns the session of a connected client, nil if it has none: it is
// one of the broker's own, or was not let in.
func (b *Broker) session(cl *mqtt.Client) *session {
	if c, ok := cl.Net.Conn.(*conn); ok {
		return c.session
	}
	return nil
}

// claim makes s the connection of its client, and ends the one there is. It
// returns once that has ended altogether, so that a client has one connection at
// a time: otherwise a message that still waits for room in the queue could come
// into the journal behind its own retransmission on the new connection, and
// would count twice. It reports false if that takes too long.
func (b *Broker) claim(s *session) bool {
	b.mu.Lock()
	s.before = b.latest[s.cl.ID]
	b.latest[s.cl.ID] = s
	b.mu.Unlock()
	timeout := time.NewTimer(takeoverTimeout)
	defer timeout.Stop()
	for old := s.before; old != nil; old = old.before {
		if !old.isDone() {
			old.replace()
		}
		select {
		case <-old.done:
		case <-s.conn.closing:
			return false
		case <-timeout.C:
			return false
		}
		if old.before == nil { // it was let in, or nothing is left before it
			s.inherit(old)
			break
		}
	}
	s.before = nil
	return true
}

// replace ends a connection because the client has a newer one.
func (s *session) replace() {
	s.replaced.Store(true)
	if s.conn.isGreeted() {
		_ = s.b.server.DisconnectClient(s.cl, packets.ErrSessionTakenOver)
		return
	}
	s.cl.Stop(packets.ErrSessionTakenOver)
}

func (s *session) isDone() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

// ended is told when the broker is done with a connection, or was stopped by a
// panic.
func (b *Broker) ended(c *conn) {
	s := c.session
	if s == nil {
		return
	}
	if !s.left.Load() {
		b.abandon(s)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.latest[s.cl.ID] != s:
	case s.before != nil && !s.before.isDone():
		b.latest[s.cl.ID] = s.before
	case s.before != nil || !persistent(s.cl):
		delete(b.latest, s.cl.ID)
	}
	close(s.done)
}

// expired forgets the last connection of a client whose session has ended.
func (b *Broker) expired(cl *mqtt.Client) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s := b.latest[cl.ID]; s != nil && s.cl == cl {
		delete(b.latest, cl.ID)
	}
}

var errBroken = errors.New("connection broke")

// abandon does what the broker would have done at the connection's end.
func (b *Broker) abandon(s *session) {
	if s.before != nil { // it was never let in
		return
	}
	cl := s.cl
	if atomic.SwapUint32(&cl.Properties.Will.Flag, 0) == 1 {
		b.hook.sendWill(s)
	}
	expire := !persistent(cl)
	b.hook.OnDisconnect(cl, errBroken, expire)
	if current, ok := b.server.Clients.Get(cl.ID); ok && current == cl && expire {
		cl.ClearInflights()
		b.server.UnsubscribeClient(cl)
		b.server.Clients.Delete(cl.ID)
	}
}

// gone notes in the journal that a client went away, if it is there and was not
// merely replaced by a newer connection of its own.
func (b *Broker) gone(s *session, clean bool) {
	if s.recorded && !b.stopping.Load() && !s.replaced.Load() {
		b.cfg.Disconnected(schema.Disconnect{Client: s.cl.ID, At: b.cfg.Now().UnixNano(), Clean: clean})
	}
}
