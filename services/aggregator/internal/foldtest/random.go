package foldtest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"

	"weir/pkg/schema"
	"weir/pkg/schema/decode"
	"weir/pkg/schema/decode/mapping"
)

// SeedVariable names the environment variable that replays a random test.
const SeedVariable = "WEIR_TEST_SEED"

// Seed returns the seed of a random test, and logs how to replay it.
func Seed(t testing.TB) uint64 {
	t.Helper()
	seed := rand.Uint64()
	if text := os.Getenv(SeedVariable); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("%s: %v", SeedVariable, err)
		}
	}
	t.Logf("replay with %s=%d", SeedVariable, seed)
	return seed
}

// Rand returns the random numbers of a seed.
func Rand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

// Item is one thing that a journal tells: just one of the pointers is set.
type Item struct {
	Event      *schema.Event
	Disconnect *schema.Disconnect
	Operations *schema.Operations
	Reset      *schema.Reset
}

// Generator makes random journals of a small fleet in which all that the fold
// knows happens, and happens often.
type Generator struct {
	rng     *rand.Rand
	now     int64
	clients []*client
	tenants []schema.Tenant
	resets  int

	// Open has the generator make events for an OpenDecoder too: for states that
	// have one.
	Open bool
}

type client struct {
	id     string
	packet uint16
	recent []schema.Event // QoS 1 and 2, for retransmissions
}

// NewGenerator returns a generator with these random numbers.
func NewGenerator(rng *rand.Rand) *Generator {
	g := &Generator{rng: rng, now: Start, tenants: []schema.Tenant{{Service: "factory", Subservice: "line1"}, {Service: "factory", Subservice: "line2"}, {Service: "farm", Subservice: "x"}}}
	for i := range 9 {
		g.clients = append(g.clients, &client{id: fmt.Sprintf("client-%d", i)})
	}
	return g
}

// Items returns the next n items. Time always passes from one to the next, and
// sometimes hours do.
func (g *Generator) Items(n int) []Item {
	items := make([]Item, n)
	for i := range items {
		g.now += 1 + g.rng.Int64N(2e9)
		if g.rng.IntN(100) == 0 {
			g.now += g.rng.Int64N(3 * 3600e9)
		}
		items[i] = g.item()
	}
	return items
}

func (g *Generator) item() Item {
	switch n := g.rng.IntN(100); {
	case n < 3:
		return Item{Disconnect: &schema.Disconnect{Client: g.client().id, At: g.now, Clean: n == 0}}
	case n < 6:
		return Item{Operations: g.operations()}
	case n < 7:
		g.resets++
		return Item{Reset: &schema.Reset{ID: fmt.Sprintf("reset-%d", g.resets), At: g.now}}
	}
	e := g.event()
	return Item{Event: &e}
}

// client prefers a few: these fill their duplicate windows.
func (g *Generator) client() *client {
	if g.rng.IntN(3) > 0 {
		return g.clients[g.rng.IntN(2)]
	}
	return g.clients[g.rng.IntN(len(g.clients))]
}

func (g *Generator) tenant() schema.Tenant { return g.tenants[g.rng.IntN(len(g.tenants))] }

func (g *Generator) operations() *schema.Operations {
	o := &schema.Operations{Tenant: g.tenant(), Counters: []schema.CounterDelta{{Counter: schema.IncomingResponseSize, Delta: g.rng.Uint64N(100)}}}
	for range g.rng.IntN(5) {
		o.ServiceTime.Add(g.rng.Uint64N(1e7))
	}
	return o
}

// event returns a new event, or a retransmission of a recent one.
func (g *Generator) event() schema.Event {
	c := g.client()
	if len(c.recent) > 0 && g.rng.IntN(8) == 0 {
		e := c.recent[g.rng.IntN(len(c.recent))]
		e.Dup, e.Received = true, g.now
		return e
	}
	e := g.message()
	e.Client, e.Received = c.id, g.now
	if e.Topic == decode.MappingsTopic {
		return e // which no client sends, so that it is not sent again
	}
	if e.QoS = uint8(g.rng.IntN(3)); e.QoS > 0 {
		c.packet = max(1, c.packet+1)
		e.PacketID = c.packet
		c.recent = append(c.recent, e)
		c.recent = c.recent[max(0, len(c.recent)-20):]
	}
	return e
}

// moment returns a device's time: mostly a little ago, sometimes long ago, and
// sometimes by a clock that is wrong.
func (g *Generator) moment() int64 {
	switch g.rng.IntN(13) {
	case 0:
		return 5e9
	case 1:
		return g.now + 3600e9
	case 2:
		return g.now - g.rng.Int64N(24*3600e9)
	case 3, 4:
		return g.now - g.rng.Int64N(120e9)
	}
	return g.now - g.rng.Int64N(5e8)
}

func (g *Generator) message() schema.Event {
	t, cpu := g.tenant(), float64(g.rng.IntN(1000))/10
	task, proplet, host := fmt.Sprintf("task-%d", g.rng.IntN(6)), fmt.Sprintf("proplet-%d", g.rng.IntN(4)), fmt.Sprintf("node-%d", g.rng.IntN(6))
	zone := fmt.Sprintf("zone-%d", g.rng.IntN(2))
	if g.rng.IntN(40) == 0 { // who is there for some hours only
		host = fmt.Sprintf("guest-%d", g.now/(4*3600e9))
	}
	switch g.rng.IntN(20) {
	case 14, 15:
		return schema.Event{Topic: decode.RecordedTopic, Payload: g.recorded(), Route: schema.RouteRule}
	case 16:
		return schema.Event{Topic: DataNodeTopic(t, host, "health"), Payload: Health(cpu > 50, g.moment())}
	case 17:
		return schema.Event{Topic: DataNodeTopic(t, host, "stats"), Payload: Stats(int(cpu), g.moment())}
	case 18, 19:
		if g.rng.IntN(8) == 0 {
			return g.mappings()
		}
		if g.rng.IntN(2) == 0 {
			return g.mapped(t, host)
		}
		if g.Open {
			return schema.Event{Topic: SporeTopic(t, "open"), Payload: OpenPayload(g.openReadings())}
		}
		return schema.Event{Topic: SporeTopic(t, host), Payload: bareNode(host, cpu, g.moment())}
	case 0:
		return schema.Event{Topic: AliveTopic(t), Payload: Alive(proplet)}
	case 1:
		return schema.Event{Topic: AliveTopic(t), Payload: Will(proplet), Route: schema.RouteWill}
	case 2:
		return schema.Event{Topic: CreateTopic(t), Payload: Create(proplet, zone)}
	case 3, 4:
		return schema.Event{Topic: PropletMetricsTopic(t), Payload: PropletMetrics(proplet, cpu, g.moment())}
	case 5, 6:
		return schema.Event{Topic: SporeTopic(t, host), Payload: SporeNode(host, zone, cpu, g.moment())}
	case 7:
		return schema.Event{Topic: SporeTopic(t, "gateway"), Payload: Gateway(g.moment(), SporeNode(host, zone, cpu, g.moment()), SporeNode("node-x", zone, cpu, g.moment()))}
	case 8:
		return g.malformed(t)
	case 9:
		return schema.Event{Topic: TaskTopic(t), Payload: Task(task, proplet, cpu, g.moment()), Route: schema.RouteReplay}
	}
	return schema.Event{Topic: TaskTopic(t), Payload: Task(task, proplet, cpu, g.moment())}
}

func (g *Generator) malformed(t schema.Tenant) schema.Event {
	switch g.rng.IntN(7) {
	case 5:
		return schema.Event{Topic: decode.RecordedTopic, Payload: []byte(`{"time_ms":1}`)} // nobody but a rule may
	case 6:
		return schema.Event{Topic: decode.RecordedTopic, Payload: []byte(`{}`), Route: schema.RouteRule}
	case 0:
		return schema.Event{Topic: TaskTopic(t), Payload: []byte(`{"task_id":`)}
	case 1:
		return schema.Event{Topic: "m//c/x/control/proplet/alive", Payload: Alive("p")}
	case 2:
		return schema.Event{Topic: TaskTopic(t), Payload: []byte(`{"task_id":"`), Refused: &schema.Refusal{Reason: schema.ReasonTooLarge, Detail: "300000 bytes"}}
	case 3:
		return schema.Event{Topic: TaskTopic(t), Payload: []byte(`{"proplet_id":"p","metrics":{"cpu_percent":1}}`)}
	}
	return schema.Event{Topic: TaskTopic(t), Payload: []byte(`[]`)}
}

// Frames packs items into frames of random sizes up to most, in order, by many
// writers one after the other; some frames come twice. The writer's own count by
// tenant is in them, as ingest would have it.
func Frames(rng *rand.Rand, items []Item, most int) []*schema.Frame {
	var frames []*schema.Frame
	writer, number := 1, uint64(0)
	set := mapping.Shipped()
	for len(items) > 0 {
		if rng.IntN(15) == 0 {
			writer, number = writer+1, 0
		}
		number++
		f := &schema.Frame{Writer: fmt.Sprintf("writer-%d", writer), Number: number}
		n := 0
		for want := 1 + rng.IntN(most); n < len(items) && n < want && f.Reset == nil; n++ {
			add(f, items[n])
		}
		f.Received, set = Received(f, set)
		frames, items = append(frames, f), items[n:]
		if rng.IntN(30) == 0 {
			frames = append(frames, frames[max(0, len(frames)-1-rng.IntN(3))])
		}
	}
	return frames
}

func add(f *schema.Frame, i Item) {
	switch {
	case i.Event != nil:
		f.Events = append(f.Events, *i.Event)
	case i.Disconnect != nil:
		f.Disconnects = append(f.Disconnects, *i.Disconnect)
	case i.Operations != nil:
		f.Operations = append(f.Operations, *i.Operations)
	case i.Reset != nil:
		f.Reset = i.Reset
	}
}

// Received counts a frame's events by tenant, ascending. Topics are mapped by the
// set that holds before the frame; it returns the one that holds behind it.
func Received(f *schema.Frame, set *mapping.Set) ([]schema.TenantCount, *mapping.Set) {
	counts := map[schema.Tenant]uint64{}
	for i := range f.Events {
		e := &f.Events[i]
		t, _ := decode.ParseMapped(set, e.Route, e.Topic)
		if e.Counted() {
			counts[t.Tenant]++
		}
		if next, err := mapping.Unmarshal(e.Payload); err == nil && t.Kind == decode.TopicMappings {
			set = next
		}
	}
	var all []schema.TenantCount
	for t, n := range counts {
		all = append(all, schema.TenantCount{Tenant: t, Events: n})
	}
	slices.SortFunc(all, func(a, b schema.TenantCount) int { return a.Tenant.Compare(b.Tenant) })
	return all, set
}
