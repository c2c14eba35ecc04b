package store

import (
	"bytes"
	"io"
	"math"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"weir/services/aggregator/internal/foldtest"

	"weir/pkg/golden"
	"weir/pkg/schema"
	"weir/pkg/schema/decode"
	"weir/pkg/schema/decode/mapping"
	"weir/pkg/schema/wire"
)

// smallJournal has a little of everything, written by hand.
func smallJournal() []*schema.Frame {
	const second = int64(1e9)
	at := func(s int64) int64 { return foldtest.Start + s*second }
	line1, yard := schema.Tenant{Service: "factory", Subservice: "line1"}, schema.Tenant{Service: "farm", Subservice: "yard"}
	ops := schema.Operations{Tenant: line1, Counters: []schema.CounterDelta{{Counter: schema.IncomingResponseSize, Delta: 16}}}
	ops.ServiceTime.AddN(900_000, 3)
	task := func(cpu float64, own, received int64, packet uint16, dup bool) schema.Event {
		return schema.Event{Topic: foldtest.TaskTopic(line1), Client: "proplet-1", Received: received, QoS: 2, PacketID: packet, Dup: dup, Payload: foldtest.Task("task-1", "proplet-1", cpu, own)}
	}
	frames := []*schema.Frame{
		{Writer: "ingest-1", Number: 1, Events: []schema.Event{
			{Topic: foldtest.CreateTopic(line1), Client: "proplet-1", Received: at(0), QoS: 2, PacketID: 1, Payload: foldtest.Create("proplet-1", "hall 3")},
			task(12.25, at(1), at(1), 2, false), task(50, at(5), at(5), 3, false),
		}, Operations: []schema.Operations{ops}},
		{Writer: "ingest-1", Number: 2, Events: []schema.Event{
			task(50, at(5), at(6), 3, true), task(20, at(3), at(7), 4, false), task(30, 5*second, at(8), 5, false),
			{Topic: foldtest.SporeTopic(yard, "spore-a"), Client: "gateway", Received: at(9), Payload: foldtest.SporeNode("spore-a", "zone-1", 20, at(9))},
			{Topic: foldtest.TaskTopic(line1), Client: "proplet-1", Received: at(10), QoS: 1, PacketID: 6, Payload: []byte(`{"task_id":`),
				Refused: &schema.Refusal{Reason: schema.ReasonTooLarge, Detail: "300000 bytes, at most 262144"}},
			{Topic: "elsewhere", Client: "gateway", Received: at(11), Payload: []byte(`{}`)},
		}},
		{Writer: "ingest-1", Number: 3, Disconnects: []schema.Disconnect{{Client: "gateway", At: at(20)}}},
		{Writer: "ingest-2", Number: 1, Events: []schema.Event{
			{Topic: foldtest.AliveTopic(line1), Client: "proplet-1", Received: at(30), Route: schema.RouteWill, Payload: foldtest.Will("proplet-1")},
		}},
	}
	frames = append(frames, recordedFrame(at), &schema.Frame{Writer: "ingest-2", Number: 2, Events: []schema.Event{
		{Topic: foldtest.DataNodeTopic(yard, "node", "health"), Received: at(50), Payload: foldtest.Health(true, at(50))},
		{Topic: foldtest.DataNodeTopic(yard, "node", "stats"), Received: at(51), Payload: foldtest.Stats(3, at(51))},
	}}, &schema.Frame{Writer: "ingest-2", Number: 3, Events: []schema.Event{
		{Topic: decode.MappingsTopic, Received: at(60), Route: schema.RouteRule, Payload: foldtest.Mappings[1].Marshal()},
		{Topic: "plant/farm/yard/pump/mode", Client: "pump", Received: at(61), Payload: []byte("on")},
	}})
	set := mapping.Shipped()
	for _, f := range frames {
		f.Received, set = foldtest.Received(f, set)
	}
	return frames
}

// recordedFrame is what a rule writes: two series of a metric, one of which ends.
func recordedFrame(at func(int64) int64) *schema.Frame {
	series := func(zone string) []schema.Label {
		return []schema.Label{{Name: "__name__", Value: "zone:cpu:avg"}, {Name: "zone", Value: zone}}
	}
	f := &schema.Frame{Writer: "alerter-1", Number: 1}
	for _, payload := range [][]byte{
		decode.EncodeRecorded(nil, at(40)/1e6, []decode.RecordedSample{{Labels: series("a"), Value: 0.1}, {Labels: series("b"), Value: math.NaN()}}, nil),
		decode.EncodeRecorded(nil, at(45)/1e6, []decode.RecordedSample{{Labels: series("a"), Value: math.Inf(1)}}, [][]schema.Label{series("b")}),
	} {
		f.Events = append(f.Events, schema.Event{Topic: decode.RecordedTopic, Client: "alerter", Received: at(45), Route: schema.RouteRule, Payload: payload})
	}
	return f
}

func TestDumpOfASmallJournal(t *testing.T) {
	var got bytes.Buffer
	if err := foldAtOnce(t, smallJournal()).Dump(&got); err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "small.dump", got.Bytes())
}

func TestTheFirstDifferenceIsNamed(t *testing.T) {
	line1 := schema.Tenant{Service: "factory", Subservice: "line1"}
	for _, test := range []struct {
		name   string
		change func(t *testing.T, db *pebble.DB)
		want   string
	}{
		{"nothing differs", func(*testing.T, *pebble.DB) {}, ""},
		{"a number of a tenant differs", func(t *testing.T, db *pebble.DB) {
			changeTenant(t, db, line1, func(s *schema.TenantState) { s.Applied += 2 })
		}, "tenant factory/line1: applied is 8 on disk, 6 by the journal"},
		{"a tenant has one reason more", func(t *testing.T, db *pebble.DB) {
			changeTenant(t, db, line1, func(s *schema.TenantState) { s.Rejected[schema.ReasonBadNumber] = 1 })
		}, "tenant factory/line1: rejected for bad_number is 1 on disk, nothing by the journal"},
		{"a tenant lacks a counter", func(t *testing.T, db *pebble.DB) {
			changeTenant(t, db, line1, func(s *schema.TenantState) { s.Counters[schema.IncomingErrors] = 0 })
		}, "tenant factory/line1: incomingTransactionsErrors is nothing on disk, 1 by the journal"},
		{"a source is missing", func(t *testing.T, db *pebble.DB) { mustDelete(t, db, appendNumber(nil, keySource, 3)) },
			`spore_node "spore-a" of farm/yard is missing on disk, present by the journal`},
		{"a log lacks a page", func(t *testing.T, db *pebble.DB) { mustDelete(t, db, appendPageKey(nil, 1, false, 0)) },
			`page 0 of the main log of track 1, proplet_task "task-1" of factory/line1 is missing on disk, present by the journal`},
		{"a track has another label", func(t *testing.T, db *pebble.DB) {
			_, value := firstOf(t, db, keyTrack)
			track, err := readTrack(1, value)
			if err != nil {
				t.Fatal(err)
			}
			track.Labels = []schema.Label{{Name: "zone", Value: "x"}}
			mustSet(t, db, appendNumber(nil, keyTrack, 1), appendTrack(nil, &track))
		}, `track 1 of proplet_task "task-1" of factory/line1: labels is zone="x" on disk,  by the journal`},
		{"an encoding differs and says the same", func(t *testing.T, db *pebble.DB) {
			key, value := firstOf(t, db, keyFormat)
			mustSet(t, db, key, []byte{value[0] | 0x80, 0})
		}, "format: encoding is 8500 on disk, 05 by the journal"},
		{"a record cannot be read", func(t *testing.T, db *pebble.DB) {
			key, _ := firstOf(t, db, keyMeta)
			mustSet(t, db, key, nil)
		}, `key "m": error is wire: record is too short on disk, nothing by the journal`},
	} {
		t.Run(test.name, func(t *testing.T) {
			want, got := foldAtOnce(t, smallJournal()), foldAtOnce(t, smallJournal())
			test.change(t, got.db)
			d, err := Compare(got, want)
			if err != nil {
				t.Fatal(err)
			}
			text := ""
			if d != nil {
				text = d.String()
			}
			if text != test.want {
				t.Errorf("got  %q\nwant %q", text, test.want)
			}
		})
	}
}

func changeTenant(t *testing.T, db *pebble.DB, tenant schema.Tenant, change func(*schema.TenantState)) {
	t.Helper()
	state := readTenant(t, db, tenant)
	change(&state)
	mustSet(t, db, appendTenantKey(nil, keyTenant, tenant), state.AppendBinary(nil))
}

func mustSet(t *testing.T, db *pebble.DB, key, value []byte) {
	t.Helper()
	if err := db.Set(key, value, nil); err != nil {
		t.Fatal(err)
	}
}

func mustDelete(t *testing.T, db *pebble.DB, key []byte) {
	t.Helper()
	if err := db.Delete(key, nil); err != nil {
		t.Fatal(err)
	}
}

// TestATornLogGivesAnEarlierCheckpoint cuts the end of Pebble's log off, as a
// disk that lied about a sync may leave it.
func TestATornLogGivesAnEarlierCheckpoint(t *testing.T) {
	rng := foldtest.Rand(foldtest.Seed(t))
	frames := foldtest.Frames(rng, openGenerator(rng).Items(600), 10)
	for range 10 {
		fs := vfs.NewCrashableMem()
		s := open1(t, fs)
		state := load1(t, s)
		checkpoints := map[uint64]bool{0: true}
		for i, f := range frames {
			state.Apply(uint64(i+1), f)
			if rng.IntN(10) == 0 {
				commit1(t, s, state)
				checkpoints[uint64(i+1)] = true
			}
		}
		crashed := fs.CrashClone(vfs.CrashCloneCfg{})
		last := "" // only what is being written can be torn
		eachFile(".log", func(_ *testing.T, _ *vfs.MemFS, path string) { last = max(last, path) })(t, crashed)
		cut(t, crashed, last, rng.Float64())
		s.Close()
		s = open1(t, crashed)
		state = load1(t, s)
		if !checkpoints[state.Cursor()] {
			t.Fatalf("the state goes up to %d, where no checkpoint was", state.Cursor())
		}
		for seq := state.Cursor() + 1; seq <= uint64(len(frames)); seq++ {
			state.Apply(seq, frames[seq-1])
		}
		commit1(t, s, state)
		mustEqual(t, s, foldAtOnce(t, frames))
		s.Close()
	}
}

func readTenant(t *testing.T, db *pebble.DB, tenant schema.Tenant) (state schema.TenantState) {
	t.Helper()
	value, found, err := get(db, appendTenantKey(nil, keyTenant, tenant))
	if err != nil || !found {
		t.Fatalf("tenant %s: found %t, error %v", tenant, found, err)
	}
	state.ReadBinary(wire.NewReader(value))
	return state
}

// cut leaves a share of a file.
func cut(t *testing.T, fs *vfs.MemFS, path string, share float64) {
	t.Helper()
	f, err := fs.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	out, err := fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := out.Write(data[:int(share*float64(len(data)))]); err != nil {
		t.Fatal(err)
	}
	out.Close()
}
