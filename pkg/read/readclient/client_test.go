package readclient_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"weir/pkg/journal"
	"weir/pkg/journal/natstest"
	"weir/pkg/read/readclient"
	"weir/pkg/schema"
	"weir/pkg/schema/wire"
)

// partition is not 0, so that a forgotten one shows.
const partition = 3

func subject(endpoint string) string { return schema.ReadPortSubject(partition, endpoint) }

func open(t *testing.T, nc *nats.Conn) *readclient.Client {
	t.Helper()
	c, err := readclient.New(nc, partition)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// start returns a client and a connection for who answers it.
func start(t *testing.T) (*readclient.Client, *nats.Conn) {
	t.Helper()
	s := natstest.Run(t)
	return open(t, natstest.Connect(t, s)), natstest.Connect(t, s)
}

// patience bounds what must come but may take its time on a busy machine.
const patience = time.Minute

// inTime asks again while the answer is late: a health check has less time than a
// busy machine may stand still. It returns the last error.
func inTime(ask func() error) (err error) {
	for range 20 {
		if err = ask(); !errors.Is(err, readclient.ErrLate) && !errors.Is(err, context.DeadlineExceeded) {
			break
		}
	}
	return err
}

func collect(c *readclient.Client, req schema.SourcesRequest) (all []*schema.Source, err error) {
	err = c.Sources(context.Background(), req, func(s *schema.Source) { all = append(all, s) })
	return all, err
}

func source(i int) *schema.Source {
	return &schema.Source{
		Tenant: schema.Tenant{Service: "factory", Subservice: "line1"}, Kind: schema.KindSporeNode, ID: fmt.Sprintf("spore-%05d", i),
		Fields: []schema.FieldValue{{Field: schema.SporeCPUUsagePercent, Value: float64(i) / 4}},
		Labels: []schema.Label{{Name: "zone", Value: "zone-1"}},
	}
}

func TestAStreamedAnswerIsPutTogether(t *testing.T) {
	c, nc := start(t)
	var want []*schema.Source
	chunks := [][]byte{nil} // a message without a record is no mistake
	for i := range 5_000 {
		want = append(want, source(i))
		if last := &chunks[len(chunks)-1]; len(*last) < 8<<10 && i > 0 {
			*last = want[i].AppendBinary(*last)
		} else {
			chunks = append(chunks, want[i].AppendBinary(nil))
		}
	}
	asked := make(chan []byte, 1)
	natstest.Answer(t, nc, subject(schema.ReadSources), func(request []byte) [][]byte {
		asked <- request
		return chunks
	})
	request := schema.SourcesRequest{Kinds: []schema.Kind{schema.KindSporeNode, schema.KindTask}, Labels: map[string]string{"zone": "zone-1"}}
	got, err := collect(c, request)
	if err != nil {
		t.Fatal(err)
	}
	if len(chunks) < 20 || !reflect.DeepEqual(got, want) {
		t.Errorf("%d sources of %d chunks came as %d", len(want), len(chunks), len(got))
	}
	var arrived schema.SourcesRequest
	if err := json.Unmarshal(<-asked, &arrived); err != nil || !reflect.DeepEqual(arrived, request) {
		t.Errorf("the request came as %+v, %v", arrived, err)
	}
}

func TestNoSourceIsAnEmptyAnswer(t *testing.T) {
	c, nc := start(t)
	natstest.Answer(t, nc, subject(schema.ReadSources), func([]byte) [][]byte { return [][]byte{nil} })
	if got, err := collect(c, schema.SourcesRequest{}); err != nil || len(got) != 0 {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestPagesBeginWithTheirTotal(t *testing.T) {
	c, nc := start(t)
	reading := schema.StoredReading{Time: 5, Parent: "b1a2", Fields: []schema.FieldValue{{Field: schema.TaskCPUPercent, Value: 12.25}}}
	letter := schema.DeadLetter{Seq: 9, Reason: schema.ReasonNotJSON, Event: schema.Event{Topic: "m/a/c/b/metrics/proplet", Payload: []byte("{")}}
	head := schema.RowsHead{Total: 1000, Until: "1:1200"}
	natstest.Answer(t, nc, subject(schema.ReadRows), func([]byte) [][]byte {
		return [][]byte{head.AppendBinary(nil), reading.AppendBinary(nil), reading.AppendBinary(nil)}
	})
	natstest.Answer(t, nc, subject(schema.ReadDeadLetters), func([]byte) [][]byte {
		return [][]byte{letter.AppendBinary(wire.AppendUint(nil, 1))}
	})
	gotHead, rows, err := c.Rows(context.Background(), schema.RowsRequest{Kind: schema.KindTask, ID: "6f0c", Limit: 2})
	if err != nil || gotHead != head || !reflect.DeepEqual(rows, []schema.StoredReading{reading, reading}) {
		t.Errorf("got %+v of %+v, %v", rows, gotHead, err)
	}
	letters, total, err := c.DeadLetters(context.Background(), schema.DeadLettersRequest{Seq: 9, Limit: 1})
	if err != nil || total != 1 || !reflect.DeepEqual(letters, []schema.DeadLetter{letter}) {
		t.Errorf("got %+v of %d, %v", letters, total, err)
	}
}

func TestTenantsBeginWithTheCursor(t *testing.T) {
	c, nc := start(t)
	tenant := func(applied uint64) schema.TenantState {
		s := schema.TenantState{Tenant: schema.Tenant{Service: "factory", Subservice: "line1"}, Applied: applied}
		s.ServiceTime.Add(15)
		return s
	}
	for endpoint, applied := range map[string]uint64{schema.ReadTenants: 1, schema.ReadReset: 2} {
		natstest.Answer(t, nc, subject(endpoint), func([]byte) [][]byte {
			s := tenant(applied)
			return [][]byte{s.AppendBinary(wire.AppendUint(nil, 77))}
		})
	}
	got, err := c.Tenants(context.Background())
	if err != nil || !reflect.DeepEqual(got, []schema.TenantState{tenant(1)}) {
		t.Errorf("Tenants gives %+v, %v", got, err)
	}
	got, err = c.Reset(context.Background())
	if err != nil || !reflect.DeepEqual(got, []schema.TenantState{tenant(2)}) {
		t.Errorf("Reset gives %+v, %v", got, err)
	}
}

func TestJSONAnswers(t *testing.T) {
	c, nc := start(t)
	ctx := context.Background()
	accounting := schema.Accounting{Tenants: []schema.TenantAccount{}, Sum: schema.AccountNumbers{Received: 3, Applied: 3}}
	aggregator := schema.AggregatorHealth{Cursor: 9, Sources: 4}
	ingest := schema.IngestHealth{Broker: "running", ClientsConnected: 2}
	replay := schema.ReplayAnswer{JournalSeq: 5, Accepted: true}
	answer := func(v any) func([]byte) [][]byte {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return func([]byte) [][]byte { return [][]byte{b} }
	}
	natstest.Answer(t, nc, subject(schema.ReadAccounting), answer(accounting))
	natstest.Answer(t, nc, subject(schema.ReadHealth), answer(aggregator))
	natstest.Answer(t, nc, schema.IngestHealthSubject, answer(ingest))
	replayed := make(chan []byte, 1)
	natstest.Answer(t, nc, schema.IngestReplaySubject, func(request []byte) [][]byte {
		replayed <- request
		return answer(replay)(nil)
	})

	if got, err := c.Accounting(ctx); err != nil || !reflect.DeepEqual(got, accounting) {
		t.Errorf("Accounting gives %+v, %v", got, err)
	}
	var gotAggregator schema.AggregatorHealth
	err := inTime(func() (err error) { gotAggregator, err = c.AggregatorHealth(ctx); return err })
	if err != nil || !reflect.DeepEqual(gotAggregator, aggregator) {
		t.Errorf("AggregatorHealth gives %+v, %v", gotAggregator, err)
	}
	var gotIngest schema.IngestHealth
	if err := inTime(func() (err error) { gotIngest, err = c.IngestHealth(ctx); return err }); err != nil || gotIngest != ingest {
		t.Errorf("IngestHealth gives %+v, %v", gotIngest, err)
	}
	letter := schema.DeadLetter{Seq: 3, Event: schema.Event{Payload: []byte{0xff}}}
	if got, err := c.Replay(ctx, &letter); err != nil || got != replay {
		t.Errorf("Replay gives %+v, %v", got, err)
	}
	if got := <-replayed; string(got) != string(letter.AppendBinary(nil)) {
		t.Errorf("the replayed letter came as %x", got)
	}
}

func TestNobodyAnswers(t *testing.T) {
	c, _ := start(t)
	assertNobody(t, c)
}

func TestNATSIsGone(t *testing.T) {
	s := natstest.Run(t)
	nc := natstest.Connect(t, s)
	c := open(t, nc)
	nc.Close()
	assertNobody(t, c)
	if err := c.CheckJournal(context.Background()); err == nil {
		t.Error("the journal is said to answer")
	}
}

func assertNobody(t *testing.T, c *readclient.Client) {
	t.Helper()
	ctx := context.Background()
	for name, row := range map[string]struct {
		ask  func() error
		want error
	}{
		"sources":     {func() error { _, err := collect(c, schema.SourcesRequest{}); return err }, readclient.ErrNoAggregator},
		"select":      {func() error { return c.Select(ctx, schema.SelectRequest{}, nil) }, readclient.ErrNoAggregator},
		"labelnames":  {func() error { _, err := c.LabelNames(ctx, schema.LabelNamesRequest{}); return err }, readclient.ErrNoAggregator},
		"labelvalues": {func() error { _, err := c.LabelValues(ctx, schema.LabelValuesRequest{}); return err }, readclient.ErrNoAggregator},
		"cardinality": {func() error { _, err := c.Cardinality(ctx, schema.CardinalityRequest{}); return err }, readclient.ErrNoAggregator},
		"rows":        {func() error { _, _, err := c.Rows(ctx, schema.RowsRequest{}); return err }, readclient.ErrNoAggregator},
		"tenants":     {func() error { _, err := c.Tenants(ctx); return err }, readclient.ErrNoAggregator},
		"reset":       {func() error { _, err := c.Reset(ctx); return err }, readclient.ErrNoAggregator},
		"deadletters": {func() error { _, _, err := c.DeadLetters(ctx, schema.DeadLettersRequest{}); return err }, readclient.ErrNoAggregator},
		"accounting":  {func() error { _, err := c.Accounting(ctx); return err }, readclient.ErrNoAggregator},
		"aggregator":  {func() error { _, err := c.AggregatorHealth(ctx); return err }, readclient.ErrNoAggregator},
		"ingest":      {func() error { _, err := c.IngestHealth(ctx); return err }, readclient.ErrNoIngest},
		"replay":      {func() error { _, err := c.Replay(ctx, &schema.DeadLetter{}); return err }, readclient.ErrNoIngest},
	} {
		if err := inTime(row.ask); !errors.Is(err, row.want) {
			t.Errorf("%s gives %v, want %v", name, err, row.want)
		}
	}
}

func TestAServiceRefuses(t *testing.T) {
	c, nc := start(t)
	natstest.Refuse(t, nc, subject(schema.ReadSources), "400", "no such kind")
	natstest.Refuse(t, nc, subject(schema.ReadAccounting), "500", "the store is closed")
	_, bySources := collect(c, schema.SourcesRequest{})
	_, byAccounting := c.Accounting(context.Background())
	for _, row := range []struct {
		err  error
		want readclient.Refused
	}{
		{bySources, readclient.Refused{Code: "400", Description: "no such kind"}},
		{byAccounting, readclient.Refused{Code: "500", Description: "the store is closed"}},
	} {
		var refused *readclient.Refused
		if !errors.As(row.err, &refused) || *refused != row.want {
			t.Errorf("got %v, want %+v", row.err, row.want)
		}
	}
}

func TestAnswersThatDoNotComeInTime(t *testing.T) {
	c, nc := start(t)
	for _, s := range []string{subject(schema.ReadSources), subject(schema.ReadAccounting)} {
		natstest.Answer(t, nc, s, func([]byte) [][]byte { return nil })
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if err := c.Sources(ctx, schema.SourcesRequest{}, func(*schema.Source) {}); !errors.Is(err, readclient.ErrLate) {
		t.Errorf("Sources gives %v", err)
	}
	if _, err := c.Accounting(ctx); !errors.Is(err, readclient.ErrLate) {
		t.Errorf("Accounting gives %v", err)
	}
}

func TestWhoAskedGoesAway(t *testing.T) {
	c, nc := start(t)
	ctx, cancel := context.WithCancel(context.Background())
	natstest.Answer(t, nc, subject(schema.ReadSources), func([]byte) [][]byte { cancel(); return nil })
	if err := c.Sources(ctx, schema.SourcesRequest{}, func(*schema.Source) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("Sources gives %v", err)
	}
}

func TestBrokenAnswers(t *testing.T) {
	whole := source(1).AppendBinary(nil)
	for name, chunks := range map[string][][]byte{
		"a record is cut off":               {whole[:len(whole)-1]},
		"the second message is cut off":     {whole, whole[:3]},
		"a length is longer than the chunk": {{0xff, 0xff, 0x03, 'a'}},
	} {
		t.Run(name, func(t *testing.T) {
			c, nc := start(t)
			natstest.Answer(t, nc, subject(schema.ReadSources), func([]byte) [][]byte { return chunks })
			if _, err := collect(c, schema.SourcesRequest{}); !errors.Is(err, readclient.ErrBroken) {
				t.Errorf("got %v", err)
			}
		})
	}
	t.Run("a page without its total", func(t *testing.T) {
		c, nc := start(t)
		natstest.Answer(t, nc, subject(schema.ReadDeadLetters), func([]byte) [][]byte { return [][]byte{nil} })
		if _, _, err := c.DeadLetters(context.Background(), schema.DeadLettersRequest{}); !errors.Is(err, readclient.ErrBroken) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("rows without their head", func(t *testing.T) {
		c, nc := start(t)
		natstest.Answer(t, nc, subject(schema.ReadRows), func([]byte) [][]byte { return [][]byte{nil} })
		if _, _, err := c.Rows(context.Background(), schema.RowsRequest{}); !errors.Is(err, readclient.ErrBroken) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("text that is not JSON", func(t *testing.T) {
		c, nc := start(t)
		natstest.Answer(t, nc, subject(schema.ReadAccounting), func([]byte) [][]byte { return [][]byte{[]byte("{")} })
		if _, err := c.Accounting(context.Background()); !errors.Is(err, readclient.ErrBroken) {
			t.Errorf("got %v", err)
		}
	})
}

// What is sent while a connection is down is lost, and the last message says
// nothing of the ones before it: the answer must not pass for a whole one, and
// one that is lost altogether must not be waited for until it is late.
func TestTheConnectionBreaksWithinAnAnswer(t *testing.T) {
	for name, answer := range map[string][][]byte{
		"and its last message comes": {source(1).AppendBinary(nil)},
		"and nothing comes":          nil,
	} {
		t.Run(name, func(t *testing.T) {
			if err := breakWithin(t, answer); !errors.Is(err, readclient.ErrBroken) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// breakWithin returns the error of a request whose connection breaks and comes
// back before the answer is sent.
func breakWithin(t *testing.T, answer [][]byte) error {
	s, err := server.NewServer(&server.Options{DontListen: true, NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(s.WaitForShutdown)
	t.Cleanup(s.Shutdown)
	connect := func(options ...nats.Option) *nats.Conn {
		nc, err := nats.Connect("", append(options, nats.InProcessServer(s), nats.Timeout(patience))...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(nc.Close)
		return nc
	}
	back := make(chan struct{})
	nc := connect(nats.ReconnectWait(time.Millisecond), nats.ReconnectHandler(func(*nats.Conn) { close(back) }))
	id, err := nc.GetClientID()
	if err != nil {
		t.Fatal(err)
	}
	natstest.Answer(t, connect(), subject(schema.ReadSources), func([]byte) [][]byte {
		if err := s.DisconnectClientByID(id); err != nil {
			t.Error(err)
		}
		<-back
		return answer
	})
	_, err = collect(open(t, nc), schema.SourcesRequest{})
	return err
}

func TestCheckJournal(t *testing.T) {
	c, nc := start(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	check := func() error { return inTime(func() error { return c.CheckJournal(ctx) }) }
	if err := check(); !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Errorf("without a stream it gives %v", err)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: journal.StreamName(partition), Subjects: []string{"j"}}); err != nil {
		t.Fatal(err)
	}
	if err := check(); err != nil {
		t.Errorf("with its stream it gives %v", err)
	}
}
