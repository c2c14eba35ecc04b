package main

import (
	"fmt"
	"text/tabwriter"
	"time"

	"weir/services/aggregator"
)

// historyFigures is what was measured, as --json prints it.
type historyFigures struct {
	Kinds []aggregator.HistoryKind `json:"kinds"`
	Folds []foldFigures            `json:"folds"`
}

// foldFigures is what folding one kind of source was.
type foldFigures struct {
	Sources       string  `json:"sources"`
	Events        uint64  `json:"events"`
	Samples       uint64  `json:"samples"`
	Seconds       float64 `json:"seconds"`
	EventsPerSec  float64 `json:"events_per_second"`
	SamplesPerSec float64 `json:"samples_per_second"`
	CPU           float64 `json:"cpu_us_per_event"`
	HistoryBytes  uint64  `json:"history_bytes"` // of the sealed chunks
	StoreBytes    uint64  `json:"store_bytes"`   // on disk: everything
}

func (f *foldFigures) fill(m aggregator.FoldMeasure, cpu time.Duration) {
	f.Seconds, f.CPU, f.HistoryBytes = m.Took.Seconds(), perEvent(cpu, f.Events), m.HistoryBytes
	f.EventsPerSec, f.SamplesPerSec = float64(f.Events)/f.Seconds, float64(f.Samples)/f.Seconds
}

func (f *historyFigures) print(s *session) error {
	w := tabwriter.NewWriter(s.stdout, 0, 0, 3, ' ', tabwriter.AlignRight)
	widest := 0
	for _, k := range f.Kinds {
		widest = max(widest, len(k.Name))
	}
	fmt.Fprintf(w, "%-*s\tsamples\tbytes a sample\tplain XOR\tshare\t\n", widest, "kind of data")
	for _, k := range f.Kinds {
		n := float64(max(k.Samples, 1))
		fmt.Fprintf(w, "%-*s\t%s\t%.3f\t%.3f\t%.0f %%\t\n", widest, k.Name, count(k.Samples),
			float64(k.Bytes)/n, float64(k.XORBytes)/n, 100*float64(k.Bytes)/float64(max(k.XORBytes, 1)))
	}
	fmt.Fprintln(w)
	fmt.Fprintln(w, "fold\tevents\tsamples\tevents/s\tsamples/s\tCPU an event\tsealed\ta sample\ton disk\ta sample\t")
	for _, d := range f.Folds {
		n := float64(max(d.Samples, 1))
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%.1f µs\t%s\t%.3f\t%s\t%.3f\t\n", d.Sources, count(d.Events), count(d.Samples),
			count(uint64(d.EventsPerSec)), count(uint64(d.SamplesPerSec)), d.CPU,
			byteCount(d.HistoryBytes), float64(d.HistoryBytes)/n, byteCount(d.StoreBytes), float64(d.StoreBytes)/n)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("print the figures: %w", err)
	}
	return nil
}
