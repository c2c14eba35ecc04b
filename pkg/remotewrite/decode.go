package remotewrite

import (
	"fmt"

	"github.com/klauspost/compress/s2"
	"github.com/prometheus/prometheus/prompb"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"

	"weir/pkg/schema"
	"weir/pkg/schema/decode/gather"
)

// Decoder decodes requests. It keeps its buffers from call to call and is not
// for concurrent use.
type Decoder struct {
	plain    []byte
	v1       prompb.WriteRequest
	v2       writev2.Request
	gather   *gather.Gatherer
	labels   []schema.Label
	families map[string]int // in result.Metadata
	named    string         // the label that the latest source was made of
	source   string
	result   Result
}

// New returns a Decoder.
func New() *Decoder {
	return &Decoder{gather: gather.New(), families: map[string]int{}}
}

// Decode decodes the payload of a request as it came. It is rejected if it is
// none, if it is larger than the limits, or if it has samples and none of them
// can be taken.
func (d *Decoder) Decode(v Version, payload []byte) (*Result, *schema.Rejection) {
	d.reset()
	if r := d.uncompress(payload); r != nil {
		return nil, r
	}
	if r := measure(v, d.plain); r != nil {
		return nil, r
	}
	var err error
	switch v {
	case V1:
		err = d.v1.Unmarshal(d.plain)
	case V2:
		err = d.v2.Unmarshal(d.plain)
	default:
		panic(fmt.Sprintf("BUG: remote write in version %d", v))
	}
	if err != nil {
		return nil, rejection(schema.ReasonUnknownShape, "the request is not %s: %v", v, err)
	}
	if v == V1 {
		d.takeV1()
	} else {
		d.takeV2()
	}
	return d.finish()
}

// Readings does the same for whoever needs the readings alone: the fold.
func (d *Decoder) Readings(v int, payload []byte) ([]schema.Reading, *schema.Rejection) {
	result, rejection := d.Decode(Version(v), payload)
	if rejection != nil {
		return nil, rejection
	}
	return result.Readings, nil
}

// String names the message of a version.
func (v Version) String() string {
	if v == V2 {
		return "an io.prometheus.write.v2.Request"
	}
	return "a prometheus.WriteRequest"
}

// reset keeps the lists of series, and forgets what is in them.
func (d *Decoder) reset() {
	d.v1 = prompb.WriteRequest{Timeseries: emptied(d.v1.Timeseries), Metadata: emptied(d.v1.Metadata)}
	d.v2 = writev2.Request{Symbols: emptied(d.v2.Symbols), Timeseries: emptied(d.v2.Timeseries)}
	d.gather.Reset()
	d.labels = emptied(d.labels)
	d.named, d.source = "", ""
	clear(d.families)
	d.result = Result{Metadata: emptied(d.result.Metadata), Dropped: emptied(d.result.Dropped)}
}

// keptElements is how long a list is that is kept for the next request.
const keptElements = 20_000

func emptied[T any](list []T) []T {
	if cap(list) > keptElements {
		return nil
	}
	clear(list)
	return list[:0]
}

func (d *Decoder) uncompress(payload []byte) *schema.Rejection {
	size, err := s2.DecodedLen(payload)
	if err != nil {
		return rejection(schema.ReasonUnknownShape, "the body is not compressed with snappy's block format: %v", err)
	}
	if size > MaxSize {
		return rejection(schema.ReasonTooLarge, "the request has %d bytes uncompressed: expected at most %d", size, MaxSize)
	}
	if cap(d.plain) > 1<<20 && size < 1<<18 {
		d.plain = nil
	}
	if d.plain, err = s2.Decode(d.plain[:cap(d.plain)], payload); err != nil {
		return rejection(schema.ReasonUnknownShape, "the body is not compressed with snappy's block format: %v", err)
	}
	return nil
}

// noLabels says that a series has no label but its dimensions. Without a word it
// would get those of its source, and a pushed group of exactly that name has labels
// of its own.
var noLabels = []schema.Label{}

func (d *Decoder) finish() (*Result, *schema.Rejection) {
	d.result.Readings = d.gather.Readings()
	for i := range d.result.Readings {
		d.result.Readings[i].Labels = noLabels
	}
	if d.result.Samples == 0 && len(d.result.Dropped) > 0 {
		first := d.result.Dropped[0]
		return nil, rejection(first.Fault.reason(), "no sample can be taken: %s", first.Detail)
	}
	return &d.result, nil
}

// reason is what a request is rejected for that has nothing else.
func (f Fault) reason() schema.Reason {
	switch f {
	case FaultNoName:
		return schema.ReasonMissingSource
	case FaultTime:
		return schema.ReasonBadNumber
	case FaultHistogram, FaultReference:
		return schema.ReasonUnknownShape
	}
	return schema.ReasonBadSource
}

func rejection(reason schema.Reason, format string, args ...any) *schema.Rejection {
	return &schema.Rejection{Reason: reason, Detail: fmt.Sprintf(format, args...), Offset: -1}
}
