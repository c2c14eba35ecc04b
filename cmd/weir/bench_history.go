package main

import (
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"time"

	"weir/devices/loadgen"
	"weir/pkg/schema"
	"weir/pkg/schema/frame"
	"weir/services/aggregator"
)

// benchHistoryCmd measures how small history is, and how fast it is made.
type benchHistoryCmd struct {
	Sources int    `default:"1000" help:"Tasks, and as many nodes."`
	Events  uint64 `default:"1000000" help:"Messages of each kind of source to fold."`
	Frame   int    `default:"700" help:"Messages of a frame of the journal."`
	Seed    uint64 `default:"1" help:"Seed of the values."`

	DataDir string `placeholder:"DIR" help:"Directory for the stores that are made, kept afterwards; by default a new one in the system's directory for temporary files, removed afterwards."`
	JSON    bool   `name:"json" help:"Print the figures as JSON."`
}

// Help explains the command with examples.
func (benchHistoryCmd) Help() string {
	return `Encodes series as devices make them, kind by kind, and prints the bytes that a sample takes, beside those of plain XOR chunks, one for each series, as Prometheus has them. Then it folds recorded messages, decoded and all, from frames in memory into a store on disk, and prints the rate, the processor time, what the sealed history takes, and what the whole store takes on disk in the end: keys, open series, sources and the windows in which retransmissions are recognised included.

Examples:

    weir bench history
    weir bench history --sources 10000 --events 5000000 --data-dir /mnt/disk/bench`
}

// Run measures and prints the figures.
func (c *benchHistoryCmd) Run(s *session) (err error) {
	if c.Sources < 1 || c.Events < 1 || c.Frame < 1 {
		return errors.New("sources, messages and the messages of a frame must be 1 at least")
	}
	place, err := newBenchPlace(s, c.DataDir)
	if err != nil {
		return err
	}
	defer place.remove(&err)
	f := historyFigures{}
	if f.Kinds, err = measureKinds(c.Seed); err != nil {
		return fmt.Errorf("measure the encoding: %w", err)
	}
	for _, kind := range []loadgen.Kind{loadgen.Task, loadgen.Spore} {
		fold, err := c.fold(s, place, c.recording(kind))
		if err != nil {
			return fmt.Errorf("fold %s: %w", kindNames[kind], err)
		}
		f.Folds = append(f.Folds, fold)
	}
	if c.JSON {
		return printJSON(s, f)
	}
	return f.print(s)
}

var kindNames = map[loadgen.Kind]string{loadgen.Task: "tasks", loadgen.Spore: "nodes"}

// recording is what the sources of a kind sent until now.
func (c *benchHistoryCmd) recording(kind loadgen.Kind) loadgen.Recording {
	steps := max(int(c.Events/uint64(c.Sources)), 1)
	return loadgen.Recording{
		Kind: kind, Sources: c.Sources, Steps: steps, Step: longStep, Start: time.Now().Add(-time.Duration(steps) * longStep).Truncate(longStep),
		Service: "bench", Subservice: "load", Seed: c.Seed,
	}
}

// fold encodes a recording as the journal's frames, and folds them.
func (c *benchHistoryCmd) fold(s *session, place benchPlace, r loadgen.Recording) (foldFigures, error) {
	f := foldFigures{Sources: kindNames[r.Kind], Events: r.Events()}
	frames, err := c.frames(r)
	if err != nil {
		return f, err
	}
	for reading := range decoded(r) {
		f.Samples = f.Events * uint64(len(reading.Fields))
		break
	}
	dir := filepath.Join(place.data, "history-"+f.Sources)
	if _, err := os.Stat(dir); err == nil {
		return f, fmt.Errorf("%s is there already", dir)
	}
	progress := newProgress(s.stderr, "fold "+f.Sources)
	cpu := ownCPU()
	measured, err := aggregator.MeasureFold(s.ctx, aggregator.MeasureFoldConfig{Dir: dir, Frames: frames, Progress: progress.update})
	f.fill(measured, ownCPU()-cpu)
	progress.end()
	if err == nil {
		f.StoreBytes, err = bytesBelow(dir)
	}
	return f, err
}

// frames is a recording as frames of the journal, encoded. Each message came a
// moment after its own time.
func (c *benchHistoryCmd) frames(r loadgen.Recording) ([][]byte, error) {
	var frames [][]byte
	tenant := schema.Tenant{Service: r.Service, Subservice: r.Subservice}
	for events := range chunked(arrivals(r), c.Frame) {
		f := &schema.Frame{
			Writer: "bench", Number: uint64(len(frames) + 1), Events: events,
			Received: []schema.TenantCount{{Tenant: tenant, Events: uint64(len(events))}},
		}
		encoded, err := frame.Encode(nil, f)
		if err != nil {
			return nil, fmt.Errorf("encode a frame: %w", err)
		}
		frames = append(frames, encoded)
	}
	return frames, nil
}

// arrivals is a recording's messages as ingest notes them.
func arrivals(r loadgen.Recording) iter.Seq[schema.Event] {
	return func(yield func(schema.Event) bool) {
		n := 0
		for m := range r.Lane(0, 1) {
			source, step := n%r.Sources, n/r.Sources
			e := schema.Event{
				Topic: m.Topic, Payload: append([]byte(nil), m.Payload...), Client: fmt.Sprintf("client-%d", source), QoS: 1, PacketID: uint16(step%65535 + 1),
				Received: r.Start.Add(time.Duration(step)*r.Step + 50*time.Millisecond).UnixNano(),
			}
			if !yield(e) {
				return
			}
			n++
		}
	}
}

// chunked gathers what a sequence gives, n at a time.
func chunked[T any](all iter.Seq[T], n int) iter.Seq[[]T] {
	return func(yield func([]T) bool) {
		var chunk []T
		for v := range all {
			if chunk = append(chunk, v); len(chunk) == n {
				if !yield(chunk) {
					return
				}
				chunk = nil
			}
		}
		if len(chunk) > 0 {
			yield(chunk)
		}
	}
}
