package schema

import (
	"encoding/binary"
	"math"
	"slices"

	"weir/pkg/schema/wire"
)

// The requests and answers of the read port that are about history.

// MaxPartSamples bounds the samples of one SeriesPart.
const MaxPartSamples = 8192

// MetricNameLabel is the label that holds a series' name, which is its field's.
const MetricNameLabel = "__name__"

// MatchType says how a Matcher compares, in PromQL's signs.
type MatchType string

// The types of matchers.
const (
	MatchEqual     MatchType = "="
	MatchNotEqual  MatchType = "!="
	MatchRegexp    MatchType = "=~" // anchored at both ends, RE2
	MatchNotRegexp MatchType = "!~"
)

// Matcher selects series by a label, as Prometheus does: a label that a series
// does not have is an empty one, and the label __name__ is a field's name.
type Matcher struct {
	Type  MatchType `json:"type"`
	Name  string    `json:"name"`
	Value string    `json:"value"`
}

// SelectRequest selects series and their samples. The answer is a stream of
// SeriesPart, ascending by track and field, sent while history is read. Series
// without a sample in the range are left out. Live series (LiveSeries) come last,
// where matchers of __name__ let their names pass, and not just any, and the range
// goes up to now or ended up to 30 s ago: one sample each, of now or of its end.
//
// It is refused with 400 if it cannot be understood, with 422 if it has more
// than MaxSamples samples, and with 503 if TimeoutMS is over or the aggregator
// stops. A refusal may come behind a part of the answer.
type SelectRequest struct {
	Matchers []Matcher `json:"matchers"` // all must match; none selects everything
	From     int64     `json:"from"`     // unix milliseconds, inclusive
	To       int64     `json:"to"`       // unix milliseconds, inclusive
	// Latest asks for each series' newest sample in the range only, which is a
	// staleness marker if the series had ended by To.
	Latest bool `json:"latest,omitempty"`
	// LabelsOnly asks for the labels of the series that may have samples in the
	// range, and for no sample.
	LabelsOnly bool   `json:"labels_only,omitempty"`
	Limit      uint64 `json:"limit,omitempty"`       // series, 0 for no limit; the first ones are given
	MaxSamples uint64 `json:"max_samples,omitempty"` // 0 for no limit
	TimeoutMS  int64  `json:"timeout_ms,omitempty"`  // from receipt on; 0 for the port's own
}

// LabelNamesRequest asks for the names of labels. The answer is a stream of
// Text, ascending. From and To restrict to the tracks that reach into that
// range, unix milliseconds; 0 leaves an end open.
type LabelNamesRequest struct {
	Matchers  []Matcher `json:"matchers,omitempty"`
	From      int64     `json:"from,omitempty"`
	To        int64     `json:"to,omitempty"`
	Limit     uint64    `json:"limit,omitempty"` // 0 for no limit; the first ones are given
	TimeoutMS int64     `json:"timeout_ms,omitempty"`
}

// LabelValuesRequest asks for the values of the label Name; else it is like
// LabelNamesRequest.
type LabelValuesRequest struct {
	Name string `json:"name"`
	LabelNamesRequest
}

// CardinalityRequest asks for the largest Limit entries of each table of
// Cardinality, 10 if 0.
type CardinalityRequest struct {
	Limit uint64 `json:"limit,omitempty"`
}

// Cardinality says what there is most of in the index. Its tables are never
// null, the largest first, equal ones by name.
type Cardinality struct {
	Series     uint64 `json:"series"`
	Tracks     uint64 `json:"tracks"`      // sources times their sets of labels
	LabelPairs uint64 `json:"label_pairs"` // distinct pairs of name and value, __name__ too

	SeriesByMetric []NameCount `json:"series_by_metric"`
	ValuesByLabel  []NameCount `json:"values_by_label"`
	BytesByLabel   []NameCount `json:"bytes_by_label"` // of the distinct values' texts
	SeriesByPair   []NameCount `json:"series_by_pair"` // named "name=value"
}

// NameCount is how many there are of something.
type NameCount struct {
	Name  string `json:"name"`
	Count uint64 `json:"count"`
}

// RowsRequest selects a page of a source's readings from history, newest first;
// of equal times the one that came later stands first. Sources of the same kind
// and id in several tenants are merged unless restricted.
//
// The answer is a stream: a RowsHead, then StoredReadings.
type RowsRequest struct {
	Kind       Kind   `json:"kind"`
	ID         string `json:"id"`
	Service    string `json:"service,omitempty"`
	Subservice string `json:"subservice,omitempty"`
	From       int64  `json:"from,omitempty"` // unix nanoseconds, inclusive; 0 for the oldest
	To         int64  `json:"to,omitempty"`   // unix nanoseconds, inclusive; 0 for the newest
	// Until is RowsHead.Until of an earlier answer: what came since is left out,
	// so that pages do not move while data arrive. "" for none.
	Until     string `json:"until,omitempty"`
	Offset    uint64 `json:"offset"`
	Limit     uint64 `json:"limit"`
	TimeoutMS int64  `json:"timeout_ms,omitempty"`
}

// RowsHead says what a page of rows is a part of.
type RowsHead struct {
	Total uint64 // readings that the request selects, on all pages
	Until string // opaque; what RowsRequest.Until takes
}

// AppendBinary appends the head's deterministic encoding.
func (h *RowsHead) AppendBinary(b []byte) []byte {
	return wire.AppendString(wire.AppendUint(b, h.Total), h.Until)
}

// ReadBinary reads what AppendBinary wrote; r keeps the error.
func (h *RowsHead) ReadBinary(r *wire.Reader) { *h = RowsHead{Total: r.Uint(), Until: r.String()} }

// MetadataRequest asks for what is known of the names that named values brought;
// those of Fields are not among them. The answer is a stream of Metadata,
// ascending by Field.
type MetadataRequest struct {
	Name string `json:"name,omitempty"` // only this name's; "" for all
}

// Metadata is what is known of a name that named values brought.
type Metadata struct {
	Field Field
	Name  string
	Type  SeriesType // "" where nothing is known
	Help  string
	Unit  string
}

// AppendBinary appends the metadata's deterministic encoding.
func (m *Metadata) AppendBinary(b []byte) []byte {
	b = wire.AppendUint(b, uint64(m.Field))
	for _, s := range []string{m.Name, string(m.Type), m.Help, m.Unit} {
		b = wire.AppendString(b, s)
	}
	return b
}

// ReadBinary reads what AppendBinary wrote; r keeps the error.
func (m *Metadata) ReadBinary(r *wire.Reader) {
	*m = Metadata{Field: Field(r.Uint()), Name: r.String(), Type: SeriesType(r.String()), Help: r.String(), Unit: r.String()}
}

// Text is one string of a streamed answer.
type Text string

// AppendBinary appends the text's deterministic encoding.
func (t *Text) AppendBinary(b []byte) []byte { return wire.AppendString(b, string(*t)) }

// ReadBinary reads what AppendBinary wrote; r keeps the error.
func (t *Text) ReadBinary(r *wire.Reader) { *t = Text(r.String()) }

// SeriesPart is samples of one series, at most MaxPartSamples. The parts of a
// series follow one another, the first with its labels.
type SeriesPart struct {
	Series uint64    // 0, 1, 2 … in order of the answer
	First  bool      // of its series: Labels are given
	Last   bool      // of its series
	Labels []Label   // ascending by name, __name__ among them
	T      []int64   // unix milliseconds, ascending in the whole series, none twice
	V      []float64 // as many; exact to the bit, staleness markers too
}

// Bits of a part's flags.
const (
	partFirst = 1 << iota
	partLast
)

// AppendBinary appends the part's deterministic encoding:
//
//	uvarint  series
//	byte     flags: 1 first, 2 last
//	labels   if first: uvarint count, then names and values, each with its length
//	bytes    uvarint length, 8 bytes a value, little endian
//	bytes    uvarint length; zigzag varint of the first time, uvarint of each
//	         further one's distance from the one before
func (p *SeriesPart) AppendBinary(b []byte) []byte {
	b = wire.AppendUint(b, p.Series)
	flags := byte(0)
	if p.First {
		flags |= partFirst
	}
	if p.Last {
		flags |= partLast
	}
	b = append(b, flags)
	if p.First {
		b = appendLabels(b, p.Labels)
	}
	b = wire.AppendUint(slices.Grow(b, 12*len(p.V)), uint64(8*len(p.V)))
	for _, v := range p.V {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
	}
	return appendTimes(b, p.T)
}

// appendTimes appends a list of bytes, whose length is known only behind it.
func appendTimes(b []byte, times []int64) []byte {
	start := len(b)
	for i, t := range times {
		if i == 0 {
			b = binary.AppendVarint(b, t)
		} else {
			b = binary.AppendUvarint(b, uint64(t-times[i-1]))
		}
	}
	size := len(b) - start
	var length [binary.MaxVarintLen64]byte
	n := binary.PutUvarint(length[:], uint64(size))
	b = append(b, length[:n]...)
	copy(b[start+n:], b[start:start+size])
	copy(b[start:], length[:n])
	return b
}

// ReadBinary reads what AppendBinary wrote; r keeps the error. It uses the
// memory that p has: a first part's samples and labels replace what is there,
// those of a further part are appended, so that p becomes the series.
func (p *SeriesPart) ReadBinary(r *wire.Reader) {
	p.Series = r.Uint()
	flags := r.Byte()
	p.First, p.Last = flags&partFirst != 0, flags&partLast != 0
	if p.First {
		p.Labels, p.T, p.V = appendReadLabels(p.Labels[:0], r), p.T[:0], p.V[:0]
	}
	values, times := r.BytesView(), r.BytesView()
	if r.Err() != nil || len(values)%8 != 0 || !p.readTimes(times, len(values)/8) {
		spoil(r)
		return
	}
	n := len(p.V)
	p.V = append(p.V, make([]float64, len(values)/8)...)
	for i := range p.V[n:] {
		p.V[n+i] = math.Float64frombits(binary.LittleEndian.Uint64(values[8*i:]))
	}
}

// readTimes appends n times, and reports whether b held as many and no more.
func (p *SeriesPart) readTimes(b []byte, n int) bool {
	if n > len(b) {
		return false
	}
	start := len(p.T)
	p.T = append(p.T, make([]int64, n)...)
	last, pos := int64(0), 0
	for i := range p.T[start:] {
		step, size := uint64(0), 0
		if pos+1 < len(b) && b[pos+1] < 0x80 && b[pos] >= 0x80 { // most are two bytes
			step, size = uint64(b[pos]&0x7f)|uint64(b[pos+1])<<7, 2
		} else if step, size = binary.Uvarint(b[pos:]); size <= 0 {
			return false
		}
		pos += size
		if i == 0 {
			last = int64(step>>1) ^ -int64(step&1)
		} else {
			last += int64(step)
		}
		p.T[start+i] = last
	}
	return pos == len(b)
}

// spoil makes r fail: its record contradicts itself.
func spoil(r *wire.Reader) {
	for r.Err() == nil {
		r.Byte()
	}
}

func appendReadLabels(labels []Label, r *wire.Reader) []Label {
	for range r.Count() {
		labels = append(labels, Label{Name: r.String(), Value: r.String()})
	}
	return labels
}
