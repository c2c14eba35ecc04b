package frame

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"weir/pkg/schema"
	"weir/pkg/schema/frame/framepb"
	"weir/pkg/schema/wire"
)

// Decode reads a frame. Errors are ErrCorrupt, ErrVersion and ErrTooLarge. The
// frame does not share data's memory when it was compressed; do not change data
// while the frame is in use.
func Decode(data []byte) (*schema.Frame, error) {
	body, err := open(data)
	if err != nil {
		return nil, err
	}
	var pb framepb.Frame
	if err := proto.Unmarshal(body, &pb); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrCorrupt, err)
	}
	f := &schema.Frame{Writer: pb.Writer, Number: pb.Number}
	if pb.Events != nil {
		if f.Events, err = events(&pb); err != nil {
			return nil, err
		}
	}
	if err := decodeRest(f, &pb); err != nil {
		return nil, err
	}
	return f, nil
}

func events(pb *framepb.Frame) ([]schema.Event, error) {
	c := pb.Events
	n := len(c.Topic)
	for _, l := range []int{len(c.Client), len(c.Received), len(c.PacketId), len(c.Flags), len(c.PayloadSize)} {
		if l != n {
			return nil, fmt.Errorf("%w: columns of %d and %d events", ErrCorrupt, n, l)
		}
	}
	evs := make([]schema.Event, n)
	payloads, received := c.Payloads, int64(0)
	if payloads == nil {
		payloads = []byte{} // a message without a payload reads the same in any company
	}
	for i := range evs {
		topic, client, size := c.Topic[i], c.Client[i], c.PayloadSize[i]
		if uint64(topic) >= uint64(len(pb.Topics)) || uint64(client) >= uint64(len(pb.Clients)) || uint64(size) > uint64(len(payloads)) {
			return nil, fmt.Errorf("%w: event %d refers to what is not there", ErrCorrupt, i)
		}
		received += c.Received[i]
		flags := c.Flags[i]
		evs[i] = schema.Event{
			Topic: pb.Topics[topic], Client: pb.Clients[client], Received: received,
			Payload: payloads[:size:size], PacketID: uint16(c.PacketId[i]), QoS: uint8(flags & 3),
			Dup: flags&flagDup != 0, Retain: flags&flagRetain != 0, Route: schema.Route(flags >> routeShift & 15),
		}
		payloads = payloads[size:]
	}
	if len(payloads) > 0 {
		return nil, fmt.Errorf("%w: %d bytes of payloads belong to no event", ErrCorrupt, len(payloads))
	}
	for _, r := range c.Refusals {
		if uint64(r.Event) >= uint64(n) {
			return nil, fmt.Errorf("%w: a refusal of event %d of %d", ErrCorrupt, r.Event, n)
		}
		evs[r.Event].Refused = &schema.Refusal{Reason: schema.Reason(r.Reason), Detail: r.Detail}
	}
	for _, t := range c.Correlators {
		if uint64(t.Event) >= uint64(n) {
			return nil, fmt.Errorf("%w: a correlator of event %d of %d", ErrCorrupt, t.Event, n)
		}
		evs[t.Event].Correlator = t.Id
	}
	return evs, nil
}

func decodeRest(f *schema.Frame, pb *framepb.Frame) error {
	for _, t := range pb.Received {
		f.Received = append(f.Received, schema.TenantCount{
			Tenant: schema.Tenant{Service: t.Service, Subservice: t.Subservice}, Events: t.Events})
	}
	for _, d := range pb.Disconnects {
		f.Disconnects = append(f.Disconnects, schema.Disconnect{Client: d.Client, At: d.At, Clean: d.Clean})
	}
	for _, o := range pb.Operations {
		op := schema.Operations{Tenant: schema.Tenant{Service: o.Service, Subservice: o.Subservice}}
		for _, d := range o.Counters {
			if d.Counter > 255 {
				return fmt.Errorf("%w: counter %d", ErrCorrupt, d.Counter)
			}
			op.Counters = append(op.Counters, schema.CounterDelta{Counter: schema.Counter(d.Counter), Delta: d.Delta})
		}
		r := wire.NewReader(o.ServiceTime)
		op.ServiceTime.ReadBinary(r)
		if err := r.Done(); err != nil {
			return fmt.Errorf("%w: service time: %v", ErrCorrupt, err)
		}
		f.Operations = append(f.Operations, op)
	}
	if pb.Reset_ != nil {
		f.Reset = &schema.Reset{ID: pb.Reset_.Id, At: pb.Reset_.At}
	}
	return nil
}
