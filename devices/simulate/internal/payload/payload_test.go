package payload

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"weir/devices/simulate/internal/model"
	"weir/pkg/golden"
)

var at = time.Date(2026, 1, 2, 3, 4, 5, 6789, time.UTC)

func node() *model.NodeReading {
	return &model.NodeReading{
		MHz: 160, CPU: 20, AverageCPU: 18.25, LeastCPU: 3.5, MostCPU: 61.5, Measurements: 1234, Temperature: 50.5, HasTemperature: true,
		MemoryBytes: 98304, Free: 49152, LeastFree: 40960, MostAlloc: 44000, Fragmentation: 9,
		Sent: 100, Received: 200, SentPackets: 1, ReceivedPackets: 2, RSSI: -60, FlashBytes: 4194304, Flash: 1048576, Uptime: 93784,
	}
}

// TestPayloads keeps what devices send, byte for byte.
func TestPayloads(t *testing.T) {
	sample := &model.TaskSample{CPU: 12.25, Memory: 7340032, Read: 4096, Rx: 10, Tx: 20, Threads: 3, Descriptors: 11, Uptime: 7}
	sums := &model.Aggregated{AvgCPU: 12.25, MaxCPU: 13, AvgMemory: 7340032, MaxMemory: 7340032, Samples: 2}
	own := &model.PropletReading{User: 0.21, System: 0.05, CPU: 1.5, RSS: 20971520, HeapAlloc: 3145728, HeapSys: 8388608, InUse: 4194304,
		HeapFree: 5242880, MostAlloc: 2621440, Container: 30000000, Limit: 536870912, Uptime: 7}
	board := &model.BoardReading{Boots: 3, Temperature: [2]float64{21.5, 21}, Humidity: [2]float64{49.4062, 49.7976}, Pressure: 983.25, Gas: 1060948, Reads: 2, ReadTime: 0.75, Warm: true, Uptime: 60}
	data := &model.DataNodeReading{Blockchain: true, Network: true, TotalPeers: 15, HealthyPeers: 12, Active: 12, Bootstrap: 2, Latency: 8.4, Sent: 1024, Received: 2048, Uptime: 60}
	labels := Labels{"1.0.0", "true", "production", "zone-1", "spore-node"}
	gateway := NewNode("spore-a", "10.0.0.5", labels, Seconds{Time: at}, node())
	cold := *node()
	cold.HasTemperature = false
	silent := NewNode("spore-a", "10.0.0.5", labels, Seconds{Time: at.Add(250 * time.Millisecond), Exact: true}, &cold)
	dull := *data
	dull.Blockchain = false
	booting := *board
	booting.Warm, booting.Boots = false, 4
	files := map[string][]byte{
		"node-gateway.json": gateway.JSON(), "node-without-temperature.json": silent.JSON(), "node-esp8266.json": ESP8266(node()),
		"alive.json": Alive("p1"), "health-internal.json": InternalHealth(data), "health-external.json": ExternalHealth(data), "health-degraded.json": InternalHealth(&dull),
		"stats.json": Stats(data, false), "stats-with-counts.json": Stats(data, true), "peers.json": Peers([]Peer{{"192.168.7.1", 8000, "p", 1767323045, 8.4, 0.99, true}}),
		"board.txt": Exposition(board), "board-booting.txt": Exposition(&booting),
	}
	for d, name := range map[Dialect]string{D0: "d0", D1: "d1", D2: "d2", D3: "d3"} {
		files["task-"+name+".json"] = Task(d, "t1", "p1", sample, sums, at, 7*time.Second)
		if d.HasOwn() {
			files["proplet-"+name+".json"] = Proplet(d, "p1", own, at)
		}
		files["create-"+name+".json"] = Create(d, "p1", "lab")
		files["will-"+name+".json"] = Will(d, "p1")
	}
	for name, got := range files {
		t.Run(name, func(t *testing.T) { golden.Check(t, name, got) })
	}
}

func TestTheDocumentAddsUpItsNodes(t *testing.T) {
	a := NewNode("a", "10.0.0.1", Labels{}, Seconds{Time: at}, node())
	b := a
	b.CPU.UsagePercent, b.Network.BytesSent = 41, 900
	s := NewDocument(at, []Node{a, b}).Summary
	if diff := cmp.Diff(Summary{2, 30.5, 50, 25, 1000, 400}, s); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	empty, err := json.Marshal(NewDocument(at, nil))
	if err != nil || !bytes.Contains(empty, []byte(`"nodes":[]`)) || bytes.Contains(empty, []byte("null")) {
		t.Errorf("without nodes: %s, %v", empty, err)
	}
}

func TestNumbersAreThoseOfPython(t *testing.T) {
	for want, v := range map[string]float64{
		"21.5": 21.5, "3.0": 3, "0.0": 0, "1e+22": 1e22, "1e+16": 1e16, "1000000000000000.0": 1e15, "0.0001": 0.0001, "1e-05": 0.00001, "-2.5": -2.5,
		"inf": math.Inf(1), "-inf": math.Inf(-1), "nan": math.NaN(),
	} {
		if got := python(v); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestTheOrderOfFamiliesChangesWithABoot(t *testing.T) {
	first := Exposition(&model.BoardReading{Boots: 1, Warm: true})
	second := Exposition(&model.BoardReading{Boots: 2, Warm: true})
	order := func(b []byte) (names []string) {
		for line := range strings.Lines(string(b)) {
			if strings.HasPrefix(line, "# TYPE") {
				names = append(names, strings.Fields(line)[2])
			}
		}
		return names
	}
	if cmp.Equal(order(first), order(second)) || len(order(first)) != 8 {
		t.Errorf("%v, then %v", order(first), order(second))
	}
	if bytes.HasSuffix(first, []byte("\n")) {
		t.Error("the text ends in a newline")
	}
}
