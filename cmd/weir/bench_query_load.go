package main

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"time"

	"weir/cmd/weir/internal/datadir"
	"weir/devices/loadgen"
)

// How often the fleet's sources send.
const (
	nodeStep = 30 * time.Second
	taskStep = 15 * time.Second
	longStep = 10 * time.Second
)

// fleetFlags say what the fleet's past is.
type fleetFlags struct {
	Nodes        int    `default:"10000" help:"SPORE nodes, with a reading each 30 seconds."`
	NodeReadings int    `default:"60" help:"Readings of each node."`
	Tasks        int    `default:"1000" help:"Tasks, with a reading each 15 seconds; the first has one each 10 seconds."`
	TaskReadings int    `default:"240" help:"Readings of each task but the first."`
	LongReadings int    `default:"8640" help:"Readings of the first task."`
	Connections  int    `default:"4" help:"Connections that the fleet's past is published over."`
	Window       int    `default:"256" help:"Messages that each connection has in flight."`
	Seed         uint64 `default:"1" help:"Seed of the values that are sent."`
	Service      string `default:"bench" help:"Service (domain) that is published for."`
	Subservice   string `default:"load" help:"Subservice (channel) that is published for."`
}

func (f *fleetFlags) check() error {
	for _, n := range []int{f.Nodes, f.NodeReadings, f.Tasks, f.TaskReadings, f.LongReadings, f.Connections} {
		if n < 1 {
			return errors.New("nodes, tasks, their readings and connections must be 1 at least")
		}
	}
	return nil
}

// String says what the fleet's past is in a few words.
func (f *fleetFlags) String() string {
	return fmt.Sprintf("%s nodes × %s readings each %v, %s tasks × %s each %v, one of them %s each %v",
		count(uint64(f.Nodes)), count(uint64(f.NodeReadings)), nodeStep,
		count(uint64(f.Tasks)), count(uint64(f.TaskReadings)), taskStep, count(uint64(f.LongReadings)), longStep)
}

// taskName is the id of the fleet's i-th task.
func taskName(i int) string { return fmt.Sprintf("t%05d", i) }

// recordings are the fleet's past up to a moment: of the nodes, of the tasks but
// the first, of the first.
func (f *fleetFlags) recordings(end time.Time) []loadgen.Recording {
	past := func(kind loadgen.Kind, first, sources, steps int, step time.Duration) loadgen.Recording {
		return loadgen.Recording{
			Kind: kind, First: first, Sources: sources, Steps: steps, Step: step, Start: end.Add(-time.Duration(steps-1) * step),
			Service: f.Service, Subservice: f.Subservice, Seed: f.Seed,
		}
	}
	return []loadgen.Recording{
		past(loadgen.Spore, 0, f.Nodes, f.NodeReadings, nodeStep),
		past(loadgen.Task, 1, f.Tasks-1, f.TaskReadings, taskStep),
		past(loadgen.Task, 0, 1, f.LongReadings, longStep),
	}
}

// lanes deals the recordings out to the connections.
func (f *fleetFlags) lanes(recordings []loadgen.Recording) []iter.Seq[loadgen.Message] {
	lanes := make([]iter.Seq[loadgen.Message], f.Connections)
	for i := range lanes {
		lanes[i] = func(yield func(loadgen.Message) bool) {
			for _, r := range recordings {
				for m := range r.Lane(i, f.Connections) {
					if !yield(m) {
						return
					}
				}
			}
		}
	}
	return lanes
}

// loadFigures is what the loading was.
type loadFigures struct {
	Events       uint64  `json:"events"`
	Seconds      float64 `json:"seconds"` // until all were folded
	EventsPerSec float64 `json:"events_per_second"`
	CPU          float64 `json:"server_cpu_us_per_event"`
}

// load publishes the fleet's past and waits until it is folded.
func (f *fleetFlags) load(s *session, server *benchServer, end time.Time) (loadFigures, error) {
	recordings := f.recordings(end)
	events := uint64(0)
	for _, r := range recordings {
		events += r.Events()
	}
	old, err := server.client.books(s.ctx, f.Service, f.Subservice)
	if err != nil {
		return loadFigures{}, err
	}
	before, err := server.client.gauges(s.ctx)
	if err != nil {
		return loadFigures{}, err
	}
	began := time.Now()
	progress := newLoadProgress(s.stderr, "load the fleet's past", loadgen.Config{Events: events})
	_, err = loadgen.Backfill(s.ctx, loadgen.BackfillConfig{
		Addr: server.mqtt, Window: f.Window, ClientID: "weir-bench", Lanes: f.lanes(recordings),
	}, progress.update)
	progress.end()
	if err != nil {
		return loadFigures{}, err
	}
	settled, err := server.client.settledBooks(s.ctx, f.Service, f.Subservice, old.Received+events)
	if now := settled.since(old); err == nil && now.Applied != events {
		err = fmt.Errorf("%w: %s events were sent: %s", errBooks, count(events), now)
	}
	took := time.Since(began).Seconds()
	if err != nil {
		return loadFigures{}, err
	}
	after, err := server.client.gauges(s.ctx)
	return loadFigures{events, took, float64(events) / took, perEvent(after.cpu()-before.cpu(), events)}, err
}

// stateBytes is the size of everything in the data directory but the journal.
func stateBytes(p benchPlace) (uint64, error) {
	sum := uint64(0)
	err := filepath.WalkDir(p.data, func(path string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil // the store deletes files as it goes
		case err != nil:
			return err
		case d.IsDir() && path == datadir.Journal(p.data):
			return fs.SkipDir
		case !d.Type().IsRegular():
			return nil
		}
		info, err := d.Info()
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err == nil {
			sum += uint64(info.Size())
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("measure the state: %w", err)
	}
	return sum, nil
}
