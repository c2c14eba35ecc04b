package readclient_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"weir/pkg/journal/natstest"
	"weir/pkg/read/readclient"
	"weir/pkg/schema"
)

// part makes a part of n samples, the first of them the at-th of its series.
func part(series uint64, first, last bool, at, n int) schema.SeriesPart {
	p := schema.SeriesPart{Series: series, First: first, Last: last}
	if first {
		p.Labels = []schema.Label{{Name: "__name__", Value: "spore_node_cpu_usage_percent"}, {Name: "node", Value: fmt.Sprint("spore-", series)}}
	}
	for i := at; i < at+n; i++ {
		p.T, p.V = append(p.T, int64(i)*15_000), append(p.V, float64(i)/7)
	}
	return p
}

// encode returns the parts as messages, one each.
func encode(parts ...schema.SeriesPart) (chunks [][]byte) {
	for _, p := range parts {
		chunks = append(chunks, p.AppendBinary(nil))
	}
	return chunks
}

// selected is a series as visit gets it.
type selected struct {
	Labels []schema.Label
	T      []int64
	V      []float64
}

func collectSeries(c *readclient.Client, ctx context.Context, req schema.SelectRequest) (all []selected, err error) {
	err = c.Select(ctx, req, func(labels []schema.Label, t []int64, v []float64) {
		all = append(all, selected{append([]schema.Label{}, labels...), t, v})
	})
	return all, err
}

func TestPartsOfASeriesAreJoined(t *testing.T) {
	c, nc := start(t)
	asked := make(chan []byte, 1)
	natstest.Answer(t, nc, subject(schema.ReadSelect), func(request []byte) [][]byte {
		asked <- request
		return encode(part(0, true, true, 3, 1), part(1, true, false, 0, 5), part(1, false, false, 5, 100), part(1, false, true, 105, 7), part(2, true, true, 0, 0), part(3, true, true, 9, 2))
	})
	req := schema.SelectRequest{
		Matchers: []schema.Matcher{{Type: schema.MatchRegexp, Name: "node", Value: "spore-.*"}},
		From:     -5, To: 1e13, Latest: true, Limit: 7, MaxSamples: 9, TimeoutMS: 1500,
	}
	got, err := collectSeries(c, context.Background(), req)
	if err != nil {
		t.Fatal(err)
	}
	want := []selected{}
	for i, p := range []schema.SeriesPart{part(0, true, true, 3, 1), part(1, true, true, 0, 112), part(2, true, true, 0, 0), part(3, true, true, 9, 2)} {
		want = append(want, selected{p.Labels, p.T, p.V})
		if len(p.T) == 0 {
			want[i].T, want[i].V = []int64(nil), []float64(nil)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("series (-want +got):\n%s", diff)
	}
	var arrived schema.SelectRequest
	if err := json.Unmarshal(<-asked, &arrived); err != nil || cmp.Diff(req, arrived) != "" {
		t.Errorf("the request came as %+v, %v", arrived, err)
	}
}

func TestAnAnswerWhosePartsDoNotFitIsBroken(t *testing.T) {
	for name, chunks := range map[string][][]byte{
		"the last part is missing":             encode(part(0, true, false, 0, 1)),
		"the first part is missing":            encode(part(0, false, true, 0, 1)),
		"a series begins within another":       encode(part(0, true, false, 0, 1), part(1, true, true, 0, 1)),
		"a series is missing":                  encode(part(0, true, true, 0, 1), part(2, true, true, 0, 1)),
		"a part belongs to another series":     encode(part(0, true, false, 0, 1), part(1, false, true, 1, 1)),
		"a part is cut off":                    {encode(part(0, true, true, 0, 5))[0][:60]},
		"what comes behind it is good again":   encode(part(1, true, true, 0, 1), part(0, true, true, 0, 1)),
		"a part has more times than it should": {append(encode(part(0, true, true, 0, 0))[0][:len(encode(part(0, true, true, 0, 0))[0])-1], 1, 0)},
	} {
		t.Run(name, func(t *testing.T) {
			c, nc := start(t)
			natstest.Answer(t, nc, subject(schema.ReadSelect), func([]byte) [][]byte { return chunks })
			if got, err := collectSeries(c, context.Background(), schema.SelectRequest{}); !errors.Is(err, readclient.ErrBroken) {
				t.Errorf("%d series, %v", len(got), err)
			}
		})
	}
}

func TestTooManySamplesAreToldApart(t *testing.T) {
	c, nc := start(t)
	natstest.Refuse(t, nc, subject(schema.ReadSelect), "422", "more than 5 samples")
	err := c.Select(context.Background(), schema.SelectRequest{MaxSamples: 5}, nil)
	var refused *readclient.Refused
	if !errors.Is(err, readclient.ErrTooManySamples) || !errors.As(err, &refused) || refused.Description != "more than 5 samples" {
		t.Errorf("got %v", err)
	}
	natstest.Refuse(t, nc, subject(schema.ReadLabelNames), "400", "bad expression")
	if _, err := c.LabelNames(context.Background(), schema.LabelNamesRequest{}); errors.Is(err, readclient.ErrTooManySamples) || !errors.As(err, &refused) {
		t.Errorf("got %v", err)
	}
}

func TestARequestCarriesTheCallersDeadline(t *testing.T) {
	c, nc := start(t)
	asked := make(chan schema.SelectRequest, 1)
	natstest.Answer(t, nc, subject(schema.ReadSelect), func(request []byte) [][]byte {
		var q schema.SelectRequest
		if err := json.Unmarshal(request, &q); err != nil {
			t.Error(err)
		}
		asked <- q
		return [][]byte{nil}
	})
	ctx, cancel := context.WithTimeout(context.Background(), 110*time.Second) // less than HistoryTimeout
	defer cancel()
	for _, test := range []struct {
		name        string
		ctx         context.Context
		own         int64
		least, most int64
	}{
		{"the context's", ctx, 0, 10_000, 110_000},
		{"its own, which is sooner", ctx, 7, 7, 7},
		{"the context's, which is sooner", ctx, 1e9, 10_000, 110_000},
		{"none of either", context.Background(), 0, readclient.HistoryTimeout.Milliseconds(), readclient.HistoryTimeout.Milliseconds()},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := collectSeries(c, test.ctx, schema.SelectRequest{TimeoutMS: test.own})
			if got := (<-asked).TimeoutMS; err != nil && test.own != 7 || got < test.least || got > test.most {
				t.Errorf("%d ms, %v", got, err)
			}
		})
	}
}

// Who evaluates rules says so, with each question about history.
func TestTheQuestionsOfRulesAreMarked(t *testing.T) {
	c, nc := start(t)
	marks := make(chan string, 2)
	sub, err := nc.Subscribe(subject(schema.ReadSelect), func(m *nats.Msg) {
		marks <- m.Header.Get(schema.RulesHeader)
		m.Respond(nil)
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sub.Unsubscribe() })
	flush(t, nc)
	for client, want := range map[*readclient.Client]string{c: "", c.ForRules(): "1"} {
		if _, err := collectSeries(client, t.Context(), schema.SelectRequest{}); err != nil {
			t.Fatal(err)
		}
		if got := <-marks; got != want {
			t.Errorf("marked with %q, not %q", got, want)
		}
	}
}

func TestTextsAndCardinality(t *testing.T) {
	c, nc := start(t)
	texts := func(all ...schema.Text) func([]byte) [][]byte {
		return func([]byte) [][]byte {
			chunks := [][]byte{nil}
			for i := range all {
				chunks = append(chunks, all[i].AppendBinary(nil))
			}
			return chunks
		}
	}
	natstest.Answer(t, nc, subject(schema.ReadLabelNames), texts("__name__", "node"))
	natstest.Answer(t, nc, subject(schema.ReadLabelValues), texts("a", "", "ü"))
	want := schema.Cardinality{Series: 3, SeriesByMetric: []schema.NameCount{{Name: "x", Count: 3}}, ValuesByLabel: []schema.NameCount{}, SeriesByPair: []schema.NameCount{}}
	natstest.Answer(t, nc, subject(schema.ReadCardinality), func([]byte) [][]byte {
		b, err := json.Marshal(want)
		if err != nil {
			t.Error(err)
		}
		return [][]byte{b}
	})
	ctx := context.Background()
	if got, err := c.LabelNames(ctx, schema.LabelNamesRequest{}); err != nil || !cmp.Equal(got, []string{"__name__", "node"}) {
		t.Errorf("names %q, %v", got, err)
	}
	if got, err := c.LabelValues(ctx, schema.LabelValuesRequest{Name: "zone"}); err != nil || !cmp.Equal(got, []string{"a", "", "ü"}) {
		t.Errorf("values %q, %v", got, err)
	}
	if got, err := c.Cardinality(ctx, schema.CardinalityRequest{Limit: 2}); err != nil || !cmp.Equal(got, want) {
		t.Errorf("cardinality %+v, %v", got, err)
	}
}

// A message with a reply subject is acknowledged once it was read, and not
// before; who gave up acknowledges nothing, and is found gone.
func TestMessagesAreAcknowledgedWhenTheyWereRead(t *testing.T) {
	c, nc := start(t)
	requests := make(chan *nats.Msg, 1)
	if _, err := nc.ChanSubscribe(subject(schema.ReadSelect), requests); err != nil {
		t.Fatal(err)
	}
	flush(t, nc)
	visited, goOn, done := make(chan bool, 10), make(chan bool), make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		done <- c.Select(ctx, schema.SelectRequest{}, func([]schema.Label, []int64, []float64) {
			visited <- true
			<-goOn
		})
	}()
	inbox := (<-requests).Reply
	acks, err := nc.SubscribeSync(nc.NewInbox())
	if err != nil {
		t.Fatal(err)
	}
	send := func(p schema.SeriesPart) {
		m := nats.NewMsg(inbox)
		m.Header.Set(schema.MoreHeader, "1")
		m.Reply, m.Data = acks.Subject, p.AppendBinary(nil)
		if err := nc.PublishMsg(m); err != nil {
			t.Fatal(err)
		}
		flush(t, nc)
	}
	send(part(0, true, true, 0, 3))
	<-visited
	if m, err := acks.NextMsg(0); err == nil {
		t.Fatalf("an acknowledgement before the message was read: %+v", m)
	}
	goOn <- true
	if m, err := acks.NextMsg(patience); err != nil || len(m.Data) != 0 || m.Header.Get("Status") != "" {
		t.Fatalf("got %+v, %v", m, err)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	for deadline := time.Now().Add(patience); ; {
		send(part(1, true, true, 0, 3))
		m, err := acks.NextMsg(50 * time.Millisecond) // one on its way when the listener went is lost
		if errors.Is(err, nats.ErrNoResponders) || err == nil && m.Header.Get("Status") == "503" {
			return
		}
		if err == nil || time.Now().After(deadline) {
			t.Fatalf("who is gone says %+v, %v", m, err)
		}
	}
}

func flush(t *testing.T, nc *nats.Conn) {
	t.Helper()
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
}

func BenchmarkSelectDecoding(b *testing.B) {
	s := natstest.Run(b)
	nc, answering := natstest.Connect(b, s), natstest.Connect(b, s)
	c, err := readclient.New(nc, partition)
	if err != nil {
		b.Fatal(err)
	}
	var parts []schema.SeriesPart
	for i := range 256 {
		p := part(uint64(i), true, true, 0, schema.MaxPartSamples)
		for j := range p.V {
			p.V[j] = math.Sqrt(float64(j))
		}
		parts = append(parts, p)
	}
	chunks := encode(parts...)
	natstest.Answer(b, answering, subject(schema.ReadSelect), func([]byte) [][]byte { return chunks })
	n := 0
	for b.Loop() {
		if err := c.Select(b.Context(), schema.SelectRequest{}, func(_ []schema.Label, t []int64, _ []float64) { n += len(t) }); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/sample")
}
