package readport

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"weir/pkg/schema"
)

// readers returns how many requests read.
func (b *bench) readers() (n int) {
	for _, turn := range b.port.turns {
		n += len(turn)
	}
	return n
}

// plenty is more time for a request, in milliseconds, than a busy machine needs.
const plenty = 600_000

// some returns a bench with some history, and the request for all of it.
func some(t *testing.T, configure func(*Config)) (*bench, schema.SelectRequest) {
	t.Helper()
	b := newBench(t, configure)
	for i := range 400 {
		for n := range 5 {
			b.fold(node(farm, fmt.Sprintf("n%d", n), "z", float64(i)/3, at(10*i)))
		}
	}
	return b, schema.SelectRequest{Matchers: []schema.Matcher{equal("service", "farm")}, To: ms(4000), TimeoutMS: plenty}
}

func TestARequestWaitsForItsTurnUntilItsTimeIsOver(t *testing.T) {
	b, q := some(t, func(c *Config) { c.Readers = 1 })
	b.port.turns[forSeries] <- struct{}{} // somebody reads
	q.TimeoutMS = 10
	_, err := b.selectSeries(t, q)
	var got *refused
	if !errors.As(err, &got) || *got != (refused{"503", "aggregator is not available: the request's time is over"}) {
		t.Errorf("got %v", err)
	}
	<-b.port.turns[forSeries]
	q.TimeoutMS = plenty
	if all, err := b.selectSeries(t, q); err != nil || len(all) < 50 {
		t.Errorf("%d series, %v", len(all), err)
	}
}

func TestManyAskAtOnce(t *testing.T) {
	b, q := some(t, func(c *Config) { c.Readers = 2 })
	want := b.mustSelect(t, q)
	results := make(chan error)
	for range 20 {
		go func() {
			all, err := b.selectSeries(t, q)
			if err == nil && len(all) != len(want) {
				err = fmt.Errorf("%d series, want %d", len(all), len(want))
			}
			results <- err
		}()
	}
	for range 20 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	eventually(t, "nobody reads", func() bool { return b.readers() == 0 })
}

// long returns a bench whose answers are longer than a courier goes ahead.
func long(t *testing.T) (*bench, schema.SelectRequest) {
	t.Helper()
	return longOf(t, newBench(t, nil))
}

func longOf(t *testing.T, b *bench) (*bench, schema.SelectRequest) {
	t.Helper()
	const rows, nodes = 400, 60
	for i := range rows {
		var events []schema.Event
		for n := range nodes {
			events = append(events, node(farm, fmt.Sprintf("n%d", n), "z", float64(i)/3, at(10*i)))
		}
		b.fold(events...)
	}
	return b, schema.SelectRequest{Matchers: []schema.Matcher{equal("service", "farm")}, To: ms(10 * rows), TimeoutMS: plenty}
}

// ahead takes the messages that come without an acknowledgement. It returns how
// many, and those that ask for one.
func ahead(t *testing.T, sub *nats.Subscription) (n int, asks []*nats.Msg) {
	t.Helper()
	for len(asks) < 2 {
		m, err := sub.NextMsg(patience)
		if err != nil {
			t.Fatal(err)
		}
		if len(m.Data) == 0 {
			continue // it only asks whether somebody listens
		}
		if n++; m.Reply != "" {
			asks = append(asks, m)
		}
		if m.Header.Get(schema.MoreHeader) == "" {
			t.Fatalf("the answer ended after %d messages", n)
		}
	}
	return n, asks
}

func TestNothingIsSentFarAheadOfWhoReads(t *testing.T) {
	b, q := long(t)
	sub := b.open(t, schema.ReadSelect, q)
	n, asks := ahead(t, sub)
	if n != 2*ackEvery || b.readers() != 1 {
		t.Fatalf("%d messages ahead, %d readers", n, b.readers())
	}
	// Until it is acknowledged, nothing comes but questions whether somebody listens.
	m, err := sub.NextMsg(patience)
	if err != nil || len(m.Data) > 0 || m.Reply == "" {
		t.Fatalf("got %+v, %v", m, err)
	}
	for _, m := range append(asks, m) {
		if err := m.Respond(nil); err != nil {
			t.Fatal(err)
		}
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
	eventually(t, "nobody reads", func() bool { return b.readers() == 0 })
}

func TestWhoGoesAwayIsNotReadFor(t *testing.T) {
	b, q := long(t)
	sub := b.open(t, schema.ReadSelect, q)
	ahead(t, sub)
	if err := sub.Unsubscribe(); err != nil {
		t.Fatal(err)
	}
	if err := <-b.seen; !errors.Is(err, errGone) {
		t.Errorf("the request ended with %v", err)
	}
	eventually(t, "nobody reads", func() bool { return b.readers() == 0 })
}

func TestTheTimeOfARequestThatIsNotReadIsOver(t *testing.T) {
	b, q := long(t)
	q.TimeoutMS = 300
	sub := b.open(t, schema.ReadSelect, q)
	for {
		m, err := sub.NextMsg(patience)
		if err != nil {
			t.Fatal(err)
		}
		if code := m.Header.Get("Nats-Service-Error-Code"); code != "" {
			if text := m.Header.Get("Nats-Service-Error"); code != "503" || !strings.Contains(text, "time is over") {
				t.Errorf("refused with %s %s", code, text)
			}
			break
		}
	}
	eventually(t, "nobody reads", func() bool { return b.readers() == 0 })
}

func TestAPortThatStopsRefusesWhatItReads(t *testing.T) {
	b, q := long(t)
	sub := b.open(t, schema.ReadSelect, q)
	ahead(t, sub)
	if err := b.port.Stop(); err != nil {
		t.Fatal(err)
	}
	for {
		m, err := sub.NextMsg(patience)
		if err != nil {
			t.Fatal(err)
		}
		if code := m.Header.Get("Nats-Service-Error-Code"); code != "" {
			if text := m.Header.Get("Nats-Service-Error"); code != "503" || !strings.Contains(text, "stopping") {
				t.Errorf("refused with %s %s", code, text)
			}
			return
		}
	}
}
