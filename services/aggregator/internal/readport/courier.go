package readport

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"weir/pkg/schema"
)

// ackEvery is how many messages are sent between two that have to be
// acknowledged. A courier is ahead of its reader by less than two times as many:
// what is not read yet waits in the NATS server's and the reader's memory, and
// the server breaks off a connection that lets too much wait.
const ackEvery = 8

// courier sends a live answer, no faster than it is read. It learns that nobody
// listens any more from the server, which says so where an acknowledgement is
// asked for.
type courier struct {
	nc   *nats.Conn
	to   string // the subject of the answer
	ctx  context.Context
	sent int
	owed int                // acknowledgements that are still to come
	acks *nats.Subscription // nil before the first one is asked for
}

// send sends a message, which it copies. The errors are errGone, and
// ErrUnavailable when ctx ended.
func (c *courier) send(data []byte, more bool) error {
	m := &nats.Msg{Subject: c.to, Data: data}
	if more {
		m.Header = nats.Header{schema.MoreHeader: []string{"1"}}
		if c.sent++; c.sent%ackEvery == 0 {
			if err := c.askForAck(m); err != nil {
				return err
			}
		}
	}
	if err := c.nc.PublishMsg(m); err != nil {
		return fmt.Errorf("send a part of an answer: %w", err)
	}
	for c.owed > 1 {
		if err := c.awaitAck(); err != nil {
			return err
		}
	}
	return nil
}

// askForAck makes m one that has to be acknowledged.
func (c *courier) askForAck(m *nats.Msg) (err error) {
	if c.acks == nil {
		if c.acks, err = c.nc.SubscribeSync(c.nc.NewInbox()); err != nil {
			return fmt.Errorf("listen for acknowledgements: %w", err)
		}
	}
	m.Reply = c.acks.Subject
	c.owed++
	return nil
}

// probeEvery is how long an acknowledgement is waited for before another is
// asked for: a message that was on its way when its reader went is lost without
// a word; only what comes later is answered for.
const probeEvery = time.Second

func (c *courier) awaitAck() error {
	wait, cancel := context.WithTimeout(c.ctx, probeEvery)
	defer cancel()
	m, err := c.acks.NextMsgWithContext(wait)
	switch {
	case errors.Is(err, nats.ErrNoResponders), err == nil && m.Header.Get("Status") != "":
		return errGone
	case err == nil:
		c.owed--
		return nil
	case c.ctx.Err() != nil:
		return outOfTime(c.ctx)
	case wait.Err() != nil:
		return c.probe()
	}
	return fmt.Errorf("wait for an acknowledgement: %w", err)
}

// probe sends a message without records.
func (c *courier) probe() error {
	m := &nats.Msg{Subject: c.to, Header: nats.Header{schema.MoreHeader: []string{"1"}}}
	if err := c.askForAck(m); err != nil {
		return err
	}
	return c.nc.PublishMsg(m)
}

func (c *courier) close() {
	if c.acks != nil {
		c.acks.Unsubscribe()
	}
}
