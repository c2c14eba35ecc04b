// Package expositionpb reads metrics in Prometheus' protobuf exposition format,
// in which Go's client pushes them: MetricFamily messages, each behind its length
// (https://github.com/prometheus/client_model). It adapts client_model.
package expositionpb

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/encoding/protodelim"

	"weir/pkg/schema"
	"weir/pkg/schema/decode/exposition"
)

// Parse reads the families of a body. What it returns is as if they had been
// written as text: a histogram is its buckets, sum and count. Of native
// histograms only sum and count are taken.
func Parse(body []byte) (*exposition.Document, error) {
	r := reader{doc: &exposition.Document{}}
	in := bytes.NewReader(body)
	options := protodelim.UnmarshalOptions{MaxSize: int64(len(body))}
	for {
		at := len(body) - in.Len()
		var f dto.MetricFamily
		err := options.UnmarshalFrom(in, &f)
		if errors.Is(err, io.EOF) && at == len(body) {
			return r.doc, nil
		}
		if err == nil {
			err = r.read(&f)
		} else {
			err = errors.New("not a MetricFamily behind its length")
		}
		if err != nil {
			return nil, fmt.Errorf("the family at byte %d: %w", at, err)
		}
	}
}

type reader struct {
	doc    *exposition.Document
	at     int // of the family being read
	time   int64
	labels []schema.Label
}

var types = map[dto.MetricType]exposition.Type{
	dto.MetricType_COUNTER: exposition.Counter, dto.MetricType_GAUGE: exposition.Gauge, dto.MetricType_SUMMARY: exposition.Summary,
	dto.MetricType_UNTYPED: exposition.Untyped, dto.MetricType_HISTOGRAM: exposition.Histogram, dto.MetricType_GAUGE_HISTOGRAM: exposition.Histogram,
}

func (r *reader) read(f *dto.MetricFamily) error {
	name := f.GetName()
	if err := checkText("the name", name, exposition.MaxName); err != nil {
		return err
	}
	r.at = len(r.doc.Families)
	r.doc.Families = append(r.doc.Families, exposition.Family{
		Name: name, Type: types[f.GetType()], Help: strings.ToValidUTF8(f.GetHelp(), "\uFFFD"), Unit: strings.ToValidUTF8(f.GetUnit(), "\uFFFD"),
	})
	for _, m := range f.GetMetric() {
		if err := r.metric(name, m); err != nil {
			return fmt.Errorf("%s: %w", strconv.Quote(name), err)
		}
	}
	return nil
}

func (r *reader) metric(name string, m *dto.Metric) error {
	r.time = m.GetTimestampMs() * 1_000_000
	r.labels = nil
	for _, l := range m.GetLabel() {
		if err := checkText("a label's name", l.GetName(), exposition.MaxName); err != nil {
			return err
		}
		if v := l.GetValue(); v != "" {
			if err := checkText("a label's value", v, exposition.MaxValue); err != nil {
				return err
			}
			r.labels = append(r.labels, schema.Label{Name: l.GetName(), Value: v})
		}
	}
	if len(r.labels) > exposition.MaxLabels {
		return fmt.Errorf("a metric has more than %d labels", exposition.MaxLabels)
	}
	slices.SortFunc(r.labels, func(a, b schema.Label) int { return strings.Compare(a.Name, b.Name) })
	for i := 1; i < len(r.labels); i++ {
		if r.labels[i].Name == r.labels[i-1].Name {
			return fmt.Errorf("the label %s stands there twice", strconv.Quote(r.labels[i].Name))
		}
	}
	r.values(name, m)
	if len(r.doc.Samples) > exposition.MaxSamples {
		return fmt.Errorf("there are more than %d samples", exposition.MaxSamples)
	}
	return nil
}

func (r *reader) values(name string, m *dto.Metric) {
	switch {
	case m.Counter != nil:
		r.sample(name, m.Counter.GetValue(), "", "")
	case m.Gauge != nil:
		r.sample(name, m.Gauge.GetValue(), "", "")
	case m.Untyped != nil:
		r.sample(name, m.Untyped.GetValue(), "", "")
	case m.Summary != nil:
		for _, q := range m.Summary.GetQuantile() {
			r.sample(name, q.GetValue(), "quantile", number(q.GetQuantile()))
		}
		r.sample(name+"_sum", m.Summary.GetSampleSum(), "", "")
		r.sample(name+"_count", float64(m.Summary.GetSampleCount()), "", "")
	case m.Histogram != nil:
		r.histogram(name, m.Histogram)
	}
}

func (r *reader) histogram(name string, h *dto.Histogram) {
	count := float64(h.GetSampleCount())
	if h.GetSampleCountFloat() > 0 {
		count = h.GetSampleCountFloat()
	}
	infinite := len(h.GetBucket()) == 0 // a native one has none
	for _, b := range h.GetBucket() {
		le := number(b.GetUpperBound())
		infinite = infinite || le == "+Inf"
		n := float64(b.GetCumulativeCount())
		if b.GetCumulativeCountFloat() > 0 {
			n = b.GetCumulativeCountFloat()
		}
		r.sample(name+"_bucket", n, "le", le)
	}
	if !infinite {
		r.sample(name+"_bucket", count, "le", "+Inf")
	}
	r.sample(name+"_sum", h.GetSampleSum(), "", "")
	r.sample(name+"_count", count, "", "")
}

// sample adds a value, with one label more if it has a name.
func (r *reader) sample(name string, v float64, label, value string) {
	labels := r.labels
	if label != "" {
		at, taken := slices.BinarySearchFunc(labels, label, func(l schema.Label, name string) int { return strings.Compare(l.Name, name) })
		labels = slices.Clone(labels)
		if taken {
			labels[at].Value = value
		} else {
			labels = slices.Insert(labels, at, schema.Label{Name: label, Value: value})
		}
	}
	r.doc.Samples = append(r.doc.Samples, exposition.Sample{Name: name, Labels: labels, Value: v, Time: r.time, Family: r.at})
}

// number writes a bound as the text format does.
func number(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }

func checkText(what, s string, limit int) error {
	switch {
	case s == "":
		return fmt.Errorf("%s is empty", what)
	case len(s) > limit:
		return fmt.Errorf("%s has %d bytes: expected at most %d", what, len(s), limit)
	case !utf8.ValidString(s):
		return fmt.Errorf("%s %s is not UTF-8", what, strconv.QuoteToASCII(s))
	}
	return nil
}
