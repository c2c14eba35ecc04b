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

func appendTrack(b []byte, t *fold.Track) []byte {
	b = wire.AppendUint(b, t.Source)
	b = wire.AppendString(b, t.Parent)
	b = wire.AppendUint(b, uint64(len(t.Labels)))
	for _, l := range t.Labels {
		b = wire.AppendString(b, l.Name)
		b = wire.AppendString(b, l.Value)
	}
	b = wire.AppendUint(b, uint64(len(t.Fields)))
	last := schema.Field(0)
	for _, f := range t.Fields {
		b = wire.AppendUint(b, uint64(f-last))
		last = f
	}
	b = wire.AppendInt(b, t.First)
	b = wire.AppendInt(b, t.Sealed)
	b = wire.AppendUint(b, t.Chunks)
	return wire.AppendBool(b, t.Current)
}

func readTrack(number uint64, value []byte) (fold.Track, error) {
	r := wire.NewReader(value)
	t := fold.Track{Number: number, Source: r.Uint(), Parent: r.String()}
	if n := r.Count(); n > 0 {
		t.Labels = make([]schema.Label, n)
		for i := range t.Labels {
			t.Labels[i] = schema.Label{Name: r.String(), Value: r.String()}
		}
	}
	t.Fields = make([]schema.Field, r.Count())
	last := schema.Field(0)
	for i := range t.Fields {
		last += schema.Field(r.Uint())
		t.Fields[i] = last
	}
	t.First, t.Sealed, t.Chunks, t.Current = r.Int(), r.Int(), r.Uint(), r.Bool()
	return t, r.Done()
}
