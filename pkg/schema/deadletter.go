package schema

import "weir/pkg/schema/wire"

// DeadLetter is a rejected event, kept with the reason. Seq numbers them in the
// journal's order, from 1.
type DeadLetter struct {
	Seq    uint64
	Reason Reason
	Detail string // with the byte offset where there is one
	Tenant Tenant // zero where the topic does not tell
	Event  Event  // without Refused
}

// AppendBinary appends the dead letter's deterministic encoding.
func (d *DeadLetter) AppendBinary(b []byte) []byte {
	b = wire.AppendUint(b, d.Seq)
	b = append(b, byte(d.Reason))
	b = wire.AppendString(b, d.Detail)
	b = wire.AppendString(b, d.Tenant.Service)
	b = wire.AppendString(b, d.Tenant.Subservice)
	e := &d.Event
	b = wire.AppendString(b, e.Topic)
	b = wire.AppendString(b, e.Client)
	b = wire.AppendInt(b, e.Received)
	b = wire.AppendUint(b, uint64(e.PacketID))
	b = append(b, e.QoS, byte(e.Route))
	b = wire.AppendBool(b, e.Dup)
	b = wire.AppendBool(b, e.Retain)
	b = wire.AppendString(b, e.Correlator)
	return wire.AppendBytes(b, e.Payload)
}

// ReadBinary reads what AppendBinary wrote; r keeps the error.
func (d *DeadLetter) ReadBinary(r *wire.Reader) {
	*d = DeadLetter{
		Seq: r.Uint(), Reason: Reason(r.Byte()), Detail: r.String(),
		Tenant: Tenant{Service: r.String(), Subservice: r.String()},
		Event: Event{
			Topic: r.String(), Client: r.String(), Received: r.Int(),
			PacketID: uint16(r.Uint()), QoS: r.Byte(), Route: Route(r.Byte()),
			Dup: r.Bool(), Retain: r.Bool(), Correlator: r.String(), Payload: []byte(r.String()),
		},
	}
}
