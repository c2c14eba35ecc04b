package store

import (
	"encoding/binary"
	"errors"
	"time"

	"weir/services/aggregator/internal/fold"

	"weir/pkg/schema/wire"
)

// formatVersion is the version of the keys and records of this package. The
// records of pkg/schema are part of it.
const formatVersion = 1

var errSegment = errors.New("a segment's length is no multiple of 8")

func appendMeta(b []byte, m fold.Meta) []byte {
	for _, v := range []uint64{
		m.Origin, m.Cursor, uint64(m.Settings.ReadingsPerSource), uint64(m.Settings.Windows),
		m.Tenants, m.Sources, m.Windows, m.Clients, m.Entries, m.Writers, m.DeadLetters,
	} {
		b = wire.AppendUint(b, v)
	}
	b = wire.AppendInt(b, m.Settings.Earliest)
	b = wire.AppendInt(b, int64(m.Settings.Ahead))
	return wire.AppendString(b, m.Journal)
}

func readMeta(value []byte) (m fold.Meta, err error) {
	r := wire.NewReader(value)
	m.Origin, m.Cursor = r.Uint(), r.Uint()
	m.Settings.ReadingsPerSource, m.Settings.Windows = int(r.Uint()), int(r.Uint())
	for _, v := range []*uint64{&m.Tenants, &m.Sources, &m.Windows, &m.Clients, &m.Entries, &m.Writers, &m.DeadLetters} {
		*v = r.Uint()
	}
	m.Settings.Earliest, m.Settings.Ahead = r.Int(), time.Duration(r.Int())
	m.Journal = r.String()
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

// A stored reading is its arrival number, then the bytes of the record.
func appendReading(b []byte, arrival uint64, data []byte) []byte {
	return append(wire.AppendUint(b, arrival), data...)
}

func readReading(value []byte) (arrival uint64, data []byte, err error) {
	r := wire.NewReader(value)
	arrival = r.Uint()
	return arrival, r.Rest(), r.Err()
}
