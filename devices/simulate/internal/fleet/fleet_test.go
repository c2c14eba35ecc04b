package fleet

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"weir/devices/simulate/internal/payload"
	"weir/devices/simulate/internal/scene"
	"weir/pkg/schema"
	"weir/pkg/schema/decode"
	"weir/pkg/schema/decode/exposition"
)

var began = time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)

func config() Config {
	return Config{
		Seed: 1, Tenants: []Tenant{{"demo", "north"}, {"demo", "south"}}, Nodes: 20, Proplets: 10, Tasks: 4, Boards: 4, DataNodes: 3,
		TimeOfDay: 8 * time.Hour, Began: began, Speed: 1,
	}
}

// devices are all devices of a fleet.
func (f *Fleet) devices() []*Device {
	var all []*Device
	for _, n := range f.Nodes {
		all = append(all, &n.Device)
	}
	for _, p := range f.Proplets {
		all = append(all, &p.Device)
	}
	for _, b := range f.Boards {
		all = append(all, &b.Device)
	}
	for _, d := range f.DataNodes {
		all = append(all, &d.Device)
	}
	return all
}

// play has all devices act for a time.
func play(f *Fleet, length time.Duration, see func(d *Device, at time.Duration, turn Turn)) {
	for _, d := range f.devices() {
		for {
			at, ok := d.Next()
			if !ok || at >= length {
				break
			}
			see(d, at, d.Act())
		}
	}
}

func TestTheSameSeedSendsTheSame(t *testing.T) {
	record := func(seed uint64) []string {
		c := config()
		c.Seed, c.Malformed, c.Losses = seed, 0.05, 2
		c.Plan = scene.Plan{Scenes: []scene.Name{scene.Storm}, After: time.Minute, For: 2 * time.Minute, Every: 5 * time.Minute}
		var all []string
		play(New(c), 6*time.Minute, func(d *Device, at time.Duration, turn Turn) {
			all = append(all, fmt.Sprint(d.Name, at, turn.Online))
			for _, m := range turn.Messages {
				all = append(all, m.Topic+" "+string(m.Payload))
			}
		})
		return all
	}
	first := record(1)
	if diff := cmp.Diff(first, record(1)); diff != "" {
		t.Errorf("the second time differs:\n%.2000s", diff)
	}
	if cmp.Equal(first, record(2)) {
		t.Error("another seed sends the same")
	}
}

func TestNodesHaveTheRegistrysFirmwareMix(t *testing.T) {
	c := config()
	c.Nodes = 300
	versions, zones := map[string]int{}, map[string]int{}
	for _, n := range New(c).Nodes {
		p, ok := n.Peek(0)
		if !ok {
			continue
		}
		versions[p.Labels.Version]++
		zones[p.Labels.Zone]++
		known := LabelsOf(p.Labels.Version)
		if p.Labels.Stable != known.Stable || p.Labels.Env != known.Env || p.Labels.Type != "spore-node" {
			t.Errorf("%s: labels %+v do not match the registry's %+v", n.Name, p.Labels, known)
		}
	}
	if diff := cmp.Diff(map[string]int{"1.0.0": 120, "1.1.0": 120, "1.2.0": 60}, versions); diff != "" {
		t.Errorf("versions (-want +got):\n%s", diff)
	}
	if len(zones) != 3 {
		t.Errorf("zones %v: expected three", zones)
	}
}

// see decodes a message as the server does.
func see(t *testing.T, d *Device, m Message) ([]schema.Reading, *schema.Rejection) {
	t.Helper()
	if m.Kind == KindBoard {
		if want := "expo/demo/" + d.Tenant.Subservice + "/" + d.Name + "/metrics"; m.Topic != want {
			t.Errorf("a board publishes on %s: expected %s", m.Topic, want)
		}
		if _, err := exposition.New().Parse(string(m.Payload), exposition.Options{}); err != nil {
			return nil, &schema.Rejection{Detail: err.Error()}
		}
		return nil, nil
	}
	topic, ok := decode.ParseTopic(m.Topic)
	if !ok || topic.Kind == decode.TopicBad || topic.Tenant != schema.Tenant(d.Tenant) {
		t.Fatalf("%s is no topic of %s's", m.Topic, d.Name)
	}
	return decode.New().Decode(topic, m.Payload)
}

func TestTheServerTakesAllThatIsSentButTheMalformed(t *testing.T) {
	c := config()
	c.Malformed = 0.05
	sent, malformed := map[Kind]int{}, 0
	dialects := map[schema.Dialect]bool{}
	play(New(c), 10*time.Minute, func(d *Device, at time.Duration, turn Turn) {
		for _, m := range turn.Messages {
			readings, rejection := see(t, d, m)
			if (rejection != nil) != m.Malformed {
				t.Fatalf("malformed %v, but the decoder says %v of %s: %s", m.Malformed, rejection, m.Topic, m.Payload)
			}
			sent[m.Kind]++
			if m.Malformed {
				malformed++
			}
			for _, r := range readings {
				dialects[r.Dialect] = true
				if !strings.HasPrefix(r.ID, d.Name) {
					t.Errorf("%s sends a reading of %s", d.Name, r.ID)
				}
			}
		}
	})
	total := 0
	for _, k := range []Kind{KindNode, KindESP8266, KindCreate, KindAlive, KindProplet, KindTask, KindBoard, KindHealth, KindStats} {
		if sent[k] == 0 {
			t.Errorf("nothing of kind %s was sent", k)
		}
		total += sent[k]
	}
	if share := float64(malformed) / float64(total); share < 0.035 || share > 0.065 {
		t.Errorf("%.3f of the messages are malformed: expected 0.05", share)
	}
	for _, d := range []schema.Dialect{schema.DialectGateway, schema.DialectESP8266, schema.DialectD0, schema.DialectD1, schema.DialectD2, schema.DialectD3, schema.DialectHealth, schema.DialectStats} {
		if !dialects[d] {
			t.Errorf("no message was of dialect %v", d)
		}
	}
}

func TestClocksAreRightDriftOrAreLost(t *testing.T) {
	c := config()
	c.Nodes, c.Proplets, c.Tasks, c.Boards, c.DataNodes = 400, 0, 0, 0, 0
	kinds := map[string]int{}
	play(New(c), 10*time.Second, func(d *Device, at time.Duration, turn Turn) {
		for _, m := range turn.Messages {
			if m.Kind != KindNode {
				continue
			}
			readings, _ := see(t, d, m)
			off := time.Unix(0, readings[0].Time).Sub(began.Add(at)).Abs()
			switch {
			case readings[0].Time == 0: // a number before 2020 is an uptime to the server
				kinds["lost"]++
			case off < time.Second:
				kinds["right"]++
			case off <= 2*time.Minute:
				kinds["drifting"]++
			default:
				t.Errorf("%s is off by %v", d.Name, off)
			}
		}
	})
	if kinds["right"] < 240 || kinds["drifting"] < 5 || kinds["lost"] < 3 {
		t.Errorf("%v: expected about 270, 21 and 9 of 300", kinds)
	}
}

func TestWhatIsMeasuredWithoutAConnectionComesLateWithItsOwnTime(t *testing.T) {
	c := config()
	c.Plan = scene.Plan{Scenes: []scene.Name{scene.Outage}, After: time.Minute, For: 2 * time.Minute, Every: 3 * time.Minute}
	kept, silent := map[string]int{}, map[string]bool{}
	play(New(c), 4*time.Minute, func(d *Device, at time.Duration, turn Turn) {
		if turn.Online {
			return
		}
		silent[d.Name] = true
		for _, m := range turn.Messages {
			kept[d.Name]++
			if m.Kind == KindAlive {
				t.Errorf("%s keeps a heartbeat", d.Name)
			}
			if readings, _ := see(t, d, m); len(readings) == 1 && readings[0].Time > 0 {
				if off := time.Unix(0, readings[0].Time).Sub(began.Add(at)).Abs(); off > 3*time.Minute {
					t.Errorf("%s dates a message %v off", d.Name, off)
				}
			}
		}
	})
	// The first node and the first proplet are struck always; boards have no clock.
	if kept["spore-01"] < 10 || kept["proplet-01"] < 40 || !silent["board-1"] || kept["board-1"] != 0 {
		t.Errorf("kept %v: expected the readings of two minutes of nodes and proplets, none of boards", kept)
	}
}

func TestSpeedMovesTheDayNotTheClocks(t *testing.T) {
	c := config()
	c.Speed = 60
	c.Proplets, c.Boards, c.DataNodes = 0, 0, 0
	play(New(c), time.Hour, func(d *Device, at time.Duration, turn Turn) {
		for _, m := range turn.Messages {
			readings, _ := see(t, d, m)
			if readings[0].Time > 0 && time.Unix(0, readings[0].Time).After(began.Add(4*time.Minute)) {
				t.Fatalf("%s says %v after a minute", d.Name, time.Unix(0, readings[0].Time).Sub(began))
			}
		}
	})
}

// The document of a gateway has whole seconds, whatever the fleet's speed is.
func TestAGatewaysNodesSayWholeSeconds(t *testing.T) {
	c := config()
	c.Speed = 20
	for _, n := range New(c).Nodes {
		if p, ok := n.Peek(time.Minute + 50*time.Millisecond); ok && strings.Contains(string(p.JSON()[:30]), ".") {
			t.Errorf("a node's document begins with %s", p.JSON()[:30])
		}
	}
}

func TestPeekingChangesNothing(t *testing.T) {
	plain, peeked := New(config()), New(config())
	var want, got []string
	play(plain, time.Minute, func(_ *Device, _ time.Duration, turn Turn) {
		for _, m := range turn.Messages {
			want = append(want, string(m.Payload))
		}
	})
	play(peeked, time.Minute, func(_ *Device, at time.Duration, turn Turn) {
		for _, m := range turn.Messages {
			got = append(got, string(m.Payload))
		}
		peeked.Nodes[0].Peek(at + 5*time.Second)
		peeked.Boards[0].Peek(at + 5*time.Second)
		peeked.DataNodes[0].Peek(at + 5*time.Second)
		peeked.Nodes[1].Reading(at + 5*time.Second)
	})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-without +with):\n%.2000s", diff)
	}
}

func TestARolloutsVersionStays(t *testing.T) {
	f := New(config())
	n := f.Nodes[0]
	n.Order("1.2.0")
	labels := payload.Labels{}
	play(f, time.Minute, func(*Device, time.Duration, Turn) {})
	if p, ok := n.Peek(time.Minute); ok {
		labels = p.Labels
	}
	if labels.Version != "1.2.0" || labels.Env != "beta" {
		t.Errorf("labels %+v: expected those of 1.2.0", labels)
	}
}
