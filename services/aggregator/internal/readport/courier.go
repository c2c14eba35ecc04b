package readport

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"

	"weir/pkg/schema"
)

// ackEvery is how many messages are sent between two that have to be
// acknowledged. A courier is ahead of its reader by less than two times as many:
// what is not read yet waits in the NATS server's and the reader's memory, and
// the server breaks off a connection that lets too much wait.
const ackEvery = 8

// courier sends a live answer, no faster than it is read, until its context ends.
type courier struct {
	nc   *nats.Conn
	to   string // the subject of the answer
	ctx  context.Context
	sent int
	owed int                // acknowledgements that are still to come
	acks *nats.Subscription // nil before the first one is asked for
}

// send sends a message, which it copies. The errors are errGone, and
// ErrUnavailable when ctx ended otherwise.
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

func (c *courier) awaitAck() error {
	m, err := c.acks.NextMsgWithContext(c.ctx)
	switch {
	case errors.Is(err, nats.ErrNoResponders), err == nil && m.Header.Get("Status") != "":
		return errGone
	case err == nil:
		c.owed--
		return nil
	case c.ctx.Err() != nil:
		return outOfTime(c.ctx)
	}
	return fmt.Errorf("wait for an acknowledgement: %w", err)
}

func (c *courier) close() {
	if c.acks != nil {
		c.acks.Unsubscribe()
	}
}
