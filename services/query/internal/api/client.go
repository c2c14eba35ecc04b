package api

import (
	"context"

	"weir/pkg/read/readclient"
	"weir/pkg/schema"
)

// Client is what the handlers ask. Every method may return readclient.ErrLate,
// ErrBroken or a *Refused, and the context's error.
type Client interface {
	// These may return readclient.ErrNoAggregator.

	Sources(ctx context.Context, req schema.SourcesRequest, visit func(*schema.Source)) error
	Rows(ctx context.Context, req schema.RowsRequest) (schema.RowsHead, []schema.StoredReading, error)
	Select(ctx context.Context, req schema.SelectRequest, visit func(labels []schema.Label, t []int64, v []float64)) error
	Tenants(ctx context.Context) ([]schema.TenantState, error)
	Reset(ctx context.Context) ([]schema.TenantState, error)
	DeadLetters(ctx context.Context, req schema.DeadLettersRequest) ([]schema.DeadLetter, uint64, error)
	Accounting(ctx context.Context) (schema.Accounting, error)
	AggregatorHealth(ctx context.Context) (schema.AggregatorHealth, error)

	// These may return readclient.ErrNoIngest.

	IngestHealth(ctx context.Context) (schema.IngestHealth, error)
	Replay(ctx context.Context, d *schema.DeadLetter) (schema.ReplayAnswer, error)

	// CheckJournal returns why the journal cannot be reached, nil if it can.
	CheckJournal(ctx context.Context) error
}

var _ Client = (*readclient.Client)(nil)
