package readport

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/prometheus/prometheus/model/labels"

	"weir/services/aggregator/internal/fold"
	"weir/services/aggregator/internal/index"

	"weir/pkg/schema"
)

// How many entries a table of cardinality has, and may have.
const (
	defaultCardinality = 10
	mostCardinality    = 10_000
)

func (p *Port) cardinality(_ context.Context, request []byte, to *stream) error {
	var q schema.CardinalityRequest
	if err := parse(request, &q); err != nil {
		return err
	}
	if q.Limit == 0 {
		q.Limit = defaultCardinality
	}
	var c schema.Cardinality
	p.State.Read(func(s *fold.State) { c = s.Index().Cardinality(int(min(q.Limit, mostCardinality))) })
	return to.json(c)
}

func (p *Port) labelNames(ctx context.Context, request []byte, to *stream) error {
	var q schema.LabelNamesRequest
	if err := parse(request, &q); err != nil {
		return err
	}
	return p.texts(ctx, &q, to, (*index.Index).LabelNames)
}

func (p *Port) labelValues(ctx context.Context, request []byte, to *stream) error {
	var q schema.LabelValuesRequest
	if err := parse(request, &q); err != nil {
		return err
	}
	if q.Name == "" {
		return fmt.Errorf("%w: name must be given", ErrBadRequest)
	}
	return p.texts(ctx, &q.LabelNamesRequest, to, func(x *index.Index, ms []*labels.Matcher, in func(uint64) bool) []string {
		return x.LabelValues(q.Name, ms, in)
	})
}

// texts answers with what find finds in the index, ascending. It is sorted when
// the state is no longer locked.
func (p *Port) texts(ctx context.Context, q *schema.LabelNamesRequest, to *stream, find func(*index.Index, []*labels.Matcher, func(uint64) bool) []string) error {
	ms, err := matchers(q.Matchers)
	if err != nil {
		return err
	}
	ctx, cancel := bounded(ctx, q.TimeoutMS)
	defer cancel()
	to.live.ctx = ctx
	var found []string
	p.State.Read(func(s *fold.State) { found = find(s.Index(), ms, inRange(s, q.From, q.To)) })
	slices.Sort(found)
	if q.Limit > 0 {
		found = found[:min(uint64(len(found)), q.Limit)]
	}
	for _, text := range found {
		t := schema.Text(text)
		to.record(t.AppendBinary)
	}
	return to.err
}

// inRange tells the tracks that reach into a range of unix milliseconds, of
// which 0 is an open end; nil for all.
func inRange(s *fold.State, fromMS, toMS int64) func(uint64) bool {
	if fromMS == 0 && toMS == 0 {
		return nil
	}
	if fromMS == 0 {
		fromMS = math.MinInt64
	}
	if toMS == 0 {
		toMS = math.MaxInt64
	}
	from, to := nanoseconds(fromMS, toMS)
	return func(track uint64) bool { return s.TrackInRange(track, from, to) }
}
