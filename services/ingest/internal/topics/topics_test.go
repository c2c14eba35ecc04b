package topics

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"weir/pkg/schema"
	"weir/pkg/schema/decode"
	"weir/pkg/schema/decode/mapping"
)

func set(t *testing.T, yaml string) *mapping.Set {
	t.Helper()
	s, err := mapping.Parse([]byte(yaml))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func accept([]byte) error { return nil }

const plant = "[{match: 'plant/{subservice}/{device}', service: factory, payload: number, name: temp}]"

func TestATopicIsOursByItsShapeOrByAMapping(t *testing.T) {
	table := New()
	if err := table.Change(set(t, plant), accept); err != nil {
		t.Fatal(err)
	}
	hall := schema.Tenant{Service: "factory", Subservice: "hall"}
	for _, c := range []struct {
		name, topic string
		ours        bool
		kind        decode.TopicKind
		tenant      schema.Tenant
	}{
		{"a proplet's", "m/factory/c/hall/control/proplet/alive", true, decode.TopicAlive, hall},
		{"nearly a proplet's", "m//c/hall/control/proplet/alive", true, decode.TopicBad, schema.Tenant{}},
		{"a mapped one", "plant/hall/d1", true, decode.TopicMapped, hall},
		{"one that weir maps by itself", "j/factory/hall/d1/x", true, decode.TopicMapped, hall},
		{"one that names no tenant", "plant/a b/d1", true, decode.TopicBad, schema.Tenant{}},
		{"any other", "home/kitchen", false, decode.TopicBad, schema.Tenant{}},
		{"what only weir may write to", schema.MappingsTopic, false, decode.TopicBad, schema.Tenant{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for range 2 { // the second time it is known
				got := table.Parse(c.topic)
				if got.Ours != c.ours || got.Ours && got.Kind != c.kind || got.Tenant != c.tenant {
					t.Errorf("%+v", got)
				}
			}
		})
	}
}

func TestMappingsComeIntoForceWhenTheyArePut(t *testing.T) {
	table := New()
	before := table.Parse("plant/hall/d1")
	own := table.Parse("m/factory/c/hall/control/proplet/alive")
	closed := errors.New("closed")
	if err := table.Change(set(t, plant), func([]byte) error { return closed }); !errors.Is(err, closed) || !table.Current(&before) {
		t.Errorf("put by %v", err)
	}
	puts := 0
	for range 2 {
		if err := table.Change(set(t, plant), func([]byte) error { puts++; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if puts != 1 {
		t.Errorf("the same mappings were put %d times", puts)
	}
	if table.Current(&before) || table.Enter(&before) {
		t.Error("what was parsed before is still current")
	}
	if !table.Current(&own) || !table.Enter(&own) {
		t.Error("a topic of our own shapes is not current any more")
	}
	table.Leave(&own)
	if got := table.Parse("plant/hall/d1"); !got.Ours {
		t.Errorf("%+v", got)
	}
	if topic, ours := table.ParseReplay("plant/hall/d1"); !ours || topic.Kind != decode.TopicMapped {
		t.Errorf("put in again it is %+v", topic)
	}
}

// TestWhatIsReadByMappingsIsBehindThem changes the mappings while many publish: what
// is in the queue must be ours by the set that stands before it.
func TestWhatIsReadByMappingsIsBehindThem(t *testing.T) {
	table := New()
	var mu sync.Mutex
	var queue []any // sets, and topics
	var taken atomic.Int64
	enqueue := func(v any) {
		mu.Lock()
		defer mu.Unlock()
		queue = append(queue, v)
	}
	sets := []*mapping.Set{set(t, plant), mapping.Shipped(), set(t, "[{match: 'plant/{service}/{device}', subservice: x, payload: text}]")}
	var publishing, changing sync.WaitGroup
	done := make(chan struct{})
	changing.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-done:
				return
			default:
			}
			s := sets[i%len(sets)]
			if err := table.Change(s, func([]byte) error { enqueue(s); return nil }); err != nil {
				t.Error(err)
			}
		}
	})
	for n := range 4 {
		publishing.Go(func() {
			for i := 0; i < 3000 || taken.Load() == 0; i++ {
				p := table.Parse(fmt.Sprintf("plant/hall/d%d", (n+i)%5))
				for !table.Enter(&p) {
					p = table.Parse(fmt.Sprintf("plant/hall/d%d", (n+i)%5))
				}
				if p.Ours {
					enqueue(p)
					taken.Add(1)
				}
				table.Leave(&p)
			}
		})
	}
	publishing.Wait()
	close(done)
	changing.Wait()
	now, mapped := mapping.Shipped(), 0
	for _, v := range queue {
		switch v := v.(type) {
		case *mapping.Set:
			now = v
		case Topic:
			m, ours := now.Match("plant/hall/d1")
			if !ours || m.Tenant != v.Tenant {
				t.Fatalf("%+v is in the queue, by the mappings before it it is %v, %+v", v.Tenant, ours, m.Tenant)
			}
			mapped++
		}
	}
	if mapped == 0 {
		t.Error("nothing was mapped")
	}
}
