package loadgen

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"time"
)

// Recording is the readings of some sources over a time in the past, each with
// its own time in its payload: for Backfill. The values move as a device's do:
// loads and memory wander, counters grow, sizes stay. The same Recording always
// gives the same messages.
type Recording struct {
	Kind    Kind // Task or Spore
	First   int  // the first source's number
	Sources int
	Start   time.Time     // of the first reading
	Step    time.Duration // between a source's readings; tasks' come up to 40 ms late
	Steps   int           // readings of each source

	Service    string // the tenant's
	Subservice string
	Seed       uint64
}

// Events is how many messages it holds.
func (r Recording) Events() uint64 { return uint64(r.Sources) * uint64(r.Steps) }

// End is the time of the last readings.
func (r Recording) End() time.Time { return r.Start.Add(time.Duration(r.Steps-1) * r.Step) }

// Lane is the i-th of n parts: the messages of every n-th source, time for time.
// A message's payload is overwritten by the next.
func (r Recording) Lane(i, n int) iter.Seq[Message] {
	return func(yield func(Message) bool) {
		sources := make([]recorded, 0, r.Sources/n+1)
		for s := i; s < r.Sources; s += n {
			sources = append(sources, newRecorded(r, s))
		}
		var payload []byte
		for step := range r.Steps {
			at := r.Start.Add(time.Duration(step) * r.Step)
			for s := range sources {
				payload = sources[s].next(payload[:0], at)
				if !yield(Message{sources[s].topic, payload}) {
					return
				}
			}
		}
	}
}

// recorded is one source's state.
type recorded struct {
	kind         Kind
	topic        string
	head, labels string // of the payload
	values       *rand.Rand
	cpu          float64 // percent
	pages        int     // of memory in use, of 4 KiB
	in, out      uint64  // bytes
	uptime       float64 // seconds
	step         time.Duration
}

func newRecorded(r Recording, i int) recorded {
	number := r.First + i
	s := recorded{kind: r.Kind, step: r.Step, values: rand.New(rand.NewPCG(r.Seed, uint64(number)))}
	s.cpu, s.pages = 5+40*s.values.Float64(), 1000+s.values.IntN(4000)
	named := shapes[r.Kind].source(number, r.Service, r.Subservice)
	s.topic = named.topic
	if r.Kind == Spore {
		s.head = fmt.Sprintf(`"node_ip":"10.%d.%d.%d","hostname":"spore-%05d"`, number>>16&255, number>>8&255, number&255, number)
		s.labels = fmt.Sprintf(`{"version":"1.%d.0","stable":"true","env":"production","zone":"zone-%d","type":"spore-node"}`, number%3, number%4)
	} else {
		s.head = fmt.Sprintf(`"task_id":"t%05d","proplet_id":"p%05d"`, number, number/10)
	}
	return s
}

// next appends the payload of the reading at a time.
func (s *recorded) next(b []byte, at time.Time) []byte {
	s.cpu = min(max(s.cpu+4*(s.values.Float64()-.5), 0), 100)
	if s.values.IntN(4) == 0 {
		s.pages = min(max(s.pages+s.values.IntN(65)-32, 100), 20000)
	}
	s.in += s.values.Uint64N(5000)
	s.out += s.values.Uint64N(2000)
	s.uptime += s.step.Seconds()
	if s.kind == Spore {
		return s.node(b, at)
	}
	return s.task(b, at)
}

func (s *recorded) task(b []byte, at time.Time) []byte {
	late := time.Duration(s.values.Int64N(int64(min(40*time.Millisecond, s.step))))
	b = append(append(append(b, '{'), s.head...), `,"metrics":{`...)
	b = fmt.Appendf(b, `"cpu_percent":%.2f,"memory_bytes":%d,"memory_percent":%.1f,"disk_read_bytes":%d,"disk_write_bytes":0,`+
		`"network_rx_bytes":%d,"network_tx_bytes":%d,"uptime_seconds":%.0f,"thread_count":3,"file_descriptor_count":11,"timestamp":"`,
		s.cpu, s.pages*4096, float64(s.pages)/1000, s.out/4096*4096, s.in, s.out, s.uptime)
	return append(at.Add(late).UTC().AppendFormat(b, time.RFC3339Nano), `"}}`...)
}

func (s *recorded) node(b []byte, at time.Time) []byte {
	const memory, flash = 98304, 4194304
	used := s.pages * 16 % memory
	b = fmt.Appendf(b, `{"timestamp":%d,%s,"cpu":{"frequency_mhz":160,"usage_percent":%.2f,"temperature_c":%.1f},`, at.Unix(), s.head, s.cpu, 40+s.cpu/5)
	b = fmt.Appendf(b, `"memory":{"total_bytes":%d,"free_bytes":%d,"used_bytes":%d,"usage_percent":%.1f},`, memory, memory-used, used, 100*float64(used)/memory)
	b = fmt.Appendf(b, `"network":{"bytes_sent":%d,"bytes_received":%d,"packets_sent":%d,"packets_received":%d,"rssi_dbm":%d,"signal_quality_percent":80},`,
		s.out, s.in, s.out/500, s.in/500, -60-s.values.IntN(5))
	b = fmt.Appendf(b, `"flash":{"total_bytes":%d,"used_bytes":1048576,"free_bytes":%d,"usage_percent":25},"labels":%s}`, flash, flash-1048576, s.labels)
	return b
}
