package store

import (
	"weir/services/aggregator/internal/fold"

	"weir/pkg/schema"
	"weir/pkg/schema/wire"
)

func appendTenantHistory(b []byte, h fold.TenantHistory) []byte {
	b = wire.AppendString(b, h.Tenant.Service)
	b = wire.AppendString(b, h.Tenant.Subservice)
	return wire.AppendUint(b, uint64(h.Horizon))
}

func readTenantHistory(number uint64, value []byte) (fold.TenantHistory, error) {
	r := wire.NewReader(value)
	h := fold.TenantHistory{
		Tenant: schema.Tenant{Service: r.String(), Subservice: r.String()}, Number: number, Horizon: uint32(r.Uint()),
	}
	return h, r.Done()
}

func appendBucket(b []byte, c fold.Bucket) []byte {
	return wire.AppendUint(wire.AppendUint(b, c.Chunks), c.Bytes)
}

func readBucket(number uint32, value []byte) (fold.Bucket, error) {
	r := wire.NewReader(value)
	b := fold.Bucket{Number: number, Chunks: r.Uint(), Bytes: r.Uint()}
	return b, r.Done()
}

// The flags of a track's record.
const (
	trackCurrent = 1 << iota
	trackEnds
	trackLast
)

func appendTrack(b []byte, t *fold.Track) []byte {
	b = wire.AppendUint(b, t.Source)
	b = wire.AppendString(b, t.Parent)
	b = appendLabels(b, t.Labels)
	b = appendLabels(b, t.Dims)
	b = wire.AppendUint(b, uint64(len(t.Fields)))
	last := schema.Field(0)
	for _, f := range t.Fields {
		b = wire.AppendUint(b, uint64(f-last))
		last = f
	}
	b = wire.AppendUint(b, uint64(len(t.Absent)))
	for _, a := range t.Absent {
		b = wire.AppendUint(b, uint64(a.Field))
		b = wire.AppendInt(b, a.Since)
		b = wire.AppendInt(b, a.Longest)
	}
	for _, v := range []int64{t.First, t.Sealed, t.Read} {
		b = wire.AppendInt(b, v)
	}
	b = wire.AppendUint(b, t.Chunks)
	flags := byte(0)
	if t.Current {
		flags |= trackCurrent
	}
	if t.Ends {
		flags |= trackEnds
	}
	if len(t.Last) == 0 {
		return append(b, flags)
	}
	b = wire.AppendUint(append(b, flags|trackLast), uint64(len(t.Last)))
	for _, v := range t.Last {
		b = wire.AppendFloat(wire.AppendUint(b, uint64(v.Field)), v.Value)
	}
	return b
}

func readTrack(number uint64, value []byte) (fold.Track, error) {
	r := wire.NewReader(value)
	t := fold.Track{Number: number, Source: r.Uint(), Parent: r.String(), Labels: readLabels(r), Dims: readLabels(r)}
	t.Fields = make([]schema.Field, r.Count())
	last := schema.Field(0)
	for i := range t.Fields {
		last += schema.Field(r.Uint())
		t.Fields[i] = last
	}
	if n := r.Count(); n > 0 {
		t.Absent = make([]fold.Absence, n)
		for i := range t.Absent {
			t.Absent[i] = fold.Absence{Field: schema.Field(r.Uint()), Since: r.Int(), Longest: r.Int()}
		}
	}
	t.First, t.Sealed, t.Read, t.Chunks = r.Int(), r.Int(), r.Int(), r.Uint()
	flags := r.Byte()
	t.Current, t.Ends = flags&trackCurrent != 0, flags&trackEnds != 0
	if flags&trackLast != 0 {
		t.Last = make([]schema.FieldValue, r.Count())
		for i := range t.Last {
			t.Last[i] = schema.FieldValue{Field: schema.Field(r.Uint()), Value: r.Float()}
		}
	}
	return t, r.Done()
}

func appendLabels(b []byte, labels []schema.Label) []byte {
	b = wire.AppendUint(b, uint64(len(labels)))
	for _, l := range labels {
		b = wire.AppendString(b, l.Name)
		b = wire.AppendString(b, l.Value)
	}
	return b
}

func readLabels(r *wire.Reader) []schema.Label {
	n := r.Count()
	if n == 0 {
		return nil
	}
	labels := make([]schema.Label, n)
	for i := range labels {
		labels[i] = schema.Label{Name: r.String(), Value: r.String()}
	}
	return labels
}
