package promapi

import (
	"context"
	"net/http"
	"slices"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"

	"weir/pkg/read/promread"
	"weir/pkg/schema"
)

// formats are those that a client may ask for, the first ones preferred.
var formats = []expfmt.Format{
	expfmt.NewFormat(expfmt.TypeProtoDelim), expfmt.NewFormat(expfmt.TypeProtoText),
	expfmt.NewFormat(expfmt.TypeProtoCompact), expfmt.NewFormat(expfmt.TypeTextPlain),
}

// latest is a series' newest sample.
type latest struct {
	series labels.Labels
	t      int64
	v      float64
}

// federate answers with the newest sample, within the lookback, of every series
// that matches any of match[], for a Prometheus to scrape with honor_labels.
func (a *API) federate(w http.ResponseWriter, r *request) error {
	sets, err := matcherSets(a.parser, r.Request)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), a.Timeout)
	defer cancel()
	var all []latest
	var known descriptions
	err = a.gate.turn(ctx, func() (err error) {
		if all, err = a.latest(ctx, r.reader, sets); err == nil {
			known, err = a.describe(ctx, all)
		}
		return err
	})
	if err != nil {
		return err
	}
	format := expfmt.NegotiateAccept(r.Header, formats...)
	w.Header().Set("Content-Type", string(format))
	out := expfmt.NewEncoder(w, format)
	for len(all) > 0 {
		name := all[0].series.Get(model.MetricNameLabel)
		n := slices.IndexFunc(all, func(l latest) bool { return l.series.Get(model.MetricNameLabel) != name })
		if n < 0 {
			n = len(all)
		}
		if err := out.Encode(known.family(name, all[:n])); err != nil {
			return nil // nobody reads any more
		}
		all = all[n:]
	}
	return nil
}

// latest returns the samples sorted by metric, then by the other labels. Series
// that have ended are left out: the text format has no sign for them.
func (a *API) latest(ctx context.Context, reader promread.Reader, sets [][]*labels.Matcher) ([]latest, error) {
	now := a.Now().UnixMilli()
	source := promread.NewLoader(reader, a.MaxSamples)
	compare := func(a, b latest) int { return labels.Compare(a.series, b.series) }
	all, err := gather(sets, 0, compare, func(set []*labels.Matcher) ([]latest, error) {
		some, err := source.Load(ctx, promread.SelectRequest{Matchers: set, From: now - a.LookbackDelta.Milliseconds(), To: now, Latest: true}, false)
		return newest(some), err
	})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(all, func(a, b latest) int { return compareNames(a.series, b.series) })
	return all, nil
}

func newest(all []promread.Series) (some []latest) {
	for _, s := range all {
		if n := len(s.T) - 1; n >= 0 && !value.IsStaleNaN(s.V[n]) && s.Labels.Has(model.MetricNameLabel) {
			some = append(some, latest{s.Labels, s.T[n], s.V[n]})
		}
	}
	return some
}

func compareNames(a, b labels.Labels) int {
	return strings.Compare(a.Get(model.MetricNameLabel), b.Get(model.MetricNameLabel))
}

// descriptions are what is known of the names that sources brought, by name.
type descriptions map[string]schema.FieldInfo

// describe returns what is known of the samples' metrics, unless all of them are
// the schema's.
func (a *API) describe(ctx context.Context, all []latest) (descriptions, error) {
	own := func(l latest) bool { return metadataOf(l.series.Get(model.MetricNameLabel)) == nil }
	if !slices.ContainsFunc(all, own) {
		return nil, nil
	}
	named, err := a.named(ctx, "")
	known := make(descriptions, len(named))
	for _, m := range named {
		known[m.Name] = m
	}
	return known, err
}

// family returns the samples of one metric. The series of a histogram or a summary
// stay what they are, untyped: some may be missing, and the format has them whole
// or not at all.
func (d descriptions) family(name string, all []latest) *dto.MetricFamily {
	f := &dto.MetricFamily{Name: new(name), Type: dto.MetricType_UNTYPED.Enum()}
	info, known := d[name]
	if m := metadataOf(name); m != nil {
		info, known = *m, true
	}
	if typ, has := types[info.Type]; known && has {
		f.Type = typ.Enum()
	}
	if info.Help != "" {
		f.Help = new(info.Help)
	}
	for _, l := range all {
		f.Metric = append(f.Metric, metric(f.GetType(), l))
	}
	return f
}

var types = map[schema.SeriesType]dto.MetricType{schema.Gauge: dto.MetricType_GAUGE, schema.Cumulative: dto.MetricType_COUNTER}

func metric(typ dto.MetricType, l latest) *dto.Metric {
	m := &dto.Metric{TimestampMs: new(l.t)}
	switch typ {
	case dto.MetricType_GAUGE:
		m.Gauge = &dto.Gauge{Value: new(l.v)}
	case dto.MetricType_COUNTER:
		m.Counter = &dto.Counter{Value: new(l.v)}
	default:
		m.Untyped = &dto.Untyped{Value: new(l.v)}
	}
	l.series.Range(func(label labels.Label) {
		if label.Name != model.MetricNameLabel {
			m.Label = append(m.Label, &dto.LabelPair{Name: new(label.Name), Value: new(label.Value)})
		}
	})
	// An empty instance keeps the scraping Prometheus from putting its own there.
	if !l.series.Has(model.InstanceLabel) {
		m.Label = append(m.Label, &dto.LabelPair{Name: new(model.InstanceLabel), Value: new("")})
	}
	return m
}
