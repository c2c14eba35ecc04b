package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"
	"time"

	"weir/cmd/weir/internal/datadir"
	"weir/devices/loadgen"
)

// benchRebuildCmd measures the folding of a journal.
type benchRebuildCmd struct {
	loadFlags
	Events uint64 `default:"2000000" help:"Messages to fill the journal with."`
}

// Help explains the command with examples.
func (benchRebuildCmd) Help() string {
	return `Starts a weir of its own, fills its journal, stops it, runs weir rebuild on its data directory, and prints the rate at which the journal was folded. With --data-dir, whatever was in its journal before is folded too.

Examples:

    weir bench rebuild
    weir bench rebuild --events 10000000 --sources 100000 --data-dir /mnt/disk/bench`
}

// Run fills, rebuilds and prints the figures.
func (c *benchRebuildCmd) Run(s *session) (err error) {
	place, err := newBenchPlace(s, c.DataDir)
	if err != nil {
		return err
	}
	defer place.remove(&err)
	f := rebuildFigures{Load: c.String()}
	if err := c.fill(s, place, &f); err != nil {
		return fmt.Errorf("fill a journal: %w", err)
	}
	if f.JournalBytes, err = bytesBelow(datadir.Journal(place.data)); err != nil {
		return err
	}
	if err := f.rebuild(s, place.data); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(s, f)
	}
	return f.print(s)
}

// fill makes the journal and reads from the books how many events it holds.
func (c *benchRebuildCmd) fill(s *session, place benchPlace, f *rebuildFigures) (err error) {
	server, err := startBenchServer(s, place, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.stop()) }()
	config := c.config(server.mqtt)
	config.Events = c.Events
	progress := newLoadProgress(s.stderr, "fill the journal", config)
	result, err := loadgen.Run(s.ctx, config, progress.update)
	progress.end()
	if err != nil {
		return err
	}
	settled, err := server.client.settledBooks(s.ctx, c.Service, c.Subservice, result.Acknowledged+result.Rejected)
	f.Events, f.Payload = settled.Received, result.Payload
	return err
}

// rebuildFigures is what was measured, as --json prints it.
type rebuildFigures struct {
	Load         string  `json:"load"`
	Payload      int     `json:"payload_bytes"`
	Events       uint64  `json:"events"`
	JournalBytes uint64  `json:"journal_bytes"`
	Seconds      float64 `json:"seconds"`
	EventsPerSec float64 `json:"events_per_second"`
	CPU          float64 `json:"cpu_us_per_event"`
	Memory       uint64  `json:"resident_bytes"` // at its most
}

// rebuild runs weir rebuild as a process of its own, whose time and memory are
// those of the rebuild, its start included.
func (f *rebuildFigures) rebuild(s *session, dataDir string) error {
	cmd, err := ownCommand(s, "rebuild", "--data-dir", dataDir)
	if err != nil {
		return err
	}
	output := new(tail)
	cmd.Stdout, cmd.Stderr = output, output
	if isTerminal(s.stderr) {
		cmd.Stderr = s.stderr // for its progress bar
	}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the rebuild: %w", err)
	}
	stop := context.AfterFunc(s.ctx, func() { _ = cmd.Process.Signal(syscall.SIGTERM) }) // it fails if it has just ended
	defer stop()
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("rebuild: %w\n%s", errors.Join(s.ctx.Err(), err), output)
	}
	took, state := time.Since(began), cmd.ProcessState
	f.Seconds, f.EventsPerSec = took.Seconds(), float64(f.Events)/took.Seconds()
	f.CPU = perEvent(state.UserTime()+state.SystemTime(), f.Events)
	f.Memory = peakMemory(state)
	return nil
}

func (f *rebuildFigures) print(s *session) error {
	var t figures
	t.add("load", "%s", f.Load)
	t.add("payload", "%d bytes", f.Payload)
	t.add("journal", "%s events in %s, %.1f bytes an event", count(f.Events), byteCount(f.JournalBytes), float64(f.JournalBytes)/float64(max(f.Events, 1)))
	t.add("rebuild", "%s events/s over %s", count(uint64(f.EventsPerSec)), shortTime(time.Duration(f.Seconds*float64(time.Second))))
	t.add("CPU", "%.1f µs an event", f.CPU)
	t.add("memory", "%s at its most", byteCount(f.Memory))
	return t.print(s.stdout)
}

// bytesBelow is the size of all files below a directory.
func bytesBelow(dir string) (uint64, error) {
	sum := uint64(0)
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		sum += uint64(info.Size())
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("measure the journal: %w", err)
	}
	return sum, nil
}
