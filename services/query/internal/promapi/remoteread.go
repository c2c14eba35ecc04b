package promapi

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/klauspost/compress/snappy"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/prompb"

	"weir/pkg/read/promread"
	"weir/pkg/read/promread/bounds"
)

// maxReadRequest bounds a request of remote read, uncompressed, as Prometheus does.
const maxReadRequest = 32 << 20

// remoteRead serves Prometheus' remote read protocol in its first form: all
// samples in one message. Who can read chunks too asks for either.
func (a *API) remoteRead(w http.ResponseWriter, r *request) error {
	req, err := readRequest(r.Body)
	if err != nil {
		return badData("read the request: %w", err)
	}
	ctx, cancel := context.WithTimeout(r.Context(), a.Timeout)
	defer cancel()
	answer := prompb.ReadResponse{Results: make([]*prompb.QueryResult, len(req.Queries))}
	err = a.gate.turn(ctx, func() error {
		source := promread.NewLoader(r.reader, a.MaxSamples)
		for i, query := range req.Queries {
			if answer.Results[i], err = answerTo(ctx, source, query); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	data, err := answer.Marshal()
	if err != nil {
		return &apiError{typ: errInternal, err: fmt.Errorf("write the answer: %w", err)}
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
	w.Header().Set("Content-Encoding", "snappy")
	w.Write(snappy.Encode(nil, data)) // an error here means that nobody reads any more
	return nil
}

func readRequest(body io.Reader) (*prompb.ReadRequest, error) {
	compressed, err := io.ReadAll(io.LimitReader(body, maxReadRequest))
	if err != nil {
		return nil, err
	}
	if n, err := snappy.DecodedLen(compressed); err != nil || n > maxReadRequest {
		return nil, fmt.Errorf("a message of %d bytes: %w", n, snappy.ErrTooLarge)
	}
	data, err := snappy.Decode(nil, compressed)
	if err != nil {
		return nil, err
	}
	req := new(prompb.ReadRequest)
	return req, req.Unmarshal(data)
}

// answerTo answers one of a request's queries.
func answerTo(ctx context.Context, source *promread.Loader, query *prompb.Query) (*prompb.QueryResult, error) {
	matchers, err := fromMessages(query.Matchers)
	if err != nil {
		return nil, err
	}
	all, err := source.Load(ctx, promread.SelectRequest{Matchers: matchers, From: query.StartTimestampMs, To: query.EndTimestampMs}, true)
	if err != nil {
		return nil, err
	}
	out := &prompb.QueryResult{Timeseries: make([]*prompb.TimeSeries, len(all))}
	for i := range all {
		out.Timeseries[i] = message(&all[i])
	}
	return out, nil
}

func message(s *promread.Series) *prompb.TimeSeries {
	ts := &prompb.TimeSeries{Samples: make([]prompb.Sample, len(s.T))}
	s.Labels.Range(func(l labels.Label) { ts.Labels = append(ts.Labels, prompb.Label{Name: l.Name, Value: l.Value}) })
	for i := range s.T {
		ts.Samples[i] = prompb.Sample{Timestamp: s.T[i], Value: s.V[i]}
	}
	return ts
}

var matchTypes = map[prompb.LabelMatcher_Type]labels.MatchType{
	prompb.LabelMatcher_EQ: labels.MatchEqual, prompb.LabelMatcher_NEQ: labels.MatchNotEqual,
	prompb.LabelMatcher_RE: labels.MatchRegexp, prompb.LabelMatcher_NRE: labels.MatchNotRegexp,
}

func fromMessages(ms []*prompb.LabelMatcher) ([]*labels.Matcher, error) {
	var patterns []string
	for _, m := range ms {
		if m.Type == prompb.LabelMatcher_RE || m.Type == prompb.LabelMatcher_NRE {
			patterns = append(patterns, m.Value)
		}
	}
	if err := bounds.CheckPatterns(patterns...); err != nil {
		return nil, badData("the matchers: %w", err)
	}
	out := make([]*labels.Matcher, len(ms))
	for i, m := range ms {
		typ, ok := matchTypes[m.Type]
		if !ok {
			return nil, badData("a matcher of type %d", m.Type)
		}
		matcher, err := labels.NewMatcher(typ, m.Name, m.Value)
		if err != nil {
			return nil, badData("a matcher: %w", err)
		}
		out[i] = matcher
	}
	return out, nil
}
