package readclient

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"weir/pkg/schema"
	"weir/pkg/schema/wire"
)

// stream asks the aggregator for a streamed answer. It reads the number at its
// beginning into head, unless that is nil, and calls record at each record.
// Messages are decoded as they come, while the aggregator sends the rest.
func (c *Client) stream(ctx context.Context, timeout time.Duration, endpoint string, req any, head *uint64, record func(*wire.Reader)) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	a, err := c.open(endpoint, req)
	if err != nil {
		return err
	}
	defer a.sub.Unsubscribe() // who sends on all the same learns that nobody listens
	for more := true; more; {
		var r *wire.Reader
		if r, more, err = a.next(ctx); err != nil {
			return err
		}
		if head != nil {
			*head, head = r.Uint(), nil
		}
		for r.Err() == nil && len(r.Rest()) > 0 {
			record(r)
		}
		if r.Err() != nil {
			return fmt.Errorf("read the aggregator's %s: %w: %w", endpoint, ErrBroken, r.Err())
		}
	}
	return a.whole()
}

// answer is a streamed answer on its way.
type answer struct {
	nc         *nats.Conn
	sub        *nats.Subscription
	reconnects uint64    // of the connection before the request
	read       *nats.Msg // the message whose records are being read
}

// open sends a request whose answer comes to an inbox of its own.
func (c *Client) open(endpoint string, req any) (*answer, error) {
	if !c.nc.IsConnected() {
		return nil, ErrNoAggregator
	}
	data, err := body(req)
	if err != nil {
		return nil, fmt.Errorf("ask for %s: %w", endpoint, err)
	}
	a := &answer{nc: c.nc, reconnects: c.nc.Stats().Reconnects}
	inbox := c.nc.NewInbox()
	if a.sub, err = c.nc.SubscribeSync(inbox); err != nil {
		return nil, aggregator.explain(err)
	}
	// A dropped message would be a hole in the answer, and the answer's size is
	// the aggregator's decision in any case.
	a.sub.SetPendingLimits(-1, -1)
	m := &nats.Msg{Subject: c.subject(endpoint), Reply: inbox, Header: c.header, Data: data}
	if err := c.nc.PublishMsg(m); err != nil {
		a.sub.Unsubscribe()
		return nil, aggregator.explain(err)
	}
	return a, nil
}

func body(req any) ([]byte, error) {
	if req == nil {
		return nil, nil
	}
	return json.Marshal(req)
}

// next returns the next message's records, and whether it is not the last. Those
// of the message before it have been read: it is acknowledged if it asks for it,
// so that the aggregator sends on.
func (a *answer) next(ctx context.Context) (r *wire.Reader, more bool, err error) {
	if a.read != nil && a.read.Reply != "" {
		if err := a.nc.Publish(a.read.Reply, nil); err != nil {
			return nil, false, aggregator.explain(err)
		}
	}
	m, err := a.wait(ctx)
	if a.read = m; err != nil {
		return nil, false, err
	}
	if err := refusal(m); err != nil {
		return nil, false, err
	}
	return wire.NewSharingReader(m.Data), m.Header.Get(schema.MoreHeader) != "", nil
}

// wait returns the next message. It looks at the connection now and then: a
// message that was sent while it was down never comes.
func (a *answer) wait(ctx context.Context) (*nats.Msg, error) {
	for {
		turn, cancel := context.WithTimeout(ctx, connectionCheck)
		m, err := a.sub.NextMsgWithContext(turn)
		cancel()
		switch {
		case err == nil:
			return m, nil
		case ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded):
			return nil, aggregator.explain(err)
		case !a.nc.IsConnected():
			return nil, errConnectionBroke
		}
		if err := a.whole(); err != nil {
			return nil, err
		}
	}
}

// whole returns an error if messages may be missing: core NATS delivers in
// order and without holes, but what is sent while a connection is down is lost.
func (a *answer) whole() error {
	if a.nc.Stats().Reconnects != a.reconnects {
		return errConnectionBroke
	}
	return nil
}

var errConnectionBroke = fmt.Errorf("ask the aggregator: %w: the connection broke meanwhile", ErrBroken)

// refusal returns the error that a NATS micro service answered with, or nil.
func refusal(m *nats.Msg) error {
	code, description := m.Header.Get(micro.ErrorCodeHeader), m.Header.Get(micro.ErrorHeader)
	if code == "" && description == "" {
		return nil
	}
	return &Refused{Code: code, Description: description}
}
