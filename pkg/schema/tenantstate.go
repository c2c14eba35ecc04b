package schema

import "weir/pkg/schema/wire"

// TenantState is what the fold counts of one tenant.
type TenantState struct {
	Tenant Tenant

	// Accounting. Received is the writers' own count, the others the fold's:
	// they must agree, and nothing resets them.
	Received  uint64
	Applied   uint64
	Duplicate uint64
	Rejected  [NumReasons]uint64 // by Reason

	LastRejected int64 // receive time of its newest dead letter, unix nanoseconds; 0 for none

	ClockSkewed uint64 // events whose own time was not plausible
	Late        uint64 // readings older than the newest of their source and dimensions

	// History. HistoryTooOld counts; the others say what there is now.
	HistoryTooOld uint64 // readings that were older than what is kept when they came; they go soon
	Sources       uint64 // sources known
	Series        uint64 // series that have history
	HistoryBytes  uint64 // of the sealed chunks
	Names         uint64 // names of values that its events were the first to bring, ever

	// Operations, since the last get-and-reset.
	Counters    [NumCounters]uint64
	ServiceTime Summary // nanoseconds
}

// RejectedTotal is the sum of Rejected over all reasons.
func (t *TenantState) RejectedTotal() uint64 {
	sum := uint64(0)
	for _, n := range t.Rejected {
		sum += n
	}
	return sum
}

// Clone returns a copy that shares nothing with t.
func (t *TenantState) Clone() TenantState {
	c := *t
	c.ServiceTime = t.ServiceTime.Clone()
	return c
}

// AppendBinary appends the deterministic encoding.
func (t *TenantState) AppendBinary(b []byte) []byte {
	b = wire.AppendString(b, t.Tenant.Service)
	b = wire.AppendString(b, t.Tenant.Subservice)
	for _, v := range []uint64{
		t.Received, t.Applied, t.Duplicate, t.ClockSkewed, t.Late,
		t.HistoryTooOld, t.Sources, t.Series, t.HistoryBytes, t.Names,
	} {
		b = wire.AppendUint(b, v)
	}
	b = appendUints(b, t.Rejected[:])
	b = wire.AppendInt(b, t.LastRejected)
	b = appendUints(b, t.Counters[:])
	return t.ServiceTime.AppendBinary(b)
}

// ReadBinary reads what AppendBinary wrote; r keeps the error.
func (t *TenantState) ReadBinary(r *wire.Reader) {
	*t = TenantState{Tenant: Tenant{Service: r.String(), Subservice: r.String()}}
	for _, v := range []*uint64{
		&t.Received, &t.Applied, &t.Duplicate, &t.ClockSkewed, &t.Late,
		&t.HistoryTooOld, &t.Sources, &t.Series, &t.HistoryBytes, &t.Names,
	} {
		*v = r.Uint()
	}
	readUints(r, t.Rejected[:])
	t.LastRejected = r.Int()
	readUints(r, t.Counters[:])
	t.ServiceTime.ReadBinary(r)
}

// appendUints writes a length before the numbers, so that an array that has
// grown since can still be read.
func appendUints(b []byte, vs []uint64) []byte {
	b = wire.AppendUint(b, uint64(len(vs)))
	for _, v := range vs {
		b = wire.AppendUint(b, v)
	}
	return b
}

func readUints(r *wire.Reader, vs []uint64) {
	for i := range r.Count() {
		v := r.Uint()
		if i < len(vs) {
			vs[i] = v
		}
	}
}
