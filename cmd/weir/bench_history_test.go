package main

import (
	"testing"

	"weir/pkg/golden"
	"weir/services/aggregator"
)

func TestBenchHistory(t *testing.T) {
	var f historyFigures
	benchmark(t, &benchHistoryCmd{Sources: 4, Events: 2000, Frame: 90, Seed: 1, JSON: true}, &f)
	if len(f.Kinds) != len(kindsOfData)+2 || len(f.Folds) != 2 {
		t.Fatalf("figures %+v", f)
	}
	for _, k := range f.Kinds {
		// The least that must hold: a chunk's head costs a constant a byte in two samples.
		if k.Samples < kindReadings || k.Bytes == 0 || float64(k.Bytes) > 1.2*float64(k.XORBytes) {
			t.Errorf("%+v", k)
		}
	}
	for i, samples := range []uint64{10, 17} {
		if d := f.Folds[i]; d.Events != 2000 || d.Samples != samples*2000 || d.HistoryBytes == 0 || d.StoreBytes <= d.HistoryBytes || d.SamplesPerSec <= 0 || d.CPU <= 0 {
			t.Errorf("%+v", d)
		}
	}
}

func TestBenchHistoryFails(t *testing.T) {
	for _, command := range []benchHistoryCmd{{}, {Sources: 1, Events: 1}, {Sources: 1, Frame: 1}} {
		if err := command.Run(&session{ctx: t.Context(), stdout: new(buffer), stderr: new(buffer)}); err == nil {
			t.Errorf("%+v is measured", command)
		}
	}
}

func TestHistoryTables(t *testing.T) {
	f := historyFigures{
		Kinds: []aggregator.HistoryKind{{Name: "two decimals", Samples: 4000, Bytes: 6500, XORBytes: 33_500}, {Name: "a node, seventeen series", Samples: 68_000, Bytes: 31_900, XORBytes: 259_000}},
		Folds: []foldFigures{
			{"tasks", 1_000_000, 10_000_000, 2.9, 344_827.5, 3_448_275.8, 3.12, 8_700_000, 19_800_000},
			{"nodes", 1_000_000, 17_000_000, 3.1, 322_580.6, 5_483_870.9, 3.33, 7_900_000, 18_300_000},
		},
	}
	var out buffer
	if err := f.print(&session{stdout: &out}); err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "bench-history.txt", out.String())
}
