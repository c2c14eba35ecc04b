package foldtest

import (
	"fmt"

	"weir/pkg/schema"
)

// Fleet describes a steady load: each task sends its metrics in turn, at QoS 1.
type Fleet struct {
	Tasks   int
	Clients int
	Events  int // a frame's
}

// Frames returns n frames of a fleet's load, whose first number is from. Tasks
// send every ten seconds.
func (l Fleet) Frames(from, n int) []*schema.Frame {
	frames := make([]*schema.Frame, n)
	tenant := schema.Tenant{Service: "factory", Subservice: "line1"}
	topic := TaskTopic(tenant)
	for i := range frames {
		f := &schema.Frame{Writer: "load", Number: uint64(from + i)}
		for e := range l.Events {
			number := (from+i-1)*l.Events + e
			task := number % l.Tasks
			at := Start + int64(number/l.Tasks)*10e9 + int64(task)*1000
			f.Events = append(f.Events, schema.Event{
				Topic: topic, Client: fmt.Sprintf("client-%d", task%l.Clients), Received: at + 1e6, QoS: 1, PacketID: uint16(number%65535 + 1),
				Payload: Task(fmt.Sprintf("6f0c2c1e-0000-4000-8000-%012d", task), fmt.Sprintf("b1a2-%d", task%l.Clients), float64(number%1000)/10, at),
			})
		}
		f.Received = []schema.TenantCount{{Tenant: tenant, Events: uint64(l.Events)}}
		frames[i] = f
	}
	return frames
}
