package readport

import (
	"context"
	"errors"
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
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if !listens(ctx, nc, subject) {
				gone(errGone)
			}
		}
	}()
	return ctx, func() { gone(nil) }
}

// listens sends a message without records, and reports false if nobody listens.
// Who takes its time to acknowledge it does.
func listens(ctx context.Context, nc *nats.Conn, subject string) bool {
	ctx, cancel := context.WithTimeout(ctx, lookEvery)
	defer cancel()
	m := nats.NewMsg(subject)
	m.Header.Set(schema.MoreHeader, "1")
	_, err := nc.RequestMsgWithContext(ctx, m)
	return !errors.Is(err, nats.ErrNoResponders)
}
