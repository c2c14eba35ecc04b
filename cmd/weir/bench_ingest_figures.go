package main

import (
	"context"
	"fmt"
	"time"

	"weir/devices/loadgen"
)

// ingestFigures is what was measured, as --json prints it. Times are in
// seconds, but for those of an event, which are in microseconds.
type ingestFigures struct {
	Load         string       `json:"load"`
	Kind         string       `json:"kind"`
	Payload      int          `json:"payload_bytes"`
	Rate         float64      `json:"rate_asked"` // 0: as fast as the windows allow
	Sent         uint64       `json:"sent"`
	Acknowledged uint64       `json:"acknowledged"`
	Rejected     uint64       `json:"rejected"`
	Unsent       uint64       `json:"unsent"`
	Seconds      float64      `json:"seconds"`
	EventsPerSec float64      `json:"events_per_second"`
	Latency      percentiles  `json:"latency_us"`
	Lateness     *percentiles `json:"lateness_us,omitempty"`
	Probes       uint64       `json:"probes"`
	Visible      *percentiles `json:"visible_us,omitempty"`
	ServerCPU    float64      `json:"server_cpu_us_per_event"`
	OwnCPU       float64      `json:"generator_cpu_us_per_event"`
	ServerMemory uint64       `json:"server_resident_bytes"`
	Frames       uint64       `json:"frames"`
	Samples      uint64       `json:"samples"`       // entered into the history
	HistoryBytes uint64       `json:"history_bytes"` // of the chunks that were sealed
	Folded       float64      `json:"folded_after_seconds"`
	Books        books        `json:"books"`
	Faults       []string     `json:"faults"`

	config loadgen.Config
	result loadgen.Result
}

// fill takes over what the load generator counted.
func (f *ingestFigures) fill() {
	r := f.result
	f.Payload, f.Rate, f.Sent, f.Acknowledged, f.Rejected, f.Unsent = r.Payload, f.config.Rate, r.Sent, r.Acknowledged, r.Rejected, r.Unsent
	f.Seconds, f.EventsPerSec, f.Latency = r.Elapsed.Seconds(), r.Rate, percentilesOf(r.Latency)
	if f.config.Rate > 0 {
		lateness := percentilesOf(r.Lateness)
		f.Lateness = &lateness
	}
	if f.Probes = r.Probes; r.Probes > 0 {
		visible := percentilesOf(r.Visible)
		f.Visible = &visible
	}
}

// readServer reads what the server used since before.
func (f *ingestFigures) readServer(ctx context.Context, server *client, before gauges) error {
	after, err := server.gauges(ctx)
	if err != nil {
		return err
	}
	f.ServerCPU = perEvent(after.cpu()-before.cpu(), f.Books.Received)
	f.ServerMemory = uint64(after["process_resident_memory_bytes"])
	added := func(name string) uint64 { return uint64(after[name] - before[name]) }
	f.Frames = added("weir_ingest_frames_total")
	f.Samples, f.HistoryBytes = added("weir_aggregator_history_samples_total"), added("weir_aggregator_history_chunk_bytes_total")
	return nil
}

func (f *ingestFigures) print(s *session, asJSON bool) error {
	if asJSON {
		return printJSON(s, f)
	}
	r := f.result
	var t figures
	t.add("load", "%s", f.Load)
	t.add("payload", "%d bytes", r.Payload)
	t.add("sent", "%s", count(r.Sent))
	t.add("acknowledged", "%s", count(r.Acknowledged))
	if r.Rejected > 0 {
		t.add("refused", "%s", count(r.Rejected))
	}
	if r.Unsent > 0 {
		t.add("due but not sent", "%s (the windows were full)", count(r.Unsent))
	}
	t.add("rate", "%s events/s over %s", count(uint64(r.Rate)), shortTime(r.Elapsed))
	t.add("latency", "%s", percentileText(r.Latency))
	if f.config.Rate > 0 {
		t.add("sent late by", "%s", percentileText(r.Lateness))
	}
	if r.Probes > 0 {
		t.add("visible", "%s   (%s probes)", percentileText(r.Visible), count(r.Probes))
	}
	t.add("server CPU", "%.1f µs an event", f.ServerCPU)
	t.add("generator CPU", "%.1f µs an event", f.OwnCPU)
	t.add("server memory", "%s", byteCount(f.ServerMemory))
	if f.Frames > 0 {
		t.add("frames", "%s of %s events on average", count(f.Frames), count(f.Books.Received/f.Frames))
	}
	if f.Samples > 0 {
		perSecond := r.Rate * float64(f.Samples) / float64(max(f.Books.Received, 1))
		t.add("history", "%s samples, %s a second; %s sealed", count(f.Samples), count(uint64(perSecond)), byteCount(f.HistoryBytes))
	}
	t.add("folded after", "%s", shortTime(time.Duration(f.Folded*float64(time.Second))))
	t.add("books", "%s", f.Books)
	return t.print(s.stdout)
}

// percentiles of a distribution, in microseconds.
type percentiles struct {
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p99.9"`
	Max  float64 `json:"max"`
}

func percentilesOf(d loadgen.Distribution) percentiles {
	us := func(d time.Duration) float64 { return float64(d.Microseconds()) }
	return percentiles{us(d.P50), us(d.P90), us(d.P99), us(d.P999), us(d.Max)}
}

func percentileText(d loadgen.Distribution) string {
	return fmt.Sprintf("p50 %s   p90 %s   p99 %s   p99.9 %s   max %s",
		shortTime(d.P50), shortTime(d.P90), shortTime(d.P99), shortTime(d.P999), shortTime(d.Max))
}
