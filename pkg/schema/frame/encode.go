package frame

import (
	"fmt"
	"strings"
	"sync"

	"google.golang.org/protobuf/proto"

	"weir/pkg/schema"
	"weir/pkg/schema/frame/framepb"
)

const (
	flagDup    = 1 << 2
	flagRetain = 1 << 3
	routeShift = 4
)

// ID returns the frame's name, "<writer>-<number>": its Nats-Msg-Id.
func ID(f *schema.Frame) string { return fmt.Sprintf("%s-%d", f.Writer, f.Number) }

// Encode appends the frame's bytes to dst. It fails with ErrTooLarge only.
func Encode(dst []byte, f *schema.Frame) ([]byte, error) {
	e := encoders.Get().(*encoder)
	defer encoders.Put(e)
	e.fill(f)
	var err error
	if e.body, err = (proto.MarshalOptions{}).MarshalAppend(e.body[:0], &e.pb); err != nil {
		return dst, fmt.Errorf("encode frame %s: %w", ID(f), err)
	}
	return seal(dst, e.body)
}

var encoders = sync.Pool{New: func() any {
	return &encoder{topics: map[string]uint32{}, clients: map[string]uint32{}}
}}

// encoder keeps the columns' memory from one frame to the next.
type encoder struct {
	pb              framepb.Frame
	events          framepb.Events
	topics, clients map[string]uint32
	body            []byte
}

func (e *encoder) fill(f *schema.Frame) {
	clear(e.topics)
	clear(e.clients)
	c := &e.events
	c.Topic, c.Client, c.Received = c.Topic[:0], c.Client[:0], c.Received[:0]
	c.PacketId, c.Flags, c.PayloadSize = c.PacketId[:0], c.Flags[:0], c.PayloadSize[:0]
	c.Payloads, c.Refusals, c.Correlators = c.Payloads[:0], nil, nil
	e.pb.Topics, e.pb.Clients = e.pb.Topics[:0], e.pb.Clients[:0]

	last := int64(0)
	for i := range f.Events {
		ev := &f.Events[i]
		c.Topic = append(c.Topic, index(e.topics, &e.pb.Topics, ev.Topic))
		c.Client = append(c.Client, index(e.clients, &e.pb.Clients, ev.Client))
		c.Received = append(c.Received, ev.Received-last)
		last = ev.Received
		c.PacketId = append(c.PacketId, uint32(ev.PacketID))
		c.Flags = append(c.Flags, flagsOf(ev))
		c.PayloadSize = append(c.PayloadSize, uint32(len(ev.Payload)))
		c.Payloads = append(c.Payloads, ev.Payload...)
		if ev.Refused != nil {
			c.Refusals = append(c.Refusals, &framepb.Refusal{
				Event: uint32(i), Reason: uint32(ev.Refused.Reason), Detail: valid(ev.Refused.Detail)})
		}
	}
	for i := range f.Events {
		if id := f.Events[i].Correlator; id != "" {
			c.Correlators = append(c.Correlators, &framepb.Correlator{Event: uint32(i), Id: valid(id)})
		}
	}
	e.pb.Writer, e.pb.Number = f.Writer, f.Number
	e.pb.Events = nil
	if len(f.Events) > 0 {
		e.pb.Events = c
	}
	e.fillRest(f)
}

// fillRest sets what stands beside the events; these lists are short.
func (e *encoder) fillRest(f *schema.Frame) {
	e.pb.Received, e.pb.Disconnects, e.pb.Operations, e.pb.Reset_ = nil, nil, nil, nil
	for _, t := range f.Received {
		e.pb.Received = append(e.pb.Received, &framepb.TenantCount{
			Service: t.Tenant.Service, Subservice: t.Tenant.Subservice, Events: t.Events})
	}
	for _, d := range f.Disconnects {
		e.pb.Disconnects = append(e.pb.Disconnects, &framepb.Disconnect{Client: valid(d.Client), At: d.At, Clean: d.Clean})
	}
	for i := range f.Operations {
		o := &f.Operations[i]
		p := &framepb.Operations{Service: o.Tenant.Service, Subservice: o.Tenant.Subservice,
			ServiceTime: o.ServiceTime.AppendBinary(nil)}
		for _, d := range o.Counters {
			p.Counters = append(p.Counters, &framepb.CounterDelta{Counter: uint32(d.Counter), Delta: d.Delta})
		}
		e.pb.Operations = append(e.pb.Operations, p)
	}
	if f.Reset != nil {
		e.pb.Reset_ = &framepb.Reset{Id: f.Reset.ID, At: f.Reset.At}
	}
}

func flagsOf(ev *schema.Event) uint32 {
	flags := uint32(ev.QoS&3) | uint32(ev.Route)<<routeShift
	if ev.Dup {
		flags |= flagDup
	}
	if ev.Retain {
		flags |= flagRetain
	}
	return flags
}

// index returns s's place in the dictionary, adding it if it is new.
func index(places map[string]uint32, list *[]string, s string) uint32 {
	if i, ok := places[s]; ok {
		return i
	}
	i := uint32(len(*list))
	places[s] = i
	*list = append(*list, valid(s))
	return i
}

// valid replaces what is not UTF-8, which a protobuf string may not hold: one
// odd name must never keep a frame from being written.
func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
