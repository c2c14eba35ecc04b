package aggregator

import (
	"context"

	"weir/pkg/journal"
	"weir/pkg/schema"
)

// frames is the journal as the aggregator uses it.
type frames interface {
	// Append stores a frame under an id, once however often it is tried, and
	// returns its position; an error means that ctx ended first.
	Append(ctx context.Context, id string, data []byte, received []schema.TenantCount) (uint64, error)
	// Bounds returns the journal's first and last position.
	Bounds(ctx context.Context) (journal.Bounds, error)
	// Read returns a reader of what lies behind a position.
	Read(ctx context.Context, after uint64) (reader, error)
	// ReceivedAfter sums the writers' counts of all frames behind a position.
	ReceivedAfter(ctx context.Context, after uint64) ([]schema.TenantCount, uint64, error)
}

// reader reads frames in order.
type reader interface {
	// Next waits for the next frame. After an error the reader is of no more use.
	Next(ctx context.Context) (journal.Message, error)
	Close()
}

var _ frames = natsFrames{}

// natsFrames is a partition's journal in JetStream.
type natsFrames struct{ *journal.Journal }

func (n natsFrames) Read(ctx context.Context, after uint64) (reader, error) {
	r, err := n.Journal.Read(ctx, after)
	if err != nil {
		return nil, err
	}
	return r, nil
}
