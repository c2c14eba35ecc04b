package readport

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"

	"weir/pkg/schema"
)

// lookEvery is how often it is looked whether somebody still listens for a live
// answer. It bounds how long is worked for nobody; most answers take less.
const lookEvery = 100 * time.Millisecond

// attended returns a context that ends, with errGone as its cause, soon after
// nobody listens at a subject any more, whatever the answer waits for then: its
// turn, the disk, an acknowledgement. The caller cancels.
//
// The server says so where a message wants to be answered and has no listener,
// and of those only that come after the listener went. Nothing has to come from
// who asked: it may have crashed.
func attended(ctx context.Context, nc *nats.Conn, subject string) (context.Context, context.CancelFunc) {
	ctx, gone := context.WithCancelCause(ctx)
	go func() {
		tick := time.NewTicker(lookEvery)
		defer tick.Stop()
		var said *nats.Subscription // made when it is needed: most answers take less
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if said == nil {
				var err error
				if said, err = hear(nc, func() { gone(errGone) }); err != nil {
					return // the connection is closed
				}
				defer said.Unsubscribe()
			}
			// One without records; where it cannot be sent, neither can the answer.
			_ = nc.PublishMsg(&nats.Msg{Subject: subject, Reply: said.Subject, Header: nats.Header{schema.MoreHeader: []string{"1"}}})
		}
	}()
	return ctx, func() { gone(nil) }
}

// hear subscribes to what is said to messages, and calls gone if it is the server
// that says it, since nobody listens to one. However late it does: a server may be
// far away.
func hear(nc *nats.Conn, gone func()) (*nats.Subscription, error) {
	return nc.Subscribe(nc.NewInbox(), func(m *nats.Msg) {
		if len(m.Data) == 0 && m.Header.Get("Status") != "" {
			gone()
		}
	})
}
