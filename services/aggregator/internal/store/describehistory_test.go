package store

import (
	"bytes"
	"testing"

	"weir/services/aggregator/internal/fold"
	"weir/services/aggregator/internal/foldtest"
	"weir/services/aggregator/internal/history"

	"weir/pkg/schema"
)

// sealedJournal is one node's readings over a little more than a chunk.
func sealedJournal() []*schema.Frame {
	yard := schema.Tenant{Service: "farm", Subservice: "yard"}
	f := &schema.Frame{Writer: "w", Number: 1}
	for i := range int64(history.ChunkRows + 3) {
		at := foldtest.Start + i*10e9
		f.Events = append(f.Events, schema.Event{Topic: foldtest.SporeTopic(yard, "n"), Received: at, Payload: foldtest.SporeNode("n", "z1", float64(i), at)})
	}
	return []*schema.Frame{f}
}

func TestADifferenceOfAChunkNamesTheRow(t *testing.T) {
	want, got := foldAtOnce(t, sealedJournal()), foldAtOnce(t, sealedJournal())
	key, value := firstOf(t, got.db, keyChunk)
	opened, err := history.OpenChunk(value)
	if err != nil {
		t.Fatal(err)
	}
	var rows []history.Row
	if err := chunkRows(&opened, func(r *history.Row) { rows = append(rows, *r) }); err != nil {
		t.Fatal(err)
	}
	if len(rows) != history.ChunkRows {
		t.Fatalf("%d rows", len(rows))
	}
	rows[77].Fields = []schema.FieldValue{{Field: schema.SporeCPUUsagePercent, Value: 0.5}}
	mustSet(t, got.db, key, new(history.Encoder).Chunk(nil, rows))
	d, err := Compare(got, want)
	if err != nil || d == nil {
		t.Fatalf("difference %v, error %v", d, err)
	}
	const chunk = `main chunk 1 of track 1, spore_node "n" of farm/yard {type="spore-node" version="1.0.0" zone="z1"} in the bucket from 2026-01-02T00:00:00Z`
	const row = "2026-01-02T03:16:55Z reading 78, dialect gateway, clock unix seconds, cpu.usage_percent=0.5"
	if d.Record != chunk || d.Field != "row 77" || d.OnDisk != row {
		t.Errorf("got %s", d)
	}
}

func TestADamagedChunkIsNamed(t *testing.T) {
	s := foldAtOnce(t, sealedJournal())
	key, value := firstOf(t, s.db, keyChunk)
	for name, damaged := range map[string][]byte{"empty": nil, "cut": value[:10], "another track's": chunkOfOneRow(foldtest.Start - 1)} {
		t.Run(name, func(t *testing.T) {
			mustSet(t, s.db, key, damaged)
			h, err := s.History()
			if err != nil {
				t.Fatal(err)
			}
			defer h.Close()
			_, _, err = h.Chunks(1, 1, 0, 1<<62)
			if err == nil || !bytes.Contains([]byte(err.Error()), []byte("store is damaged: main chunk 1 of track 1 in the bucket from 2026-01-02T00:00:00Z")) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func chunkOfOneRow(time int64) []byte {
	return new(history.Encoder).Chunk(nil, []history.Row{{Time: time, Arrival: 1, Fields: []schema.FieldValue{{Field: schema.SporeCPUUsagePercent, Value: 1}}}})
}

// FuzzRecords describes and loads whatever stands under a key: no record may do
// more than give an error.
func FuzzRecords(f *testing.F) {
	s, err := Open(Config{Dir: f.TempDir()})
	if err != nil {
		f.Fatal(err)
	}
	state, err := s.Load(fold.DefaultSettings())
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { s.Close() })
	for i, frame := range append(smallJournal(), sealedJournal()...) {
		state.Apply(uint64(i+1), frame)
	}
	if err := s.Commit(state); err != nil {
		f.Fatal(err)
	}
	iter, err := s.db.NewIter(nil)
	if err != nil {
		f.Fatal(err)
	}
	for ok := iter.First(); ok; ok = iter.Next() {
		f.Add(bytes.Clone(iter.Key()), bytes.Clone(iter.Value()))
	}
	iter.Close()
	meta := state.Meta()
	f.Fuzz(func(t *testing.T, key, value []byte) {
		if len(key) == 0 {
			return
		}
		describer{s.db}.describe(key, value)
		if m, err := readMeta(value); err == nil && m.Settings.Windows > 0 {
			if again, err := readMeta(appendMeta(nil, m)); err != nil || !again.Settings.Equal(m.Settings) {
				t.Errorf("the head %+v comes back as %+v, %v", m, again, err)
			}
		}
		loadRecord(fold.NewLoader(meta), key, value)
	})
}

// loadRecord gives a record to a loader that has a tenant, a source and a track.
func loadRecord(l *fold.Loader, key, value []byte) {
	tenant := schema.Tenant{Service: "farm", Subservice: "yard"}
	l.Tenant(schema.TenantState{Tenant: tenant})
	l.TenantHistory(fold.TenantHistory{Tenant: tenant, Number: 1})
	l.Source(1, schema.Source{Tenant: tenant, Kind: schema.KindSporeNode, ID: "n"})
	l.Track(&fold.Track{Number: 1, Source: 1})
	for _, load := range []func(*fold.Loader, []byte, []byte) error{loadName, loadTenant, loadBucket, loadSource, loadTrack, loadPage, loadWindow, loadSegment, loadWriter} {
		load(l, key, value)
	}
}
