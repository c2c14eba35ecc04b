package journal

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"weir/pkg/schema"
)

const (
	// dedupWindow is how long the server remembers frame ids, so that an append
	// retried after an unclear answer is stored once. Beyond it the fold knows
	// a frame by its writer and number.
	dedupWindow = 10 * time.Minute

	appendTimeout  = 5 * time.Second
	firstRetryWait = 20 * time.Millisecond
	longestWait    = 2 * time.Second
)

// StreamName returns the name of a partition's stream.
func StreamName(partition int) string { return "WEIR_JOURNAL_" + strconv.Itoa(partition) }

// Subject returns the subject of a partition's frames.
func Subject(partition int) string { return "weir.journal." + strconv.Itoa(partition) }

// Config names a journal and says how it is kept when it is made.
type Config struct {
	Partition int
	Replicas  int // of the stream in a cluster; 0 is 1
}

// Journal is one partition's stream of frames. Its methods may be called
// concurrently.
type Journal struct {
	js      jetstream.JetStream
	stream  jetstream.Stream
	name    string
	subject string
	onError func(error)
}

// Open returns a partition's journal and makes its stream if there is none. A
// stream that could lose what it acknowledged is refused with ErrUnsafe.
func Open(ctx context.Context, nc *nats.Conn, cfg Config) (*Journal, error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, fmt.Errorf("use JetStream: %w", err)
	}
	stream, err := OpenStream(ctx, js, streamConfig(cfg))
	if err != nil {
		return nil, err
	}
	return &Journal{js: js, stream: stream, name: StreamName(cfg.Partition), subject: Subject(cfg.Partition), onError: func(error) {}}, nil
}

func streamConfig(cfg Config) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        StreamName(cfg.Partition),
		Description: "weir's journal: frames of events, see frame.proto",
		Subjects:    []string{Subject(cfg.Partition)},
		Storage:     jetstream.FileStorage,
		Retention:   jetstream.LimitsPolicy,
		Discard:     jetstream.DiscardNew,
		Replicas:    max(cfg.Replicas, 1),
		Duplicates:  dedupWindow,
		AllowDirect: true,
		DenyDelete:  true,
	}
}

// OnAppendError sets a function that is told of each failed try of Append. Call
// it before the first Append.
func (j *Journal) OnAppendError(f func(error)) { j.onError = f }

// Append stores a frame and returns its position. It returns only when the
// server has it on disk (or on a quorum's disks), or ctx ends: a failed try is
// repeated with the same id, which the server stores once.
func (j *Journal) Append(ctx context.Context, id string, data []byte, received []schema.TenantCount) (uint64, error) {
	msg := &nats.Msg{Subject: j.subject, Data: data, Header: nats.Header{}}
	msg.Header.Set(receivedHeader, formatReceived(received))
	wait := firstRetryWait
	for {
		try, cancel := context.WithTimeout(ctx, appendTimeout)
		ack, err := j.js.PublishMsg(try, msg, jetstream.WithMsgID(id), jetstream.WithExpectStream(j.name))
		cancel()
		if err == nil {
			return ack.Sequence, nil
		}
		if ctx.Err() != nil {
			return 0, fmt.Errorf("append frame %s: %w", id, err)
		}
		j.onError(err)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return 0, fmt.Errorf("append frame %s: %w", id, err)
		}
		wait = min(2*wait, longestWait)
	}
}

// Bounds are the positions of a journal's first and last frame. An empty
// journal has Last = First-1.
type Bounds struct {
	First, Last uint64
	// ID tells a journal from any other that was ever made under its name: when
	// its stream was created. Backups keep it.
	ID string
}

// Bounds asks the server for the journal's bounds.
func (j *Journal) Bounds(ctx context.Context) (Bounds, error) {
	info, err := j.stream.Info(ctx)
	if err != nil {
		return Bounds{}, fmt.Errorf("ask for the bounds of %s: %w", j.name, err)
	}
	first := info.State.FirstSeq
	if info.State.Msgs == 0 {
		first = info.State.LastSeq + 1
	}
	return Bounds{First: first, Last: info.State.LastSeq, ID: info.Created.UTC().Format(time.RFC3339Nano)}, nil
}
