package readclient

import (
	"context"
	"fmt"
	"time"

	"weir/pkg/schema"
	"weir/pkg/schema/wire"
)

// historyTimeout returns how long an answer may take, and sets the request's own
// bound by it unless it has one: so the aggregator does not work for somebody
// who has given up.
func historyTimeout(ctx context.Context, requested *int64) time.Duration {
	timeout := HistoryTimeout
	if *requested > 0 {
		timeout = time.Duration(*requested) * time.Millisecond
	}
	if deadline, ok := ctx.Deadline(); ok {
		timeout = min(timeout, time.Until(deadline))
	}
	*requested = max(1, timeout.Milliseconds())
	return timeout
}

// Select calls visit with each series that the request selects and its samples,
// one series after the other. The samples are ascending in unix milliseconds,
// staleness markers among them, and are visit's to keep; the labels are
// ascending by name, __name__ among them, and valid during the call only.
//
// The error is ErrTooManySamples if the request allows fewer. After an error
// visit may have been called for some of the series.
func (c *Client) Select(ctx context.Context, req schema.SelectRequest, visit func(labels []schema.Label, t []int64, v []float64)) error {
	s := seriesReader{visit: visit}
	err := c.stream(ctx, historyTimeout(ctx, &req.TimeoutMS), schema.ReadSelect, req, nil, s.read)
	if err == nil && (s.open || s.broken) {
		return fmt.Errorf("read the aggregator's %s: %w: its parts do not fit", schema.ReadSelect, ErrBroken)
	}
	return err
}

// seriesReader joins the parts of series.
type seriesReader struct {
	visit  func([]schema.Label, []int64, []float64)
	part   schema.SeriesPart
	next   uint64 // the number of the series whose part comes next
	open   bool   // it has begun
	broken bool   // a part was not the one that had to come
}

func (s *seriesReader) read(r *wire.Reader) {
	s.part.ReadBinary(r)
	if s.broken = s.broken || s.part.Series != s.next || s.part.First == s.open; s.broken || r.Err() != nil {
		return
	}
	if s.open = !s.part.Last; s.open {
		return
	}
	s.visit(s.part.Labels, s.part.T, s.part.V)
	s.part.T, s.part.V = nil, nil // they are the visitor's now
	s.next++
}

// LabelNames returns the names of the labels of the series that the request
// selects, ascending.
func (c *Client) LabelNames(ctx context.Context, req schema.LabelNamesRequest) ([]string, error) {
	return c.texts(ctx, historyTimeout(ctx, &req.TimeoutMS), schema.ReadLabelNames, req)
}

// LabelValues returns the values that a label has in the series that the
// request selects, ascending.
func (c *Client) LabelValues(ctx context.Context, req schema.LabelValuesRequest) ([]string, error) {
	return c.texts(ctx, historyTimeout(ctx, &req.TimeoutMS), schema.ReadLabelValues, req)
}

func (c *Client) texts(ctx context.Context, timeout time.Duration, endpoint string, req any) (all []string, err error) {
	err = c.stream(ctx, timeout, endpoint, req, nil, func(r *wire.Reader) {
		var t schema.Text
		t.ReadBinary(r)
		all = append(all, string(t))
	})
	return all, err
}

// Cardinality returns what there is most of in the index.
func (c *Client) Cardinality(ctx context.Context, req schema.CardinalityRequest) (a schema.Cardinality, err error) {
	data, err := body(req)
	if err != nil {
		return a, fmt.Errorf("ask for %s: %w", schema.ReadCardinality, err)
	}
	return a, c.ask(ctx, ReadTimeout, aggregator, c.subject(schema.ReadCardinality), data, &a)
}

// Metadata returns what is known of the names that named values brought, of all or
// of one, ascending by field.
func (c *Client) Metadata(ctx context.Context, req schema.MetadataRequest) (all []schema.Metadata, err error) {
	err = c.stream(ctx, ReadTimeout, schema.ReadMetadata, req, nil, func(r *wire.Reader) {
		all = append(all, schema.Metadata{})
		all[len(all)-1].ReadBinary(r)
	})
	return all, err
}

// Rows returns a page of a source's readings from history, newest first, and
// what it is a part of.
func (c *Client) Rows(ctx context.Context, req schema.RowsRequest) (head schema.RowsHead, rows []schema.StoredReading, err error) {
	headRead := false
	err = c.stream(ctx, historyTimeout(ctx, &req.TimeoutMS), schema.ReadRows, req, nil, func(r *wire.Reader) {
		if !headRead {
			head.ReadBinary(r)
			headRead = true
			return
		}
		rows = append(rows, schema.StoredReading{})
		rows[len(rows)-1].ReadBinary(r)
	})
	if err == nil && !headRead {
		return head, nil, fmt.Errorf("read the aggregator's %s: %w: it has no head", schema.ReadRows, ErrBroken)
	}
	return head, rows, err
}
