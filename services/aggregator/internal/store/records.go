package store

import (
	"encoding/binary"
	"errors"
	"time"

	"weir/services/aggregator/internal/fold"

	"weir/pkg/schema"
	"weir/pkg/schema/wire"
)

// formatVersion is the version of the keys and records of this package. The
// records of pkg/schema are part of it.
const formatVersion = 5

var errSegment = errors.New("a segment's length is no multiple of 8")

// numbers are the plain numbers of a head, in the order in which they are stored.
func numbers(m *fold.Meta) []*uint64 {
	return []*uint64{
		&m.Origin, &m.Cursor, &m.Mappings, &m.Names, &m.Tenants, &m.Histories, &m.Sources, &m.SourcesEver, &m.Tracks, &m.TracksEver,
		&m.Rows, &m.Chunks, &m.Windows, &m.Clients, &m.Entries, &m.Writers, &m.DeadLetters,
	}
}

func appendMeta(b []byte, m fold.Meta) []byte {
	for _, v := range numbers(&m) {
		b = wire.AppendUint(b, *v)
	}
	b = wire.AppendInt(b, m.Clock)
	b = wire.AppendString(b, m.Journal)
	s := &m.Settings
	b = wire.AppendInt(b, s.Earliest)
	b = wire.AppendInt(b, int64(s.Ahead))
	b = wire.AppendUint(b, uint64(s.Windows))
	b = appendLimits(b, s.Limits)
	b = wire.AppendUint(b, uint64(len(s.Tenants)))
	for _, t := range s.Tenants {
		b = wire.AppendString(b, t.Tenant.Service)
		b = wire.AppendString(b, t.Tenant.Subservice)
		b = appendLimits(b, t.Limits)
	}
	return b
}

func readMeta(value []byte) (m fold.Meta, err error) {
	r := wire.NewReader(value)
	for _, v := range numbers(&m) {
		*v = r.Uint()
	}
	m.Clock, m.Journal = r.Int(), r.String()
	m.Settings.Earliest, m.Settings.Ahead, m.Settings.Windows = r.Int(), time.Duration(r.Int()), int(r.Uint())
	m.Settings.Limits = readLimits(r)
	for range r.Count() {
		m.Settings.Tenants = append(m.Settings.Tenants, fold.TenantLimits{
			Tenant: schema.Tenant{Service: r.String(), Subservice: r.String()}, Limits: readLimits(r)})
	}
	return m, r.Done()
}

func appendLimits(b []byte, l fold.Limits) []byte {
	b = wire.AppendInt(b, int64(l.Retention))
	for _, v := range []uint64{l.HistoryBytes, l.Series, l.Sources} {
		b = wire.AppendUint(b, v)
	}
	return b
}

func readLimits(r *wire.Reader) fold.Limits {
	return fold.Limits{Retention: time.Duration(r.Int()), HistoryBytes: r.Uint(), Series: r.Uint(), Sources: r.Uint()}
}

func appendMappings(b []byte, m *fold.Mappings) []byte {
	b = wire.AppendUint(b, m.Number)
	b = wire.AppendInt(b, m.Since)
	return wire.AppendString(b, string(m.Set))
}

func readMappings(value []byte) (fold.Mappings, error) {
	r := wire.NewReader(value)
	m := fold.Mappings{Number: r.Uint(), Since: r.Int(), Set: []byte(r.String())}
	return m, r.Done()
}

func appendWindow(b []byte, w fold.Window) []byte {
	b = wire.AppendString(b, w.ID)
	b = wire.AppendUint(b, w.Entered)
	return wire.AppendUint(b, w.Entry)
}

func readWindow(client uint64, value []byte) (fold.Window, error) {
	r := wire.NewReader(value)
	w := fold.Window{Client: client, ID: r.String(), Entered: r.Uint(), Entry: r.Uint()}
	return w, r.Done()
}

func appendSegment(b []byte, entries []uint64) []byte {
	for _, e := range entries {
		b = binary.LittleEndian.AppendUint64(b, e)
	}
	return b
}

func readSegment(value []byte) ([]uint64, error) {
	if len(value)%8 != 0 {
		return nil, errSegment
	}
	entries := make([]uint64, len(value)/8)
	for i := range entries {
		entries[i] = binary.LittleEndian.Uint64(value[8*i:])
	}
	return entries, nil
}

func appendWriter(b []byte, number, seq uint64) []byte {
	return wire.AppendUint(wire.AppendUint(b, number), seq)
}

func readWriter(value []byte) (number, seq uint64, err error) {
	r := wire.NewReader(value)
	number, seq = r.Uint(), r.Uint()
	return number, seq, r.Done()
}
