package foldtest

import (
	"fmt"

	"weir/pkg/schema"
)

// Fleet describes a steady load: each task sends its metrics in turn, at QoS 1.
// Its values move as those of tasks do.
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
				Payload: l.payload(task, number/l.Tasks, at),
			})
		}
		f.Received = []schema.TenantCount{{Tenant: tenant, Events: uint64(l.Events)}}
		frames[i] = f
	}
	return frames
}

// payload returns a task's n-th message.
func (l Fleet) payload(task, n int, at int64) []byte {
	noise := func(salt, most int) int { return (task*7919 + n*104729 + salt*1299709) % most }
	return fmt.Appendf(nil, `{"task_id":"6f0c2c1e-0000-4000-8000-%012d","proplet_id":"b1a2-%d","metrics":{"cpu_percent":%v,"memory_bytes":%d,"memory_percent":%v,`+
		`"disk_read_bytes":%d,"disk_write_bytes":%d,"network_rx_bytes":%d,"network_tx_bytes":%d,"uptime_seconds":%d,"thread_count":%d,`+
		`"file_descriptor_count":%d,"timestamp":%q}}`,
		task, task%l.Clients, float64(noise(1, 10_000))/100, 7_340_032+4096*noise(2, 50), float64(noise(2, 50))/10,
		n*4096+noise(3, 5)*512, n*1024, n*1500+noise(4, 700), n*900+noise(5, 300), n*10, 3+noise(6, 50)/49, 11+noise(7, 20)/19, Stamp(at+int64(noise(8, 4000))*1000))
}
