package main

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"weir/cmd/weir/internal/app"
	"weir/pkg/golden"
)

// smallFleet is a fleet whose past is loaded in a moment.
func smallFleet() fleetFlags {
	return fleetFlags{
		Nodes: 6, NodeReadings: 10, Tasks: 5, TaskReadings: 20, LongReadings: 300,
		Connections: 2, Window: 50, Seed: 1, Service: "bench", Subservice: "load",
	}
}

func TestBenchQuery(t *testing.T) {
	for _, command := range []benchQueryCmd{
		{fleetFlags: smallFleet(), Repeat: 3, Concurrency: 2, JSON: true},
		{fleetFlags: smallFleet(), Duration: 20 * time.Millisecond, Concurrency: 1, JSON: true},
	} {
		var f queryFigures
		benchmark(t, &command, &f)
		if want := uint64(6*10 + 4*20 + 300); f.Loaded.Events != want || len(f.Faults) > 0 {
			t.Errorf("%d events loaded, faults %q", f.Loaded.Events, f.Faults)
		}
		if least := uint64(6*15 + 5*9); f.Series < least || f.ServerMemory == 0 || f.StateBytes == 0 {
			t.Errorf("figures %+v", f)
		}
		for _, q := range f.Queries {
			if q.Times < 1 || command.Repeat > 0 && q.Times != command.Repeat || q.Results == 0 || q.Bytes == 0 || !(0 < q.P50 && q.P50 <= q.P90 && q.P90 <= q.P99 && q.P99 <= q.Max) {
				t.Errorf("%+v", q)
			}
		}
	}
}

func TestBenchQueryOfARunningWeir(t *testing.T) {
	addrFile := filepath.Join(t.TempDir(), "addrs.json")
	p := start(t, "--data-dir", t.TempDir(), "--addr-file", addrFile,
		"--mqtt-addr", "127.0.0.1:0", "--internal-addr", "127.0.0.1:0", "--external-addr", "127.0.0.1:0", "--intake-addr", "127.0.0.1:0")
	var addrs app.AddrFile
	eventually(t, "it serves", func() (ok bool) {
		var err error
		addrs, err = app.ReadAddrFile(addrFile)
		return err == nil
	})
	var f queryFigures
	benchmark(t, &benchQueryCmd{fleetFlags: smallFleet(), Repeat: 1, Concurrency: 1, JSON: true, Internal: "http://" + addrs.Internal + "/"}, &f)
	if f.Series != 0 || f.Loaded.Events != 0 || len(f.Queries) == 0 || len(f.Faults) > 0 {
		t.Errorf("figures %+v", f)
	}
	if code := p.end(); code != exitOK {
		t.Errorf("the running weir ended with %d", code)
	}
}

func TestBenchQueryFails(t *testing.T) {
	fleet := smallFleet()
	tests := []struct {
		name    string
		command benchQueryCmd
		want    string
	}{
		{"no nodes", benchQueryCmd{Repeat: 1, Concurrency: 1}, "must be 1 at least"},
		{"nobody asks", benchQueryCmd{fleetFlags: fleet, Repeat: 1}, "a concurrency of 0"},
		{"never", benchQueryCmd{fleetFlags: fleet, Concurrency: 1}, "neither a duration nor a number"},
		{"a running weir and settings", benchQueryCmd{fleetFlags: fleet, Internal: "http://127.0.0.1:1", Settings: []string{"-x"}}, "not for one at --internal"},
		{"a moment of an empty weir", benchQueryCmd{fleetFlags: fleet, At: time.Unix(1, 0)}, "--at is for a running weir"},
		{"a running weir that is not there", benchQueryCmd{fleetFlags: fleet, Repeat: 1, Concurrency: 1, Internal: "http://127.0.0.1:1"}, "count the series: ask the running weir"},
		{"a weir that does not start", benchQueryCmd{fleetFlags: fleet, Repeat: 1, Concurrency: 1, Settings: []string{"--nonsense"}}, "unknown flag --nonsense"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("TMPDIR", t.TempDir())
			err := tt.command.Run(&session{t.Context(), nil, []string{runMainEnv + "=1"}, new(buffer), new(buffer)})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

func TestQueryTable(t *testing.T) {
	fleet := smallFleet()
	f := queryFigures{
		Load: fleet.String(), Loaded: loadFigures{848_400, 4.2, 202_000.4, 5.3}, Series: 190_000, Concurrency: 1, ServerMemory: 507_000_000, StateBytes: 24_300_000,
		Queries: []queryFigure{
			{"instant, a vector of nodes", answerSize{10_000, 10_000}, 1_700_000, 151, 22_000, 25_300, 41_000, 43_000, 27_400},
			{"a task over a day at 60 s", answerSize{1, 1441}, 34_500, 2100, 1400, 1700, 4200, 1_300_000, 1100},
		},
	}
	var out buffer
	if err := f.print(&session{stdout: &out}); err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "bench-query.txt", out.String())
}
