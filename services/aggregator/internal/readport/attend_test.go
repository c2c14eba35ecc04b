package readport

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"weir/services/aggregator/internal/fold"

	"weir/pkg/journal/natstest"
	"weir/pkg/schema"
)

func TestWhoGoesAwayDoesNotWaitForItsTurn(t *testing.T) {
	b, q := some(t, func(c *Config) { c.Readers = 1 })
	b.port.turns[forSeries] <- struct{}{} // somebody reads, and goes on
	if err := b.open(t, schema.ReadSelect, q).Unsubscribe(); err != nil {
		t.Fatal(err)
	}
	if err := <-b.seen; !errors.Is(err, errGone) {
		t.Errorf("the request ended with %v", err)
	}
}

// farAway is a NATS server from which everything takes longer than it is looked
// whether somebody listens.
type farAway struct{ *natstest.Outlet }

// InProcessConn implements nats.InProcessConnProvider.
func (f farAway) InProcessConn() (net.Conn, error) {
	conn, err := f.Outlet.InProcessConn()
	return slowConn{conn}, err
}

type slowConn struct{ net.Conn }

func (c slowConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	<-time.After(2 * lookEvery)
	return n, err
}

func TestAServerThatIsFarAwayTellsWhoIsGone(t *testing.T) {
	nc, err := nats.Connect("", nats.InProcessServer(farAway{natstest.NewOutlet(t)}), nats.Timeout(patience))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	sub, err := nc.SubscribeSync("there")
	if err != nil {
		t.Fatal(err)
	}
	there, cancel := attended(t.Context(), nc, sub.Subject)
	defer cancel()
	gone, cancel := attended(t.Context(), nc, "gone")
	defer cancel()
	select {
	case <-gone.Done():
	case <-time.After(patience):
	}
	if cause := context.Cause(gone); !errors.Is(cause, errGone) || there.Err() != nil {
		t.Errorf("of one that is gone: %v, of one that is not: %v", cause, there.Err())
	}
}

// soonOver is a context that is over once it was asked some times.
type soonOver struct {
	context.Context
	left int
}

func (c *soonOver) Err() error {
	if c.left--; c.left < 0 {
		return context.DeadlineExceeded
	}
	return nil
}

// A track may have tens of thousands of fields: each takes its time.
func TestTheFieldsOfATrackAreReadNoLongerThanItsTime(t *testing.T) {
	b, fields := wide(t, 300)
	for name, q := range map[string]schema.SelectRequest{
		"their newest samples":                {Latest: true},
		"their newest samples, a while later": {Latest: true, To: ms(600)},
		"all their samples":                   {},
	} {
		t.Run(name, func(t *testing.T) {
			q.From, q.To = ms(0), max(q.To, ms(20))
			s := selection{request: &q, staleness: b.port.Staleness, to: &stream{}}
			s.first, s.last = nanoseconds(q.From, q.To)
			var tracks []fold.TrackMatch
			var err error
			s.reader, err = b.port.enter(t.Context(), forSeries, func(state *fold.State) {
				tracks, s.names = state.SelectTracks(nil, s.first, s.last), state.FieldNames()
			})
			if err != nil {
				t.Fatal(err)
			}
			defer b.port.leave(s.reader, &err)
			if len(tracks) != 1 || len(tracks[0].Matched) != fields {
				t.Fatalf("%d tracks", len(tracks))
			}
			s.ctx = &soonOver{t.Context(), 10}
			if err := s.track(&tracks[0]); !errors.Is(err, ErrUnavailable) || s.series != 10 {
				t.Errorf("%d series, and then %v", s.series, err)
			}
		})
	}
}

func TestNeitherPagesNorRulesWaitForQueries(t *testing.T) {
	b, q := some(t, func(c *Config) { c.Readers = 1 })
	b.port.turns[forSeries] <- struct{}{}
	if _, rows := b.rowsOf(t, schema.RowsRequest{Kind: schema.KindSporeNode, ID: "n1", Limit: 10}); len(rows) != 10 {
		t.Errorf("%d rows", len(rows))
	}
	if all := b.sourcesAt(t, schema.SourcesRequest{At: at(100)}); len(all) != 5 {
		t.Errorf("%d sources", len(all))
	}
	q.TimeoutMS = 1
	if _, err := b.selectSeries(t, q); err == nil {
		t.Error("a query does not wait")
	}
	q.TimeoutMS = plenty
	b.header = nats.Header{schema.RulesHeader: {"1"}}
	if all, err := b.selectSeries(t, q); err != nil || len(all) == 0 {
		t.Errorf("rules have %d series, %v", len(all), err)
	}
	eventually(t, "nobody reads but the first", func() bool { return b.readers() == 1 })
}

// Who reads slowly, but reads, is not taken for gone.
func TestWhoTakesItsTimeToReadGetsAll(t *testing.T) {
	b, q := long(t)
	sub := b.open(t, schema.ReadSelect, q)
	_, asks := ahead(t, sub)
	asked := 0
	for asked < 3 { // it looked three times whether somebody listens
		m, err := sub.NextMsg(patience)
		if err != nil || len(m.Data) > 0 {
			t.Fatalf("got %+v, %v", m, err)
		}
		asked++
	}
	for _, m := range asks {
		m.Respond(nil)
	}
	for more := true; more; {
		m, err := sub.NextMsg(patience)
		if err != nil || m.Header.Get("Nats-Service-Error") != "" {
			t.Fatalf("got %+v, %v", m, err)
		}
		if m.Reply != "" {
			m.Respond(nil)
		}
		more = m.Header.Get(schema.MoreHeader) != ""
	}
}

// fragile is a NATS server whose connections can be broken.
type fragile struct {
	*natstest.Outlet
	conn net.Conn // the latest
}

// InProcessConn implements nats.InProcessConnProvider.
func (f *fragile) InProcessConn() (conn net.Conn, err error) {
	f.conn, err = f.Outlet.InProcessConn()
	return f.conn, err
}

// What was on its way when the connection broke is lost: an acknowledgement that
// never comes, or a part that nobody would miss.
func TestAnAnswerWhoseConnectionBrokeIsRefused(t *testing.T) {
	server := &fragile{Outlet: natstest.NewOutlet(t)}
	b, q := longOf(t, newBench(t, func(c *Config) {
		nc, err := nats.Connect("", nats.InProcessServer(server), nats.Timeout(patience), nats.MaxReconnects(-1), nats.ReconnectWait(time.Millisecond))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(nc.Close)
		c.NATS = nc
	}))
	b.asker = server.Connect()
	sub := b.open(t, schema.ReadSelect, q)
	ahead(t, sub)
	if err := server.conn.Close(); err != nil {
		t.Fatal(err)
	}
	late := time.Now().Add(patience)
	for code := ""; code != "503"; {
		if time.Now().After(late) {
			t.Fatal("nothing was said of it")
		}
		m, err := sub.NextMsg(patience)
		if err != nil {
			t.Fatal(err)
		}
		code = m.Header.Get("Nats-Service-Error-Code")
		if m.Header.Get(schema.MoreHeader) == "" && code == "" {
			t.Fatal("it ended as if it were whole")
		}
	}
	if err := <-b.seen; !errors.Is(err, ErrUnavailable) {
		t.Errorf("the request ended with %v", err)
	}
}
