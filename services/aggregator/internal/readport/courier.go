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
	made uint64             // the connection's reconnects before the first message
	owed int                // acknowledgements that are still to come
	acks *nats.Subscription // nil before the first one is asked for
}

// send sends a message, which it copies. The errors are errGone, and
// ErrUnavailable when ctx ended otherwise or the connection broke.
func (c *courier) send(data []byte, more bool) error {
	if err := c.broken(); err != nil {
		return err
	}
	if c.sent == 0 {
		c.made = c.nc.Stats().Reconnects
	}
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

// broken returns an error if messages may have been lost, or their
// acknowledgements: those that were on their way when the connection broke.
func (c *courier) broken() error {
	if c.sent > 0 && (c.nc.Stats().Reconnects != c.made || !c.nc.IsConnected()) {
		return fmt.Errorf("%w: its connection broke meanwhile", ErrUnavailable)
	}
	return nil
}

func (c *courier) awaitAck() error {
	wait, cancel := context.WithTimeout(c.ctx, lookEvery)
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
		return c.broken() // if it is not, who calls waits on
	}
	return fmt.Errorf("wait for an acknowledgement: %w", err)
}

func (c *courier) close() {
	if c.acks != nil {
		c.acks.Unsubscribe()
	}
}
