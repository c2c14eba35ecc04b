package loadgen

import (
	"fmt"
	"strings"
)

// shape is a kind's topic and payload as text with marks. The marks in braces
// after a dollar sign are filled in once for each source; those after a hash
// change from event to event and have a fixed width (see marks).
type shape struct {
	topic, payload string
}

// shapes holds the kinds' shapes.
//
// Source: contracts of Propeller (dialect D1) and of the SPORE gateway.
var shapes = map[Kind]shape{
	Task: {
		topic: "m/${service}/c/${subservice}/control/proplet/task_metrics",
		payload: `{"task_id":"${task}","proplet_id":"${proplet}","metrics":{"cpu_percent":#{percent},` +
			`"memory_bytes":#{bytes},"memory_percent":0.4,"disk_read_bytes":4096,"disk_write_bytes":0,` +
			`"network_rx_bytes":#{count},"network_tx_bytes":20,"uptime_seconds":#{seq},"thread_count":3,` +
			`"timestamp":"#{time}"}}`,
	},
	Proplet: {
		topic: "m/${service}/c/${subservice}/control/proplet/metrics",
		payload: `{"proplet_id":"${proplet}","namespace":"default","metrics":{"version":"v1","timestamp":"#{time}",` +
			`"cpu":{"user_seconds":#{seq},"system_seconds":0.05,"percent":#{percent}},` +
			`"memory":{"rss_bytes":2#{bytes},"heap_alloc_bytes":#{bytes},"heap_sys_bytes":8388608,"heap_inuse_bytes":#{bytes},` +
			`"container_usage_bytes":30000000,"container_limit_bytes":536870912}}}`,
	},
	Spore: {
		topic: "spore/${service}/${subservice}/${node}/resources",
		payload: `{"timestamp":#{unix},"node_ip":"${ip}","hostname":"${node}",` +
			`"cpu":{"frequency_mhz":160,"usage_percent":#{percent},"temperature_c":50.5},` +
			`"memory":{"total_bytes":98304,"free_bytes":49152,"used_bytes":49152,"usage_percent":50},` +
			`"network":{"bytes_sent":#{seq},"bytes_received":#{count},"packets_sent":1,"packets_received":2,"rssi_dbm":-60,"signal_quality_percent":80},` +
			`"flash":{"total_bytes":4194304,"used_bytes":1048576,"free_bytes":3145728,"usage_percent":25},` +
			`"labels":{"version":"1.0.0","stable":"true","env":"production","zone":"zone-${zone}","type":"spore-node"}}`,
	},
	Bad: {
		topic:   "m/${service}/c/${subservice}/control/proplet/task_metrics",
		payload: `{"task_id":"${task}","proplet_id":"${proplet}","metrics":{"cpu_percent":#{percent},"memory_bytes":#{bytes},"memory_per`,
	},
}

// mark is a kind of digits that change from event to event.
type mark uint8

const (
	markPercent mark = iota // 10.00 to 99.99
	markBytes               // 1000000 to 9999999
	markCount               // 1000 to 9999
	markSeq                 // 100000 to 999999, one more each time, from 100001
	markTime                // RFC 3339 with microseconds
	markUnix                // seconds since 1970
)

// marks gives each mark its name and a text of its width. No number begins with
// a zero, which JSON would not allow.
var marks = []struct {
	name, text string
}{
	markPercent: {"percent", "12.25"},
	markBytes:   {"bytes", "7340032"},
	markCount:   {"count", "1024"},
	markSeq:     {"seq", "100001"},
	markTime:    {"time", "2026-01-02T03:04:05.000006Z"},
	markUnix:    {"unix", "1767323045"},
}

// patch is a place in an encoded packet where a mark's digits stand.
type patch struct {
	at   int
	mark mark
}

// source names the i-th source of a run; tasks run on a tenth as many proplets.
func (s shape) source(i int, service, subservice string) shape {
	r := strings.NewReplacer(
		"${service}", service, "${subservice}", subservice,
		"${task}", fmt.Sprintf("t%05d", i),
		"${proplet}", fmt.Sprintf("p%05d", i/10),
		"${node}", fmt.Sprintf("spore-%05d", i),
		"${ip}", fmt.Sprintf("10.%d.%d.%d", i>>16&255, i>>8&255, i&255),
		"${zone}", fmt.Sprint(i%4),
	)
	return shape{topic: r.Replace(s.topic), payload: r.Replace(s.payload)}
}

// expand replaces the payload's marks by their texts and says where they stand.
func (s shape) expand() ([]byte, []patch) {
	var payload []byte
	var patches []patch
	rest := s.payload
	for {
		before, after, found := strings.Cut(rest, "#{")
		payload = append(payload, before...)
		if !found {
			return payload, patches
		}
		name, after, _ := strings.Cut(after, "}")
		m := markNamed(name)
		patches = append(patches, patch{len(payload), m})
		payload = append(payload, marks[m].text...)
		rest = after
	}
}

func markNamed(name string) mark {
	for m := range marks {
		if marks[m].name == name {
			return mark(m)
		}
	}
	panic("BUG: a payload's shape has an unknown mark " + name)
}
