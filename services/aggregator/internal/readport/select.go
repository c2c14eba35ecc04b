package readport

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"weir/services/aggregator/internal/fold"
	"weir/services/aggregator/internal/history"
	"weir/services/aggregator/internal/live"

	"weir/pkg/schema"
)

// selectSeries answers while it reads: the state is locked only until the views
// of the tracks are taken.
func (p *Port) selectSeries(ctx context.Context, request []byte, to *stream) (err error) {
	var q schema.SelectRequest
	if err := parse(request, &q); err != nil {
		return err
	}
	ms, err := matchers(q.Matchers)
	if err != nil {
		return err
	}
	ctx, cancel := bounded(ctx, q.TimeoutMS)
	defer cancel()
	to.live.ctx = ctx
	s := selection{request: &q, staleness: p.Staleness, to: to}
	s.first, s.last = nanoseconds(q.From, q.To)
	var tracks []fold.TrackMatch
	now := p.living(live.Select(ms), q.From, q.To)
	s.reader, err = p.enter(ctx, to.lane, func(state *fold.State) {
		now.capture(state)
		tracks, s.names = state.SelectTracks(ms, s.first, s.last), state.FieldNames()
		if !q.LabelsOnly {
			state.AddSiblings(tracks, s.endsFrom(), s.last)
		}
	})
	if err != nil {
		return err
	}
	defer p.leave(s.reader, &err)
	for i := range tracks {
		if err := outOfTime(ctx); err != nil {
			return err
		}
		if err := s.track(&tracks[i]); err != nil {
			return err
		}
		if s.full() {
			return nil
		}
	}
	return s.live(now)
}

// selection is a request for series that is being answered.
type selection struct {
	*reader
	request     *schema.SelectRequest
	staleness   history.Staleness
	first, last int64 // the range in unix nanoseconds
	to          *stream
	names       fold.FieldNames
	series      uint64
	samples     uint64
	moments     moments
}

func (s *selection) full() bool { return s.request.Limit > 0 && s.series >= s.request.Limit }

// track answers with a track's series.
func (s *selection) track(tr *fold.TrackMatch) error {
	if s.request.LabelsOnly {
		for _, f := range tr.Matched {
			if s.full() || s.to.err != nil {
				break
			}
			s.send(s.seriesLabels(tr.Labels, f), nil, nil)
		}
		return s.to.err
	}
	have, fields := notLoaded, s.newest(tr)
	for _, f := range tr.Matched {
		if s.full() {
			return nil
		}
		if err := outOfTime(s.ctx); err != nil {
			return err // a track may have tens of thousands of fields
		}
		var of schema.FieldValue
		if of, fields = next(fields, f); of.Field == f {
			s.reader.samples.T = append(s.reader.samples.T[:0], tr.Newest/int64(time.Millisecond))
			s.reader.samples.V = append(s.reader.samples.V[:0], of.Value)
		} else if err := s.read(tr, f, &have); err != nil {
			return failed(tr, err)
		}
		if err := s.give(tr, f); err != nil {
			return err
		}
	}
	return nil
}

// next returns the first of a row's values whose field is not less than one, and
// the values from there on.
func next(values []schema.FieldValue, f schema.Field) (schema.FieldValue, []schema.FieldValue) {
	for len(values) > 0 && values[0].Field < f {
		values = values[1:]
	}
	if len(values) == 0 {
		return schema.FieldValue{}, nil
	}
	return values[0], values
}

func failed(tr *fold.TrackMatch, err error) error {
	return fmt.Errorf("read track %d, of %s %s: %w", tr.Number, tr.Kind, tr.ID, err)
}

// loaded is how much of a track is loaded.
type loaded int

const (
	notLoaded  loaded = iota
	loadedNear        // enough for the latest sample of a series that usually lives on
	loadedAll         // all that the answer may depend on
)

// load loads the parts that decide what the series are in the range. What is
// behind it does not: a series is stale, or not, by what there is until then.
func (s *selection) load(tr *fold.TrackMatch, what loaded) error {
	before := int64(s.staleness.Reach())
	if what == loadedNear {
		before = int64(s.staleness.Ceiling)
	}
	from := max(s.first, math.MinInt64+before) - before
	if holds(tr) {
		from = min(from, tr.Newest)
		if what == loadedAll {
			from = math.MinInt64
		}
	}
	ends, err := s.ends(tr)
	if err != nil {
		return err
	}
	err = s.reader.load(&tr.TrackView, from, s.last)
	s.parts.First, s.parts.Ends = tr.First, ends
	if what == loadedNear && from > tr.First {
		s.parts.Since = from
	}
	return err
}

// holds reports whether what a track's source said holds until it says otherwise.
func holds(tr *fold.TrackMatch) bool { return tr.Interval == schema.UntilEnded }

// repeated is how often a value that holds is shown: as often as a scraper would
// at least, and so within the lookback of any query.
const repeated = time.Minute

// fresh reports whether a track's newest row is in the range, and so near its
// end that no series of it can be stale yet: then the fields of that row have
// their newest samples there, whatever else there is. Most tracks of a fleet
// that is up are fresh when it is asked for the present. One with siblings may
// have ended, unless it is the current one: they have nothing newer.
func (s *selection) fresh(tr *fold.TrackMatch) bool {
	return (tr.Current || tr.Siblings == nil) && tr.Newest >= max(s.first, tr.First) && tr.Newest <= s.last && s.last-tr.Newest < int64(s.staleness.Floor)
}

// newest returns the values of a track's newest row, ascending by field, if they
// are the newest samples that are asked for and can be had without the disk. They
// are valid until rows are read.
func (s *selection) newest(tr *fold.TrackMatch) []schema.FieldValue {
	if !s.request.Latest || !s.fresh(tr) || tr.Main.Len() == 0 || tr.Main.Newest() != tr.Newest {
		return nil
	}
	row := s.decoder.LastRow(tr.Main)
	if row.Time != tr.Newest || row.End {
		return nil
	}
	return row.Fields
}

// read reads the samples of a field, and loads what it takes: for the latest one
// first what is near.
func (s *selection) read(tr *fold.TrackMatch, f schema.Field, have *loaded) error {
	q := history.SampleQuery{Field: f, From: s.request.From, To: s.request.To, Latest: s.request.Latest, Staleness: s.staleness.Expecting(tr.Interval)}
	if holds(tr) {
		q.Hold = repeated
	}
	// What comes later than any series lives is a backlog and says nothing of now.
	if tr.Latest <= s.last && tr.Lag > 0 && tr.Lag <= s.staleness.Ceiling {
		q.Lag = tr.Lag
	}
	if *have == notLoaded && (q.Latest || q.Hold > 0) {
		if err := s.load(tr, loadedNear); err != nil {
			return err
		}
		*have = loadedNear
	}
	if *have == loadedNear {
		if err := s.decoder.Samples(&s.parts, q, &s.reader.samples); !errors.Is(err, history.ErrShort) {
			return err
		}
	}
	if *have != loadedAll {
		if err := s.load(tr, loadedAll); err != nil {
			return err
		}
		*have = loadedAll
	}
	return s.decoder.Samples(&s.parts, q, &s.reader.samples)
}

// give answers with the samples that were read.
func (s *selection) give(tr *fold.TrackMatch, f schema.Field) error {
	if len(s.reader.samples.T) == 0 {
		return nil
	}
	return s.giveLabelled(s.seriesLabels(tr.Labels, f), s.reader.samples.T, s.reader.samples.V)
}

// giveLabelled answers with the samples of a series.
func (s *selection) giveLabelled(labels []schema.Label, t []int64, v []float64) error {
	s.samples += uint64(len(t))
	if limit := s.request.MaxSamples; limit > 0 && s.samples > limit {
		return fmt.Errorf("%w: the selection has more than %d", ErrTooManySamples, limit)
	}
	s.send(labels, t, v)
	return s.to.err
}

// send answers with a series in parts.
func (s *selection) send(labels []schema.Label, t []int64, v []float64) {
	part := &s.part
	part.Series, part.Labels = s.series, labels
	for first := true; first || len(t) > 0; first = false {
		n := min(len(t), schema.MaxPartSamples)
		part.First, part.Last = first, n == len(t)
		part.T, part.V = t[:n], v[:n]
		s.to.record(part.AppendBinary)
		t, v = t[n:], v[n:]
	}
	part.T, part.V = nil, nil
	s.series++
}

// seriesLabels returns a track's labels and the name of a field in order. They
// are valid until the next call.
func (s *selection) seriesLabels(of []schema.Label, f schema.Field) []schema.Label {
	at, _ := slices.BinarySearchFunc(of, schema.MetricNameLabel, func(l schema.Label, name string) int { return strings.Compare(l.Name, name) })
	s.reader.labels = append(s.reader.labels[:0], of[:at]...)
	s.reader.labels = append(s.reader.labels, schema.Label{Name: schema.MetricNameLabel, Value: s.names.Name(f)})
	s.reader.labels = append(s.reader.labels, of[at:]...)
	return s.reader.labels
}
