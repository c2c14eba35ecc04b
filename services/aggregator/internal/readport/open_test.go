package readport

import (
	"fmt"
	"math"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"weir/services/aggregator/internal/foldtest"

	"weir/pkg/schema"
	"weir/pkg/schema/decode"
	"weir/pkg/schema/wire"
)

// recorded is an event of a rule about the metric job:x of zones.
func recorded(at int64, values map[string]float64, ended ...string) schema.Event {
	labels := func(zone string) []schema.Label {
		return []schema.Label{{Name: "__name__", Value: "job:x"}, {Name: "zone", Value: zone}}
	}
	var samples []decode.RecordedSample
	for zone, v := range values {
		samples = append(samples, decode.RecordedSample{Labels: labels(zone), Value: v})
	}
	var gone [][]schema.Label
	for _, zone := range ended {
		gone = append(gone, labels(zone))
	}
	return schema.Event{Topic: decode.RecordedTopic, Received: at, Route: schema.RouteRule, Payload: decode.EncodeRecorded(nil, at/1e6, samples, gone)}
}

func TestRecordedSeriesAreRead(t *testing.T) {
	b := newBench(t, nil)
	nan := math.Float64frombits(0x7ff8000000000001)
	for i := range 300 {
		e := recorded(at(10*i), map[string]float64{"a": float64(i), "b": []float64{nan, math.Inf(1), math.Inf(-1), math.Copysign(0, -1)}[i%4]})
		if i == 299 {
			e = recorded(at(10*i), map[string]float64{"a": 299}, "b")
		}
		b.fold(e)
		if i == 200 {
			b.reload(t)
		}
	}
	for _, m := range []schema.Matcher{name("job:x"), {Type: schema.MatchRegexp, Name: "__name__", Value: "job:.+"}} {
		all := b.mustSelect(t, schema.SelectRequest{Matchers: []schema.Matcher{m, equal("zone", "b")}, From: ms(0), To: ms(2990)})
		if len(all) != 1 || all[0].Labels != "{__name__=job:x,zone=b}" || len(all[0].T) != 300 {
			t.Fatalf("%d series: %+v", len(all), all)
		}
		for i, v := range all[0].V[:299] {
			want := []float64{nan, math.Inf(1), math.Inf(-1), math.Copysign(0, -1)}[i%4]
			if math.Float64bits(v) != math.Float64bits(want) {
				t.Fatalf("value %d is %v, not %v", i, v, want)
			}
		}
		if !isMarker(all[0].V[299]) || all[0].T[299] != ms(2990) {
			t.Errorf("the series ends with %v at %d", all[0].V[299], all[0].T[299])
		}
	}
	latest := b.mustSelect(t, schema.SelectRequest{Matchers: []schema.Matcher{name("job:x")}, From: ms(2000), To: ms(2995), Latest: true})
	if len(latest) != 2 || latest[0].V[0] != 299 || !isMarker(latest[1].V[0]) {
		t.Errorf("latest: %+v", latest)
	}
	jobs := []schema.Matcher{{Type: schema.MatchRegexp, Name: "__name__", Value: "job.*"}}
	if got := b.texts(t, schema.ReadLabelValues, schema.LabelValuesRequest{Name: "__name__", LabelNamesRequest: schema.LabelNamesRequest{Matchers: jobs}}); !slices.Equal(got, []string{"job:x"}) {
		t.Errorf("names %v", got)
	}
	if got := b.texts(t, schema.ReadLabelNames, schema.LabelNamesRequest{Matchers: jobs}); !slices.Equal(got, []string{"__name__", "zone"}) {
		t.Errorf("label names %v", got)
	}
	head, rows := b.rowsOf(t, schema.RowsRequest{Kind: schema.KindRecorded, ID: "job:x", Limit: 1000})
	if head.Total != 599 || len(rows) != 599 || rows[0].Dims == nil {
		t.Errorf("%d rows, %d given, the newest of %v", head.Total, len(rows), rows[0].Dims)
	}
}

func isMarker(v float64) bool { return math.Float64bits(v) == 0x7ff0000000000002 }

func TestMetadataIsThatOfTheNames(t *testing.T) {
	b := newBench(t, nil)
	b.state.SetDecoder(foldtest.NewOpenDecoder())
	b.fold(board("z", "0", 0, 1))
	for q, want := range map[schema.MetadataRequest][]schema.Metadata{
		{}:                {{Field: 1000, Name: "board_a", Type: schema.Gauge, Help: "A.", Unit: "seconds"}, {Field: 1001, Name: "board_b"}},
		{Name: "board_b"}: {{Field: 1001, Name: "board_b"}},
		{Name: "other"}:   nil,
	} {
		var got []schema.Metadata
		err := b.ask(t, schema.ReadMetadata, q, func(data []byte) error {
			r := wire.NewReader(data)
			for len(r.Rest()) > 0 && r.Err() == nil {
				got = append(got, schema.Metadata{})
				got[len(got)-1].ReadBinary(r)
			}
			return r.Err()
		})
		if diff := gocmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%+v: %v (-want +got):\n%s", q, err, diff)
		}
	}
}

// board is a message of the board "b".
func board(zone, core string, seconds int, v float64) schema.Event {
	r := schema.Reading{Kind: schema.KindDevice, ID: "b", Clock: schema.ClockUnix, Time: at(seconds), Labels: []schema.Label{{Name: "zone", Value: zone}},
		Named: []schema.NamedValue{{Name: "board_a", Type: schema.Gauge, Help: "A.", Unit: "seconds", Value: v}, {Name: "board_b", Value: v}}}
	if core != "" {
		r.Dims = []schema.Label{{Name: "core", Value: core}}
	}
	return open(seconds, r)
}

func boardEnds(core string, seconds int) schema.Event {
	return open(seconds, schema.Reading{Kind: schema.KindDevice, ID: "b", Clock: schema.ClockUnix, Time: at(seconds), Ended: true, Dims: []schema.Label{{Name: "core", Value: core}}})
}

func open(seconds int, readings ...schema.Reading) schema.Event {
	return schema.Event{Topic: foldtest.SporeTopic(farm, "open"), Received: at(seconds), Payload: foldtest.OpenPayload(readings)}
}

// TestTheOrderOfArrivalDoesNotShowWhereDimensionsAreSent is for boards whose
// labels change, and whose series end by word.
func TestTheOrderOfArrivalDoesNotShowWhereDimensionsAreSent(t *testing.T) {
	r := foldtest.Rand(foldtest.Seed(t))
	var all []schema.Event
	zone := 0
	for i := range 400 {
		if r.IntN(40) == 0 {
			zone++
		}
		for core := range 3 {
			seconds := 10*i + core
			if r.IntN(60) == 0 && i > 0 {
				all = append(all, boardEnds(fmt.Sprint(core), seconds))
			} else if r.IntN(20) > 0 || i == 0 {
				all = append(all, board(fmt.Sprintf("z%d", zone%3), fmt.Sprint(core), seconds, float64(i)))
			}
		}
	}
	for i := range all {
		all[i].Received = at(10_000 + i)
	}
	ask := func(b *bench, q schema.SelectRequest) []series { return withSamples(b.mustSelect(t, q)) }
	first := newBench(t, nil)
	first.state.SetDecoder(foldtest.NewOpenDecoder())
	first.fold(all...)
	for range 3 {
		other := newBench(t, nil)
		other.state.SetDecoder(foldtest.NewOpenDecoder())
		shuffled := slices.Clone(all)
		r.Shuffle(len(shuffled)-3, func(i, j int) { shuffled[3+i], shuffled[3+j] = shuffled[3+j], shuffled[3+i] }) // each core was heard of
		for part := range slices.Chunk(shuffled, 300) {
			other.fold(part...)
			other.checkpoint(t)
		}
		for range 60 {
			from := r.IntN(4200)
			q := schema.SelectRequest{Matchers: []schema.Matcher{name("board_a")}, From: ms(from), To: ms(from + 1 + r.IntN(4000)>>r.IntN(6)), Latest: r.IntN(2) == 0}
			if diff := gocmp.Diff(ask(first, q), ask(other, q), sameFloats); diff != "" {
				t.Fatalf("%+v (-in order +shuffled):\n%s", q, diff)
			}
		}
	}
}
