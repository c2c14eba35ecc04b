package remotewrite

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/s2"
	"github.com/prometheus/prometheus/prompb"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"

	"weir/pkg/golden"
)

const staleNaN = 0x7ff0000000000002

// line is a series of a request: its labels as "name=value" and its samples.
type line struct {
	labels  string
	samples []sample
}

type sample struct {
	ms int64
	v  float64
}

func at(ms int64, v float64) []sample { return []sample{{ms, v}} }

func pairs(labels string) (all []prompb.Label) {
	for pair := range strings.FieldsSeq(labels) {
		name, value, _ := strings.Cut(pair, "=")
		all = append(all, prompb.Label{Name: name, Value: value})
	}
	return all
}

func encodeV1(t testing.TB, r *prompb.WriteRequest) []byte {
	t.Helper()
	message, err := r.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return s2.EncodeSnappy(nil, message)
}

func encodeV2(t testing.TB, r *writev2.Request) []byte {
	t.Helper()
	message, err := r.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return s2.EncodeSnappy(nil, message)
}

func requestV1(lines []line) *prompb.WriteRequest {
	r := &prompb.WriteRequest{}
	for _, l := range lines {
		ts := prompb.TimeSeries{Labels: pairs(l.labels)}
		for _, s := range l.samples {
			ts.Samples = append(ts.Samples, prompb.Sample{Timestamp: s.ms, Value: s.v})
		}
		r.Timeseries = append(r.Timeseries, ts)
	}
	return r
}

func requestV2(lines []line) *writev2.Request {
	table := writev2.NewSymbolTable()
	r := &writev2.Request{}
	for _, l := range lines {
		ts := writev2.TimeSeries{}
		for _, p := range pairs(l.labels) {
			ts.LabelsRefs = append(ts.LabelsRefs, table.Symbolize(p.Name), table.Symbolize(p.Value))
		}
		for _, s := range l.samples {
			ts.Samples = append(ts.Samples, writev2.Sample{Timestamp: s.ms, Value: s.v})
		}
		r.Timeseries = append(r.Timeseries, ts)
	}
	r.Symbols = table.Symbols()
	return r
}

// show writes a result as the tests have it.
func show(r *Result) string {
	var b strings.Builder
	for _, reading := range r.Readings {
		fmt.Fprintf(&b, "%s @%d", reading.ID, reading.Time/1e6)
		for _, l := range reading.Dims {
			fmt.Fprintf(&b, " %s=%s", l.Name, l.Value)
		}
		for _, v := range reading.Named {
			fmt.Fprintf(&b, " | %s %v", v.Name, v.Value)
			if math.Float64bits(v.Value) == staleNaN {
				b.WriteString(" stale")
			}
			if v.Type != "" || v.Help != "" || v.Unit != "" {
				fmt.Fprintf(&b, " (%s, %s, %s)", v.Type, v.Help, v.Unit)
			}
		}
		b.WriteByte('\n')
	}
	for _, m := range r.Metadata {
		fmt.Fprintf(&b, "about %s: %s, %s, %s\n", m.Name, m.Type, m.Help, m.Unit)
	}
	for _, d := range r.Dropped {
		fmt.Fprintf(&b, "dropped %d, %s: %s\n", d.Samples, d.Fault, d.Detail)
	}
	if r.Histograms+r.Exemplars > 0 {
		fmt.Fprintf(&b, "left out %d histograms, %d exemplars\n", r.Histograms, r.Exemplars)
	}
	return b.String()
}

func TestSamplesBecomeReadings(t *testing.T) {
	long := strings.Repeat("x", MaxValue+1)
	for _, c := range []struct {
		name  string
		lines []line
		want  string
	}{
		{"nothing", nil, ""},
		{"series with the same labels are one reading",
			[]line{{"__name__=up instance=h:1 job=node", at(1000, 1)}, {"__name__=load1 instance=h:1 job=node", at(1000, 0.5)}},
			"remote h:1 @1000 instance=h:1 job=node | load1 0.5 | up 1\n"},
		{"those with others are others, of the same source",
			[]line{{"__name__=cpu cpu=0 instance=h:1 job=node", at(1000, 1)}, {"__name__=cpu cpu=1 instance=h:1 job=node", at(1000, 2)}, {"__name__=up instance=h:1 job=cadvisor", at(1000, 1)}},
			"remote h:1 @1000 cpu=0 instance=h:1 job=node | cpu 1\nremote h:1 @1000 cpu=1 instance=h:1 job=node | cpu 2\nremote h:1 @1000 instance=h:1 job=cadvisor | up 1\n"},
		{"several times of a series are several readings, ascending",
			[]line{{"__name__=a instance=h", []sample{{2000, 2}}}, {"__name__=b instance=h", []sample{{1000, 1}, {2000, 3}}}},
			"remote h @1000 instance=h | b 1\nremote h @2000 instance=h | a 2 | b 3\n"},
		{"without an instance the job is the source, without both it is remote",
			[]line{{"__name__=a job=j", at(1, 1)}, {"__name__=b", at(1, 2)}},
			"remote j @1 job=j | a 1\nremote @1 | b 2\n"},
		{"labels are sorted, empty ones are none",
			[]line{{"z=1 __name__=a b=2 e=", at(1, 1)}}, "remote @1 b=2 z=1 | a 1\n"},
		{"a staleness marker is passed on to the bit, as are NaN and infinity",
			[]line{{"__name__=a", at(1, math.Float64frombits(staleNaN))}, {"__name__=b", at(1, math.NaN())}, {"__name__=c", at(1, math.Inf(-1))}},
			"remote @1 | a NaN stale | b NaN | c -Inf\n"},
		{"a sample that comes twice counts once, the last one",
			[]line{{"__name__=a", []sample{{1, 1}, {1, 2}}}}, "remote @1 | a 2\n"},
		{"times before 1970 are times", []line{{"__name__=a", at(-5, 1)}}, "remote @-5 | a 1\n"},
		{"what is wrong with one series does not harm the others",
			[]line{{"__name__=a", at(1, 1)}, {"x=1", at(1, 1)}, {"y=1", []sample{{1, 1}, {2, 2}}}, {"__name__=b x=1 x=2", at(1, 1)}, {"__name__=c =1", at(1, 1)}, {"__name__=d v=" + long, at(1, 1)}, {"__name__=e", at(math.MaxInt64/1000, 1)}},
			"remote @1 | a 1\n" +
				"dropped 3, no_name: a series has no label __name__\n" +
				"dropped 1, label_twice: a series has the label \"x\" twice\n" +
				"dropped 1, bad_name: a series has the label \"\": expected a name of 1 to 256 bytes of UTF-8\n" +
				"dropped 1, bad_value: a series has the label \"v\": expected a value of at most 4096 bytes of UTF-8\n" +
				"dropped 1, bad_time: a sample of \"e\" has the time 9223372036854775 ms\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := New()
			for version, payload := range map[Version][]byte{V1: encodeV1(t, requestV1(c.lines)), V2: encodeV2(t, requestV2(c.lines))} {
				for range 2 { // a used decoder reads the same
					r, rejection := d.Decode(version, payload)
					if rejection != nil {
						t.Fatalf("version %d: %v", version, rejection)
					}
					if diff := cmp.Diff(c.want, show(r)); diff != "" {
						t.Errorf("version %d:\n%s", version, diff)
					}
				}
			}
		})
	}
}

func TestMetadata(t *testing.T) {
	v1 := requestV1([]line{{"__name__=h_bucket le=1", at(1, 1)}, {"__name__=h_sum", at(1, 2)}, {"__name__=c_total", at(1, 3)}, {"__name__=g_sum", at(1, 4)}})
	v1.Metadata = []prompb.MetricMetadata{
		{MetricFamilyName: "h", Type: prompb.MetricMetadata_HISTOGRAM, Help: "latency", Unit: "seconds"},
		{MetricFamilyName: "c_total", Type: prompb.MetricMetadata_COUNTER, Help: "requests"},
		{MetricFamilyName: "g", Type: prompb.MetricMetadata_GAUGE, Help: "no family of g_sum"},
		{MetricFamilyName: "i", Type: prompb.MetricMetadata_INFO},
		{MetricFamilyName: "h", Type: prompb.MetricMetadata_GAUGE, Help: "again"},
	}
	r, rejection := New().Decode(V1, encodeV1(t, v1))
	if rejection != nil {
		t.Fatal(rejection)
	}
	want := "remote @1 le=1 | h_bucket 1 (histogram, latency, seconds)\n" +
		"remote @1 | c_total 3 (counter, requests, ) | g_sum 4 | h_sum 2 (histogram, latency, seconds)\n" +
		"about h: histogram, latency, seconds\nabout c_total: counter, requests, \nabout g: gauge, no family of g_sum, \nabout i: , , \n"
	if diff := cmp.Diff(want, show(r)); diff != "" {
		t.Errorf("version 1:\n%s", diff)
	}

	v2 := requestV2([]line{{"__name__=h_bucket le=1", at(1, 1)}, {"__name__=c_total", at(1, 3)}, {"__name__=x", at(1, 4)}})
	v2.Symbols = append(v2.Symbols, "latency", "seconds")
	n := uint32(len(v2.Symbols))
	v2.Timeseries[0].Metadata = writev2.Metadata{Type: writev2.Metadata_METRIC_TYPE_HISTOGRAM, HelpRef: n - 2, UnitRef: n - 1}
	v2.Timeseries[1].Metadata = writev2.Metadata{Type: writev2.Metadata_METRIC_TYPE_COUNTER}
	if r, rejection = New().Decode(V2, encodeV2(t, v2)); rejection != nil {
		t.Fatal(rejection)
	}
	want = "remote @1 le=1 | h_bucket 1 (histogram, latency, seconds)\nremote @1 | c_total 3 (counter, , ) | x 4\n" +
		"about h: histogram, latency, seconds\nabout c_total: counter, , \n"
	if diff := cmp.Diff(want, show(r)); diff != "" {
		t.Errorf("version 2:\n%s", diff)
	}
}

func TestWhatIsLeftOutIsCounted(t *testing.T) {
	v1 := requestV1([]line{{"__name__=a", at(1, 1)}, {"__name__=h", nil}})
	v1.Timeseries[0].Exemplars = []prompb.Exemplar{{Value: 1}}
	v1.Timeseries[1].Histograms = []prompb.Histogram{{Sum: 1}, {Sum: 2}}
	v2 := requestV2([]line{{"__name__=a", at(1, 1)}, {"__name__=h", nil}})
	v2.Timeseries[0].Exemplars = []writev2.Exemplar{{Value: 1}}
	v2.Timeseries[1].Histograms = []writev2.Histogram{{Sum: 1}, {Sum: 2}}
	want := "remote @1 | a 1\ndropped 2, native_histogram: native histograms are not stored: have the sender write classic ones\nleft out 2 histograms, 1 exemplars\n"
	for version, payload := range map[Version][]byte{V1: encodeV1(t, v1), V2: encodeV2(t, v2)} {
		r, rejection := New().Decode(version, payload)
		if rejection != nil {
			t.Fatal(rejection)
		}
		if diff := cmp.Diff(want, show(r)); diff != "" {
			t.Errorf("version %d:\n%s", version, diff)
		}
	}
}

func TestRejections(t *testing.T) {
	many := requestV1([]line{{"__name__=a", make([]sample, MaxSamples+1)}})
	elements := &prompb.WriteRequest{Timeseries: []prompb.TimeSeries{{Labels: make([]prompb.Label, MaxElements)}}}
	histogram := requestV1([]line{{"__name__=h", nil}})
	histogram.Timeseries[0].Histograms = []prompb.Histogram{{Sum: 1}}
	odd := requestV2([]line{{"__name__=a", at(1, 1)}})
	odd.Timeseries[0].LabelsRefs = odd.Timeseries[0].LabelsRefs[:1]
	beyond := requestV2([]line{{"__name__=a", at(1, 1)}})
	beyond.Timeseries[0].LabelsRefs[1] = math.MaxUint32
	wide := requestV2([]line{{"__name__=a" + strings.Repeat(" b=c", MaxLabels+1), at(1, 1)}})
	for _, c := range []struct {
		name    string
		version Version
		payload []byte
		want    string
	}{
		{"an empty body", V1, nil, "unknown_shape: the body is not compressed with snappy's block format: s2: corrupt input"},
		{"text", V1, []byte("up 1\n"), "unknown_shape: the body is not compressed with snappy's block format: s2: corrupt input"},
		{"compressed text", V1, s2.EncodeSnappy(nil, []byte("# HELP up\nup 1\n")), "unknown_shape: the request is not a prometheus.WriteRequest: "},
		{"a length beyond the limit", V1, []byte{0xff, 0xff, 0xff, 0x7f, 0}, "too_large: the request has 268435455 bytes uncompressed: expected at most 16777216"},
		{"too many samples", V1, encodeV1(t, many), "too_large: the request has 50001 samples: expected at most 50000"},
		{"too many labels", V1, encodeV1(t, elements), "too_large: the request has 1000001 labels, samples and the like: expected at most 1000000"},
		{"no series that can be taken", V1, encodeV1(t, requestV1([]line{{"x=1", at(1, 1)}})), "missing_source: no sample can be taken: a series has no label __name__"},
		{"native histograms alone", V1, encodeV1(t, histogram), "unknown_shape: no sample can be taken: native histograms are not stored: have the sender write classic ones"},
		{"half a label", V2, encodeV2(t, odd), "unknown_shape: no sample can be taken: a series has 1 references to symbols: expected an even number"},
		{"a symbol that is not there", V2, encodeV2(t, beyond), "unknown_shape: no sample can be taken: a series refers to a symbol beyond the 3 that there are"},
		{"too many labels of a series", V2, encodeV2(t, wide), "bad_source: no sample can be taken: a series has 66 labels: expected at most 64 and its name"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, rejection := New().Decode(c.version, c.payload)
			if rejection == nil {
				t.Fatalf("taken: %s", show(r))
			}
			if !strings.HasPrefix(rejection.Error(), c.want) {
				t.Errorf("got %v, want %s", rejection, c.want)
			}
		})
	}
}

func TestReadingsAlone(t *testing.T) {
	d := New()
	if readings, rejection := d.Readings(1, encodeV1(t, requestV1([]line{{"__name__=a", at(1, 1)}}))); rejection != nil || len(readings) != 1 {
		t.Errorf("%v, %v", readings, rejection)
	}
	if readings, rejection := d.Readings(2, nil); rejection == nil || readings != nil {
		t.Errorf("%v, %v", readings, rejection)
	}
}

// A pushed group and a probe give a source labels that may be called like what is
// written remotely: that has its own all the same.
func TestSeriesTakeNoLabelsOfTheirSource(t *testing.T) {
	lines := []line{{"__name__=job:up:sum job=backup", at(1, 1)}, {"__name__=a", at(1, 1)}}
	for version, payload := range map[Version][]byte{V1: encodeV1(t, requestV1(lines)), V2: encodeV2(t, requestV2(lines))} {
		r, rejection := New().Decode(version, payload)
		if rejection != nil || len(r.Readings) != 2 {
			t.Fatalf("version %d: %v, %v", version, r, rejection)
		}
		for _, reading := range r.Readings {
			if reading.Labels == nil || len(reading.Labels) > 0 {
				t.Errorf("version %d: %s has the labels %#v: expected none, and that it says so", version, reading.ID, reading.Labels)
			}
		}
	}
}

// A request of the one version, read as the other, must not count as one.
func TestTheOtherVersionsRequestHasNothing(t *testing.T) {
	lines := []line{{"__name__=a instance=h", at(1, 1)}}
	for version, payload := range map[Version][]byte{V2: encodeV1(t, requestV1(lines)), V1: encodeV2(t, requestV2(lines))} {
		if r, rejection := New().Decode(version, payload); rejection == nil && (r.Samples > 0 || len(r.Readings) > 0) {
			t.Errorf("version %d: %s", version, show(r))
		}
	}
}

// The bodies are two that Prometheus 2.42 sent of its own metrics.
func TestWhatPrometheusSends(t *testing.T) {
	for _, name := range []string{"prometheus-samples", "prometheus-metadata"} {
		t.Run(name, func(t *testing.T) {
			payload, err := os.ReadFile(filepath.Join("testdata", name+".snappy"))
			if err != nil {
				t.Fatal(err)
			}
			r, rejection := New().Decode(V1, payload)
			if rejection != nil {
				t.Fatal(rejection)
			}
			check(t, r)
			golden.Check(t, name+".golden", show(r))
		})
	}
}

func FuzzDecode(f *testing.F) {
	lines := []line{{"__name__=up instance=h:1 job=node", []sample{{1000, 1}, {2000, 2}}}, {"__name__=h_bucket le=1 job=node", at(1000, 3)}}
	for _, payload := range [][]byte{encodeV1(f, requestV1(lines)), encodeV2(f, requestV2(lines))} {
		plain, _ := s2.Decode(nil, payload)
		f.Add(true, plain)
		f.Add(false, plain)
	}
	used := New()
	f.Fuzz(func(t *testing.T, second bool, message []byte) {
		version := V1
		if second {
			version = V2
		}
		payload := s2.EncodeSnappy(nil, message)
		r, rejection := New().Decode(version, payload)
		again, rejectionAgain := used.Decode(version, payload)
		if rejection != nil {
			if rejectionAgain == nil || *rejectionAgain != *rejection {
				t.Fatalf("%v, then %v", rejection, rejectionAgain)
			}
			return
		}
		if rejectionAgain != nil || show(r) != show(again) {
			t.Fatalf("a used decoder says otherwise: %v\n%s\n%s", rejectionAgain, show(r), show(again))
		}
		check(t, r)
	})
}

func check(t *testing.T, r *Result) {
	t.Helper()
	for i := range r.Readings {
		reading := &r.Readings[i]
		if reading.ID == "" || len(reading.ID) > MaxName || !reading.HasValues() || i > 0 && r.Readings[i-1].Time > reading.Time {
			t.Errorf("%+v", reading)
		}
		for j, l := range reading.Dims {
			if l.Name == "" || l.Value == "" || j > 0 && reading.Dims[j-1].Name >= l.Name {
				t.Errorf("labels %+v", reading.Dims)
			}
		}
		for j, v := range reading.Named {
			if v.Name == "" || j > 0 && reading.Named[j-1].Name >= v.Name {
				t.Errorf("values %+v", reading.Named)
			}
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	var lines []line
	for i := range 2000 {
		lines = append(lines, line{fmt.Sprintf("__name__=node_metric_%d_total cpu=%d instance=host%d.example.org:9100 job=node mode=idle region=eu-west zone=a", i%20, i/20%10, i/200), at(1_767_323_045_000, float64(i))})
	}
	for version, payload := range map[Version][]byte{V1: encodeV1(b, requestV1(lines)), V2: encodeV2(b, requestV2(lines))} {
		b.Run(fmt.Sprintf("version %d", version), func(b *testing.B) {
			d := New()
			b.ReportAllocs()
			for b.Loop() {
				if _, rejection := d.Decode(version, payload); rejection != nil {
					b.Fatal(rejection)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(lines)), "ns/sample")
			b.ReportMetric(float64(len(payload))/float64(len(lines)), "B/sample")
		})
	}
}
