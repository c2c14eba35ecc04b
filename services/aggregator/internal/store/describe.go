package store

import (
	"encoding/hex"
	"fmt"
	"strconv"

	"github.com/cockroachdb/pebble/v2"

	"weir/services/aggregator/internal/fold"

	"weir/pkg/schema"
	"weir/pkg/schema/wire"
)

// record is a key and its value in words.
type record struct {
	name   string
	fields []field
}

type field struct{ name, value string }

func (r *record) add(name string, value any) {
	r.fields = append(r.fields, field{name, fmt.Sprint(value)})
}

// describer puts records into words. Records that name others by number are
// looked up in the same store.
type describer struct{ db pebble.Reader }

func (d describer) describe(key, value []byte) record {
	rec, err := d.decode(key, value)
	if err != nil {
		rec = record{name: fmt.Sprintf("key %q", key)}
		rec.add("error", err)
		rec.add("bytes", hex.EncodeToString(value))
	}
	return rec
}

func (d describer) decode(key, value []byte) (record, error) {
	switch key[0] {
	case keyBucket:
		return d.describeBucket(key, value)
	case keyChunk:
		return d.describeChunk(key, value)
	case keyClient:
		return describeWindow(key, value)
	case keyDeadLetter:
		return describeDeadLetter(value)
	case keyFormat:
		v, err := readVersion(value)
		return record{"format", []field{{"version", strconv.FormatUint(v, 10)}}}, err
	case keyWriter:
		return describeWriter(key, value)
	case keyMeta:
		return describeMeta(value)
	case keyMappings:
		return describeMappings(value)
	case keyName:
		return describeName(value)
	case keyLog:
		return d.describePage(key, value)
	case keySource:
		return d.describeSource(key, value)
	case keyTenant:
		return describeTenant(value)
	case keyTrack:
		return d.describeTrack(key, value)
	case keySegment:
		return d.describeSegment(key, value)
	case keyIndex:
		return describeIndex(key, value)
	}
	return record{}, fmt.Errorf("no such table")
}

func describeMeta(value []byte) (record, error) {
	m, err := readMeta(value)
	rec := record{name: "head"}
	rec.add("first journal position", m.Origin)
	rec.add("last journal position", m.Cursor)
	rec.add("journal made at", m.Journal)
	rec.add("clock", timestamp(m.Clock))
	rec.add("duplicate windows kept", m.Settings.Windows)
	rec.add("earliest plausible time", timestamp(m.Settings.Earliest))
	rec.add("clocks may be ahead by", m.Settings.Ahead)
	rec.add("limits", limitsText(m.Settings.Limits))
	for _, t := range m.Settings.Tenants {
		rec.add("limits of "+t.Tenant.String(), limitsText(t.Limits))
	}
	rec.add("sets of mappings of topics", m.Mappings)
	rec.add("names of values", m.Names)
	rec.add("tenants", m.Tenants)
	rec.add("tenants that ever had history", m.Histories)
	rec.add("sources", m.Sources)
	rec.add("sources that ever were", m.SourcesEver)
	rec.add("tracks", m.Tracks)
	rec.add("tracks that ever were", m.TracksEver)
	rec.add("rows of open logs", m.Rows)
	rec.add("chunks ever sealed", m.Chunks)
	rec.add("duplicate windows", m.Windows)
	rec.add("clients that ever had one", m.Clients)
	rec.add("entries ever made in them", m.Entries)
	rec.add("writers", m.Writers)
	rec.add("dead letters", m.DeadLetters)
	return rec, err
}

func describeMappings(value []byte) (record, error) {
	m, err := readMappings(value)
	rec := record{name: "mappings of topics"}
	rec.add("number", m.Number)
	rec.add("since", timestamp(m.Since))
	rec.add("set", string(m.Set))
	return rec, err
}

func describeName(value []byte) (record, error) {
	var m schema.Metadata
	r := wire.NewReader(value)
	m.ReadBinary(r)
	rec := record{name: fmt.Sprintf("field %d", m.Field)}
	rec.add("name", m.Name)
	rec.add("type", m.Type)
	rec.add("help", m.Help)
	rec.add("unit", m.Unit)
	return rec, r.Done()
}

func describeTenant(value []byte) (record, error) {
	var t schema.TenantState
	r := wire.NewReader(value)
	t.ReadBinary(r)
	rec := record{name: "tenant " + t.Tenant.String()}
	rec.add("received", t.Received)
	rec.add("applied", t.Applied)
	rec.add("duplicate", t.Duplicate)
	for _, reason := range schema.Reasons() {
		if n := t.Rejected[reason]; n > 0 {
			rec.add("rejected for "+reason.String(), n)
		}
	}
	rec.add("last rejected", timestamp(t.LastRejected))
	rec.add("clock skewed", t.ClockSkewed)
	rec.add("late", t.Late)
	rec.add("too old for history", t.HistoryTooOld)
	rec.add("sources", t.Sources)
	rec.add("series", t.Series)
	rec.add("bytes of history", t.HistoryBytes)
	for _, c := range schema.Counters {
		if n := t.Counters[c.Counter]; n > 0 {
			rec.add(c.PerseoName, n)
		}
	}
	s := &t.ServiceTime
	rec.add("service time", fmt.Sprintf("%d times, %d ns in all, %d to %d ns, median %d ns", s.Count, s.Sum, s.Min, s.Max, s.Quantile(0.5)))
	return rec, r.Done()
}

func (d describer) describeSource(key, value []byte) (record, error) {
	var s schema.Source
	r := wire.NewReader(value)
	s.ReadBinary(r)
	number, _ := numberOf(key)
	rec := record{name: sourceName(&s)}
	rec.add("number", number)
	rec.add("parent", s.Parent)
	rec.add("client", s.Client)
	rec.add("first seen", timestamp(s.FirstSeen))
	rec.add("last seen", timestamp(s.LastSeen))
	rec.add("presence", s.Presence)
	rec.add("presence since", timestamp(s.PresenceSince))
	rec.add("last alive", timestamp(s.LastAlive))
	rec.add("readings", s.Readings)
	rec.add("reading's time", timestamp(s.ReadingTime))
	rec.add("reading's receipt", timestamp(s.ReadingSeen))
	rec.add("expected every", s.Interval)
	rec.add("dialect", s.Dialect)
	rec.add("clock", clockText(s.Clock))
	rec.add("fields", d.fieldsText(s.Fields))
	rec.add("labels", labelsText(s.Labels))
	rec.add("attributes", labelsText(s.Attributes))
	return rec, r.Done()
}

func describeDeadLetter(value []byte) (record, error) {
	var l schema.DeadLetter
	r := wire.NewReader(value)
	l.ReadBinary(r)
	e := &l.Event
	rec := record{name: fmt.Sprintf("dead letter %d", l.Seq)}
	rec.add("reason", l.Reason)
	rec.add("detail", l.Detail)
	rec.add("tenant", l.Tenant)
	rec.add("topic", e.Topic)
	rec.add("client", e.Client)
	rec.add("receipt", timestamp(e.Received))
	rec.add("delivery", fmt.Sprintf("%s, packet %d, QoS %d, dup %t, retain %t", e.Route, e.PacketID, e.QoS, e.Dup, e.Retain))
	rec.add("payload", strconv.Quote(string(e.Payload)))
	return rec, r.Done()
}

func describeWindow(key, value []byte) (record, error) {
	number, _ := numberOf(key)
	w, err := readWindow(number, value)
	rec := record{name: fmt.Sprintf("duplicate window of client %q", w.ID)}
	rec.add("number", number)
	rec.add("entries ever made", w.Entered)
	rec.add("latest entry", w.Entry)
	return rec, err
}

func (d describer) describeSegment(key, value []byte) (record, error) {
	client, segment, _ := segmentOf(key)
	entries, err := readSegment(value)
	rec := record{name: fmt.Sprintf("segment %d of the duplicate window of %s", segment, d.clientName(client))}
	for i, e := range entries {
		rec.add(fmt.Sprintf("entry %d", segment*fold.SegmentSize+i), fmt.Sprintf("packet %d, hash %012x", e>>48, e&(1<<48-1)))
	}
	return rec, err
}

func describeWriter(key, value []byte) (record, error) {
	number, seq, err := readWriter(value)
	rec := record{name: fmt.Sprintf("writer %q", key[1:])}
	rec.add("last frame", number)
	rec.add("journal position", seq)
	return rec, err
}

func describeIndex(key, value []byte) (record, error) {
	t, reason, seq, _ := indexOf(key)
	r := wire.NewReader(value)
	rec := record{name: fmt.Sprintf("index of dead letter %d of %s for %s", seq, t, reason)}
	rec.add("ordinal", r.Uint())
	return rec, r.Done()
}
