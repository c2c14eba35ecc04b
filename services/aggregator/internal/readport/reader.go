package readport

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"weir/services/aggregator/internal/fold"
	"weir/services/aggregator/internal/history"
	"weir/services/aggregator/internal/store"

	"weir/pkg/schema"
)

// How long a request for history may take: what it says, and no longer than the
// longest.
const (
	defaultTimeout = 30 * time.Second
	longestTimeout = 10 * time.Minute
)

// reader reads the history of one request at a time. It holds memory for
// decoding, which is worth keeping.
type reader struct {
	chunks  *store.History  // of the request
	ctx     context.Context // of the request: looked at wherever one goes through many things
	lane    lane
	decoder history.Decoder
	samples history.Samples
	parts   history.Parts
	part    schema.SeriesPart
	labels  []schema.Label
}

// idleSamples bounds the samples for which an idle reader has memory.
const idleSamples = 1 << 18

// bounded returns a context that ends when a request's time is over.
func bounded(ctx context.Context, timeoutMS int64) (context.Context, context.CancelFunc) {
	timeout := defaultTimeout
	if timeoutMS > 0 {
		timeout = time.Duration(min(timeoutMS, longestTimeout.Milliseconds())) * time.Millisecond
	}
	return context.WithTimeout(ctx, timeout)
}

// enter waits until the request is one of few that read history, captures from
// the state what it needs, and opens the view of the chunks: behind the state's,
// so that what is no longer pending there is on disk here. The caller leaves.
func (p *Port) enter(ctx context.Context, l lane, capture func(*fold.State)) (*reader, error) {
	if err := p.take(ctx, l); err != nil {
		return nil, err
	}
	p.State.Read(capture)
	chunks, err := p.Chunks.History()
	if err != nil {
		p.giveBack(l)
		return nil, err
	}
	r := p.idle.Get().(*reader)
	r.chunks, r.ctx, r.lane = chunks, ctx, l
	return r, nil
}

// leave gives the reader back; err is the request's error so far.
func (p *Port) leave(r *reader, err *error) {
	if closed := r.chunks.Close(); *err == nil {
		*err = closed
	}
	l := r.lane
	r.chunks, r.ctx, r.parts = nil, nil, history.Parts{}
	if cap(r.samples.T) <= idleSamples && r.decoder.Remembers() <= idleSamples {
		p.idle.Put(r)
	}
	p.giveBack(l)
}

// load makes r.parts what a track has from..to, unix nanoseconds, both
// inclusive, and may have beyond.
func (r *reader) load(tr *fold.TrackView, from, to int64) error {
	p := &r.parts
	*p = history.Parts{Main: p.Main[:0], Late: p.Late[:0]}
	from = max(from, tr.First)
	main, late, err := r.chunks.Chunks(tr.Tenant, tr.Number, from, to)
	if err != nil {
		return err
	}
	sealed := tr.Chunks // those behind it were sealed later
	if len(tr.Pending) > 0 {
		sealed = tr.Pending[0].Seq - 1 // and these are pending: the view has them itself
	}
	for _, c := range main {
		if c.Seq <= sealed && c.Max() >= tr.First {
			p.Main = append(p.Main, c.Chunk)
		}
	}
	for _, c := range late {
		if c.Seq <= sealed {
			p.Late = append(p.Late, c.Chunk)
		}
	}
	if err := r.loadPending(tr, from, to); err != nil {
		return err
	}
	if tr.Main.Len() > 0 && tr.Main.Newest() >= from && tr.Main.Oldest() <= to {
		p.MainLog = tr.Main
	}
	if tr.Late.Len() > 0 && tr.Late.Newest() >= from && tr.Late.Oldest() <= to {
		p.LateLog = tr.Late
	}
	return nil
}

// loadPending adds a view's pending chunks, which are in order of their sealing
// and so, the main ones, of time.
func (r *reader) loadPending(tr *fold.TrackView, from, to int64) error {
	for _, c := range tr.Pending {
		if c.Min > to || c.Max < from {
			continue
		}
		chunk, err := history.OpenChunk(c.Data)
		if err != nil {
			return fmt.Errorf("open a pending chunk of track %d: %w", tr.Number, err)
		}
		if c.Late {
			r.parts.Late = append(r.parts.Late, chunk)
		} else {
			r.parts.Main = append(r.parts.Main, chunk)
		}
	}
	return nil
}

// matchers makes Prometheus' matchers of a request's.
func matchers(all []schema.Matcher) ([]*labels.Matcher, error) {
	types := map[schema.MatchType]labels.MatchType{
		schema.MatchEqual: labels.MatchEqual, schema.MatchNotEqual: labels.MatchNotEqual,
		schema.MatchRegexp: labels.MatchRegexp, schema.MatchNotRegexp: labels.MatchNotRegexp,
	}
	ms := make([]*labels.Matcher, 0, len(all))
	for _, m := range all {
		typ, known := types[m.Type]
		if !known {
			return nil, fmt.Errorf("%w: no such type of matcher as %q", ErrBadRequest, m.Type)
		}
		made, err := labels.NewMatcher(typ, m.Name, m.Value)
		if err != nil {
			return nil, fmt.Errorf("%w: label %s: %w", ErrBadRequest, m.Name, err)
		}
		ms = append(ms, made)
	}
	return ms, nil
}

// The range of milliseconds whose nanoseconds an int64 can tell.
const (
	firstMillisecond = math.MinInt64 / int64(time.Millisecond)
	lastMillisecond  = math.MaxInt64/int64(time.Millisecond) - 1
)

// nanoseconds returns the nanoseconds that lie in the milliseconds from..to, as
// far as there are such.
func nanoseconds(fromMS, toMS int64) (from, to int64) {
	const ms = int64(time.Millisecond)
	from = min(max(fromMS, firstMillisecond), lastMillisecond) * ms
	to = min(max(toMS, firstMillisecond), lastMillisecond)*ms + ms - 1
	return from, to
}
