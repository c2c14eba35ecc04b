package promread

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/prometheus/prometheus/model/labels"

	"weir/pkg/read/readclient"
	"weir/pkg/schema"
)

// ReadPort is the part of an aggregator's read port that a Reader needs. Its
// errors are those of readclient.
type ReadPort interface {
	// Select's labels are valid during the call of visit only.
	Select(ctx context.Context, req schema.SelectRequest, visit func(labels []schema.Label, t []int64, v []float64)) error
	LabelNames(ctx context.Context, req schema.LabelNamesRequest) ([]string, error)
	LabelValues(ctx context.Context, req schema.LabelValuesRequest) ([]string, error)
	Cardinality(ctx context.Context, req schema.CardinalityRequest) (schema.Cardinality, error)
}

var _ ReadPort = (*readclient.Client)(nil)

// OverReadPort returns a reader that asks a read port. What the port does not
// count, chunks, the ends of time and the memory of labels, is 0 in its Cardinality.
func OverReadPort(p ReadPort) Reader { return &portReader{p} }

type portReader struct{ port ReadPort }

func (r *portReader) Select(ctx context.Context, req SelectRequest, visit func(labels.Labels, []int64, []float64)) error {
	var build labels.ScratchBuilder
	err := r.port.Select(ctx, schema.SelectRequest{
		Matchers: toSchema(req.Matchers), From: inNanoseconds(req.From), To: inNanoseconds(req.To), Latest: req.Latest,
		LabelsOnly: req.LabelsOnly, Limit: uint64(req.Limit), MaxSamples: uint64(req.MaxSamples),
	}, func(all []schema.Label, t []int64, v []float64) {
		build.Reset()
		for _, l := range all {
			build.Add(l.Name, l.Value)
		}
		visit(build.Labels(), t, v)
	})
	return fromPort(err)
}

func (r *portReader) LabelNames(ctx context.Context, req LabelsRequest) ([]string, error) {
	names, err := r.port.LabelNames(ctx, labelsRequest(req))
	return names, fromPort(err)
}

func (r *portReader) LabelValues(ctx context.Context, name string, req LabelsRequest) ([]string, error) {
	values, err := r.port.LabelValues(ctx, schema.LabelValuesRequest{Name: name, LabelNamesRequest: labelsRequest(req)})
	return values, fromPort(err)
}

// labelsRequest puts a request into the port's words, in which 0 is an open end
// of time.
func labelsRequest(req LabelsRequest) schema.LabelNamesRequest {
	out := schema.LabelNamesRequest{
		Matchers: toSchema(req.Matchers), From: inNanoseconds(req.From), To: inNanoseconds(req.To), Limit: uint64(req.Limit),
	}
	switch {
	case out.To == 0:
		out.To = -1 // nothing has been measured in 1970's first millisecond either
	case out.To == maxMilliseconds:
		out.To = 0
	}
	if out.From == -maxMilliseconds {
		out.From = 0
	}
	return out
}

// maxMilliseconds is the year 2262: until then a time is an int64 in
// nanoseconds, which is what history has.
const maxMilliseconds = math.MaxInt64 / 1_000_000

// inNanoseconds brings a time to within what history can have.
func inNanoseconds(ms int64) int64 { return min(max(ms, -maxMilliseconds), maxMilliseconds) }

func toSchema(ms []*labels.Matcher) []schema.Matcher {
	out := make([]schema.Matcher, len(ms))
	for i, m := range ms {
		out[i] = schema.Matcher{Type: schema.MatchType(m.Type.String()), Name: m.Name, Value: m.Value}
	}
	return out
}

func (r *portReader) Cardinality(ctx context.Context, limit int) (Cardinality, error) {
	c, err := r.port.Cardinality(ctx, schema.CardinalityRequest{Limit: uint64(limit)})
	return Cardinality{
		Series: c.Series, LabelPairs: c.LabelPairs, SeriesByName: fromCounts(c.SeriesByMetric),
		ValuesByLabel: fromCounts(c.ValuesByLabel), SeriesByPair: fromCounts(c.SeriesByPair),
	}, fromPort(err)
}

func fromCounts(all []schema.NameCount) []Count {
	out := make([]Count, len(all))
	for i, n := range all {
		out[i] = Count{n.Name, n.Count}
	}
	return out
}

// fromPort gives the port's errors the meaning that Reader's have.
func fromPort(err error) error {
	var refused *readclient.Refused
	switch {
	case err == nil:
		return nil
	case errors.Is(err, readclient.ErrTooManySamples):
		return fmt.Errorf("%w: %w", ErrTooManySamples, err)
	case errors.Is(err, readclient.ErrLate):
		return fmt.Errorf("%w: %w", ErrLate, err)
	case errors.Is(err, readclient.ErrNoAggregator), errors.Is(err, readclient.ErrBroken):
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	case errors.As(err, &refused) && refused.Code == "503":
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	case errors.As(err, &refused) && strings.HasPrefix(refused.Code, "5"):
		return fmt.Errorf("%w: %w", ErrFailed, err)
	}
	return err
}
