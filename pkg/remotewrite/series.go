package remotewrite

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/prometheus/prometheus/prompb"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"

	"weir/pkg/schema"
	"weir/pkg/schema/decode/gather"
)

// series is one series of a request, whose labels were read.
type series struct {
	value schema.NamedValue // its name and what is known of it
	point gather.Point      // its source and labels
}

func (d *Decoder) takeV1() {
	for i := range d.v1.Metadata {
		m := &d.v1.Metadata[i]
		d.describe(m.MetricFamilyName, typeOf(int32(m.Type)), m.Help, m.Unit)
	}
	for i := range d.v1.Timeseries {
		ts := &d.v1.Timeseries[i]
		d.notTaken(len(ts.Histograms), len(ts.Exemplars))
		if len(ts.Samples) == 0 {
			continue
		}
		first := len(d.labels)
		for _, l := range ts.Labels {
			d.labels = append(d.labels, schema.Label{Name: l.Name, Value: l.Value})
		}
		s, fault, detail := d.series(first)
		if fault != "" {
			d.drop(fault, len(ts.Samples), detail)
			continue
		}
		for _, sample := range ts.Samples {
			d.sample(&s, sample.Timestamp, sample.Value)
		}
	}
}

func (d *Decoder) takeV2() {
	for i := range d.v2.Timeseries {
		ts := &d.v2.Timeseries[i]
		d.notTaken(len(ts.Histograms), len(ts.Exemplars))
		if len(ts.Samples) == 0 {
			continue
		}
		s, fault, detail := d.seriesV2(ts)
		if fault != "" {
			d.drop(fault, len(ts.Samples), detail)
			continue
		}
		for _, sample := range ts.Samples {
			d.sample(&s, sample.Timestamp, sample.Value)
		}
	}
}

// notTaken counts what is left out.
func (d *Decoder) notTaken(histograms, exemplars int) {
	d.result.Histograms += histograms
	d.result.Exemplars += exemplars
	if histograms > 0 {
		d.drop(FaultHistogram, histograms, "native histograms are not stored: have the sender write classic ones")
	}
}

// seriesV2 reads a series whose texts stand in the request's table.
func (d *Decoder) seriesV2(ts *writev2.TimeSeries) (s series, fault Fault, detail string) {
	if len(ts.LabelsRefs)%2 != 0 {
		return s, FaultReference, fmt.Sprintf("a series has %d references to symbols: expected an even number", len(ts.LabelsRefs))
	}
	if labels := len(ts.LabelsRefs) / 2; labels > MaxLabels+1 {
		return s, FaultLabels, fmt.Sprintf("a series has %d labels: expected at most %d and its name", labels, MaxLabels)
	}
	first := len(d.labels)
	for i := 0; i < len(ts.LabelsRefs); i += 2 {
		name, known := d.symbol(ts.LabelsRefs[i])
		value, knownToo := d.symbol(ts.LabelsRefs[i+1])
		if !known || !knownToo {
			d.labels = d.labels[:first]
			return s, FaultReference, fmt.Sprintf("a series refers to a symbol beyond the %d that there are", len(d.v2.Symbols))
		}
		d.labels = append(d.labels, schema.Label{Name: name, Value: value})
	}
	if s, fault, detail = d.series(first); fault != "" {
		return s, fault, detail
	}
	help, _ := d.symbol(ts.Metadata.HelpRef)
	unit, _ := d.symbol(ts.Metadata.UnitRef)
	if typ := typeOf(int32(ts.Metadata.Type)); typ != "" || help != "" || unit != "" {
		m := d.describe(family(s.value.Name, typ), typ, help, unit)
		s.value.Type, s.value.Help, s.value.Unit = m.Type, m.Help, m.Unit
	}
	return s, "", ""
}

func (d *Decoder) symbol(ref uint32) (string, bool) {
	if int64(ref) >= int64(len(d.v2.Symbols)) {
		return "", false
	}
	return d.v2.Symbols[ref], true
}

// series takes the labels since first: the name out of them, the source from
// them, and the rest as its dimensions.
func (d *Decoder) series(first int) (s series, fault Fault, detail string) {
	own := d.labels[first:]
	byName := func(a, b schema.Label) int { return strings.Compare(a.Name, b.Name) }
	if !slices.IsSortedFunc(own, byName) {
		slices.SortFunc(own, byName)
	}
	kept := own[:0]
	instance, job := "", ""
	for i, l := range own {
		if fault, detail = labelFault(l); fault == "" && i > 0 && own[i-1].Name == l.Name {
			fault, detail = FaultTwice, fmt.Sprintf("a series has the label %s twice", quote(l.Name))
		}
		if fault != "" {
			d.labels = d.labels[:first]
			return s, fault, detail
		}
		switch l.Name {
		case schema.MetricNameLabel:
			s.value.Name = l.Value
			continue
		case "instance":
			instance = l.Value
		case "job":
			job = l.Value
		}
		if l.Value != "" {
			kept = append(kept, l)
		}
	}
	d.labels = d.labels[:first+len(kept)]
	s.point = gather.Point{Kind: Kind, ID: d.sourceOf(instance, job), Dims: kept[:len(kept):len(kept)], Clock: schema.ClockUnix}
	fault, detail = seriesFault(&s)
	if fault == "" && len(d.families) > 0 {
		d.known(&s.value)
	}
	return s, fault, detail
}

// sourceOf returns the name of a source, which is shorter than a label's value
// may be.
func (d *Decoder) sourceOf(instance, job string) string {
	for _, name := range [...]string{instance, job} {
		if name == "" || len(sourcePrefix+name) > MaxName {
			continue
		}
		if d.named != name { // series of one source mostly come together
			d.named, d.source = name, sourcePrefix+name
		}
		return d.source
	}
	return NoSource
}

// sourcePrefix keeps a source apart from a pushed group and from a probe, which may
// be called like it: each ends what the other says.
const sourcePrefix = NoSource + " "

func seriesFault(s *series) (Fault, string) {
	switch {
	case s.value.Name == "":
		return FaultNoName, "a series has no label " + schema.MetricNameLabel
	case len(s.value.Name) > MaxName:
		return FaultName, fmt.Sprintf("the metric's name %s has more than %d bytes", quote(s.value.Name), MaxName)
	case len(s.point.Dims) > MaxLabels:
		return FaultLabels, fmt.Sprintf("a series of %s has %d labels: expected at most %d", quote(s.value.Name), len(s.point.Dims), MaxLabels)
	}
	return "", ""
}

func labelFault(l schema.Label) (Fault, string) {
	switch {
	case l.Name == "" || len(l.Name) > MaxName || !utf8.ValidString(l.Name):
		return FaultName, fmt.Sprintf("a series has the label %s: expected a name of 1 to %d bytes of UTF-8", quote(l.Name), MaxName)
	case len(l.Value) > MaxValue || !utf8.ValidString(l.Value):
		return FaultValue, fmt.Sprintf("a series has the label %s: expected a value of at most %d bytes of UTF-8", quote(l.Name), MaxValue)
	}
	return "", ""
}

// maxMilliseconds is how far from 1970 a time can be in nanoseconds.
const maxMilliseconds = (1<<63 - 1) / 1_000_000

func (d *Decoder) sample(s *series, milliseconds int64, value float64) {
	if milliseconds > maxMilliseconds || milliseconds < -maxMilliseconds {
		d.drop(FaultTime, 1, fmt.Sprintf("a sample of %s has the time %d ms", quote(s.value.Name), milliseconds))
		return
	}
	s.point.Time, s.value.Value = milliseconds*1_000_000, value
	d.gather.Value(d.gather.Reading(s.point), s.value)
	d.result.Samples++
}

func (d *Decoder) drop(fault Fault, samples int, detail string) {
	for i := range d.result.Dropped {
		if d.result.Dropped[i].Fault == fault {
			d.result.Dropped[i].Samples += samples
			return
		}
	}
	d.result.Dropped = append(d.result.Dropped, Drop{fault, samples, detail})
}

// typeOf returns a family's type: both versions number them in the same way.
func typeOf(t int32) schema.SeriesType {
	switch prompb.MetricMetadata_MetricType(t) {
	case prompb.MetricMetadata_COUNTER:
		return schema.Cumulative
	case prompb.MetricMetadata_GAUGE:
		return schema.Gauge
	case prompb.MetricMetadata_HISTOGRAM:
		return schema.Histogram
	case prompb.MetricMetadata_SUMMARY:
		return schema.Distribution
	}
	return ""
}

// quote quotes what is shown of a text, at most its beginning.
func quote(s string) string {
	const most = 40
	if len(s) > most {
		return strconv.QuoteToASCII(s[:most]) + "…"
	}
	return strconv.QuoteToASCII(s)
}
