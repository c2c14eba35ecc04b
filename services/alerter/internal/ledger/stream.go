package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"weir/pkg/journal"
)

// StreamName and Subject are where the ledger is.
const (
	StreamName = "WEIR_ALERTS"
	Subject    = "weir.alerts.log"
)

const (
	// dedupWindow is how long the server remembers a message's id. Beyond it the
	// ledger looks for itself whether a message was stored.
	dedupWindow = 10 * time.Minute
	readAhead   = 8 << 20
)

// Stream is what a Ledger is kept in. Its methods are not called concurrently.
// An error other than those named leaves open whether anything was done.
type Stream interface {
	// Publish stores a message if the last one is at position last, 0 for none,
	// and returns its position. A message of an id that was stored before may be
	// answered with its position. The error wraps ErrWrongSequence if another one
	// is last.
	Publish(ctx context.Context, id string, data []byte, last uint64) (uint64, error)
	// ID returns the id of the message at a position; the error wraps ErrNotFound
	// if there is none.
	ID(ctx context.Context, seq uint64) (string, error)
	// Bounds returns the positions of the first and the last message. An empty
	// stream has last = first-1.
	Bounds(ctx context.Context) (first, last uint64, err error)
	// Read calls visit with the messages from one position to another, both
	// inclusive, and ends with visit's first error.
	Read(ctx context.Context, from, to uint64, visit func(seq uint64, data []byte) error) error
	// Purge removes what is before a position.
	Purge(ctx context.Context, before uint64) error
}

// jetStream is a Stream in JetStream.
type jetStream struct {
	nc     *nats.Conn
	js     jetstream.JetStream
	stream jetstream.Stream
}

var _ Stream = (*jetStream)(nil)

// openStream makes the stream if there is none and checks its settings.
func openStream(ctx context.Context, nc *nats.Conn, replicas int) (*jetStream, error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, fmt.Errorf("use JetStream: %w", err)
	}
	stream, err := journal.OpenStream(ctx, js, streamConfig(replicas))
	if err != nil {
		return nil, err
	}
	if why := whyUnsafe(stream.CachedInfo().Config); why != "" {
		return nil, fmt.Errorf("stream %s: %w: %s", StreamName, ErrUnsafe, why)
	}
	return &jetStream{nc, js, stream}, nil
}

func streamConfig(replicas int) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        StreamName,
		Description: "weir's alerts: transitions, notices, silences, rules",
		Subjects:    []string{Subject},
		Storage:     jetstream.FileStorage,
		Retention:   jetstream.LimitsPolicy,
		Discard:     jetstream.DiscardNew,
		Replicas:    max(replicas, 1),
		Duplicates:  dedupWindow,
		DenyDelete:  true,
	}
}

// whyUnsafe says how a stream would lose alerts that were stored, or "".
func whyUnsafe(c jetstream.StreamConfig) string {
	switch {
	case c.Retention != jetstream.LimitsPolicy || c.Discard != jetstream.DiscardNew && (c.MaxMsgs > 0 || c.MaxBytes > 0) || c.MaxAge > 0:
		return "it drops old messages by itself"
	case c.DenyPurge:
		return "it does not let old messages be purged, and so grows for ever"
	}
	return ""
}

func (s *jetStream) Publish(ctx context.Context, id string, data []byte, last uint64) (uint64, error) {
	if !s.nc.IsConnected() {
		return 0, fmt.Errorf("write to %s: %w", StreamName, nats.ErrDisconnected) // and do not fill the client's buffer
	}
	ack, err := s.js.PublishMsg(ctx, &nats.Msg{Subject: Subject, Data: data},
		jetstream.WithMsgID(id), jetstream.WithExpectStream(StreamName), jetstream.WithExpectLastSequence(last))
	var refused *jetstream.APIError
	switch {
	case errors.As(err, &refused) && isWrongSequence(refused):
		return 0, fmt.Errorf("write to %s: %w: %w", StreamName, ErrWrongSequence, err)
	case err != nil:
		return 0, fmt.Errorf("write to %s: %w", StreamName, err)
	}
	return ack.Sequence, nil
}

// isWrongSequence knows both codes that nats-server has for it.
func isWrongSequence(err *jetstream.APIError) bool {
	const constant = 10164 // of a server in a cluster that does not say the sequence
	return err.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence || err.ErrorCode == constant
}

func (s *jetStream) ID(ctx context.Context, seq uint64) (string, error) {
	// The stream does not allow direct reads: this asks its leader, since a
	// replica may not have the latest message yet.
	msg, err := s.stream.GetMsg(ctx, seq)
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
		return "", fmt.Errorf("read message %d of %s: %w", seq, StreamName, ErrNotFound)
	case err != nil:
		return "", fmt.Errorf("read message %d of %s: %w", seq, StreamName, err)
	}
	return msg.Header.Get(jetstream.MsgIDHeader), nil
}

func (s *jetStream) Bounds(ctx context.Context) (first, last uint64, err error) {
	info, err := s.stream.Info(ctx)
	if err != nil {
		return 0, 0, fmt.Errorf("ask for the bounds of %s: %w", StreamName, err)
	}
	if info.State.Msgs == 0 {
		return info.State.LastSeq + 1, info.State.LastSeq, nil
	}
	return info.State.FirstSeq, info.State.LastSeq, nil
}

func (s *jetStream) Read(ctx context.Context, from, to uint64, visit func(uint64, []byte) error) error {
	if from > to {
		return nil
	}
	cons, err := s.stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: from,
	})
	if err != nil {
		return fmt.Errorf("read %s from %d: %w", StreamName, from, err)
	}
	msgs, err := cons.Messages(jetstream.PullMaxBytes(readAhead))
	if err != nil {
		return fmt.Errorf("read %s from %d: %w", StreamName, from, err)
	}
	defer msgs.Stop()
	for seq := from; seq <= to; seq++ {
		msg, err := msgs.Next(jetstream.NextContext(ctx))
		if err != nil {
			return fmt.Errorf("read %s at %d: %w", StreamName, seq, err)
		}
		meta, err := msg.Metadata()
		if err != nil {
			return fmt.Errorf("read %s at %d: %w", StreamName, seq, err)
		}
		if meta.Sequence.Stream != seq {
			return fmt.Errorf("message %d of %s is missing: %w", seq, StreamName, ErrLost)
		}
		if err := visit(seq, msg.Data()); err != nil {
			return err
		}
	}
	return nil
}

func (s *jetStream) Purge(ctx context.Context, before uint64) error {
	if err := s.stream.Purge(ctx, jetstream.WithPurgeSequence(before)); err != nil {
		return fmt.Errorf("purge %s before %d: %w", StreamName, before, err)
	}
	return nil
}
