package journal

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// readAhead bounds the bytes that the server sends ahead of Next. Frames are
// large: a bound on messages, as the client has by default, stalls.
const readAhead = 8 << 20

// Message is a stored frame.
type Message struct {
	Seq  uint64 // its position, from 1
	Data []byte
}

// Reader reads a journal in order, each frame once.
type Reader struct{ msgs jetstream.MessagesContext }

// Read returns a Reader of what lies behind a position: 0 is the whole journal.
func (j *Journal) Read(ctx context.Context, after uint64) (*Reader, error) {
	msgs, err := j.consume(ctx, after, false)
	if err != nil {
		return nil, err
	}
	return &Reader{msgs}, nil
}

func (j *Journal) consume(ctx context.Context, after uint64, headersOnly bool) (jetstream.MessagesContext, error) {
	cons, err := j.stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:   after + 1,
		HeadersOnly:   headersOnly,
	})
	if err != nil {
		return nil, fmt.Errorf("read %s from %d: %w", j.name, after+1, err)
	}
	msgs, err := cons.Messages(jetstream.PullMaxBytes(readAhead))
	if err != nil {
		return nil, fmt.Errorf("read %s from %d: %w", j.name, after+1, err)
	}
	return msgs, nil
}

// Next returns the next frame and waits for it if need be, until ctx ends. It
// returns ErrClosed after Close. After another error the Reader is of no more
// use: open a new one behind the last position seen.
func (r *Reader) Next(ctx context.Context) (Message, error) {
	msg, err := r.msgs.Next(jetstream.NextContext(ctx))
	if errors.Is(err, jetstream.ErrMsgIteratorClosed) {
		return Message{}, ErrClosed
	}
	if err != nil {
		return Message{}, fmt.Errorf("read the next frame: %w", err)
	}
	meta, err := msg.Metadata()
	if err != nil {
		return Message{}, fmt.Errorf("read the next frame: %w", err)
	}
	return Message{Seq: meta.Sequence.Stream, Data: msg.Data()}, nil
}

// Close ends reading.
func (r *Reader) Close() { r.msgs.Stop() }
