package readport

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/prometheus/prometheus/model/labels"

	"weir/services/aggregator/internal/fold"
	"weir/services/aggregator/internal/index"
	"weir/services/aggregator/internal/live"

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

func (p *Port) metadata(_ context.Context, request []byte, to *stream) error {
	var q schema.MetadataRequest
	if err := parse(request, &q); err != nil {
		return err
	}
	p.State.Read(func(s *fold.State) {
		s.Metadata(q.Name, func(m *schema.Metadata) { to.record(m.AppendBinary) })
	})
	return nil
}

func (p *Port) labelNames(ctx context.Context, request []byte, to *stream) error {
	var q schema.LabelNamesRequest
	if err := parse(request, &q); err != nil {
		return err
	}
	return p.texts(ctx, &q, to, search{
		index: (*index.Index).LabelNames,
		live: func(of []schema.Label, found func(string)) {
			for i := range of {
				found(of[i].Name)
			}
		},
	})
}

func (p *Port) labelValues(ctx context.Context, request []byte, to *stream) error {
	var q schema.LabelValuesRequest
	if err := parse(request, &q); err != nil {
		return err
	}
	if q.Name == "" {
		return fmt.Errorf("%w: name must be given", ErrBadRequest)
	}
	return p.texts(ctx, &q.LabelNamesRequest, to, search{
		names: q.Name == schema.MetricNameLabel,
		index: func(x *index.Index, ms []*labels.Matcher, in func(uint64) bool) []string {
			return x.LabelValues(q.Name, ms, in)
		},
		live: func(of []schema.Label, found func(string)) {
			for i := range of {
				if of[i].Name == q.Name {
					found(of[i].Value)
				}
			}
		},
	})
}

// search finds texts of the series that matchers match.
type search struct {
	index func(*index.Index, []*labels.Matcher, func(uint64) bool) []string
	live  func(series []schema.Label, found func(string)) // those of a live series
	names bool                                            // it is for names of series: live ones are meant too without being named
}

// texts answers with what is found, ascending. It is sorted when the state is no
// longer locked.
func (p *Port) texts(ctx context.Context, q *schema.LabelNamesRequest, to *stream, of search) error {
	ms, err := matchers(q.Matchers)
	if err != nil {
		return err
	}
	ctx, cancel := bounded(ctx, q.TimeoutMS)
	defer cancel()
	to.live.ctx = ctx
	choose := live.Select
	if of.names {
		choose = live.SelectAny
	}
	now := p.living(choose(ms), q.From, cmp.Or(q.To, math.MaxInt64))
	var found []string
	p.State.Read(func(s *fold.State) {
		found = of.index(s.Index(), ms, inRange(s, q.From, q.To))
		now.capture(s)
	})
	if found, err = now.texts(found, of.live); err != nil {
		return err
	}
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
