package screen

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"weir/devices/agent/dialect"
	"weir/devices/agent/ring"
	"weir/pkg/golden"
)

var moment = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func rich() *ring.Sample {
	return &ring.Sample{
		Time: moment, CPUPercent: 112.25, MemoryBytes: 7340032, MemoryPercent: 0.4, DiskReadBytes: 4096, DiskWriteBytes: 1,
		NetworkRxBytes: 10, NetworkTxBytes: 20, UptimeSeconds: 3671, ThreadCount: 3, FileDescriptorCount: 11,
	}
}

func poor() *ring.Sample {
	return &ring.Sample{Time: moment, Missing: ring.DiskIO | ring.NetworkIO | ring.FileDescriptors, CPUPercent: 1, MemoryBytes: 1 << 30, ThreadCount: 1}
}

func host() *dialect.Host {
	usage, limit := uint64(1<<28), uint64(1<<30)
	return &dialect.Host{Time: moment, UserSeconds: 1.5, SystemSeconds: 0.5, CPUPercent: 2, RSSBytes: 1 << 24, ContainerUsageBytes: &usage, ContainerLimitBytes: &limit}
}

func views() map[string]View {
	return map[string]View{
		"a task with everything": {
			Now: moment, PropletID: "p1", Broker: "tcp://127.0.0.1:1883", Connected: true, Sent: 10, Host: host(),
			Tasks: []Task{{ID: "t1", Latest: rich(), Over: &ring.Aggregates{AvgCPUUsage: 50, MaxCPUUsage: 112.25, AvgMemoryUsage: 1 << 20, MaxMemoryUsage: 1 << 21, SampleCount: 5}, CPU: []float64{0, 10, 50, 112.25, 3}}},
		},
		"no connection, tasks without samples or values": {
			Now: moment, PropletID: "p1", Broker: "tcp://127.0.0.1:1883", Fault: "connection refused", Waiting: 7, Lost: 3,
			Tasks: []Task{{ID: "t1"}, {ID: "t2", Latest: poor(), Over: &ring.Aggregates{SampleCount: 1}, CPU: []float64{0, 0}}},
		},
		"nothing is published": {Now: moment, PropletID: "p1"},
	}
}

func TestRender(t *testing.T) {
	for name, v := range views() {
		for _, size := range [][2]int{{80, 24}, {30, 8}} {
			t.Run(fmt.Sprintf("%s on %d×%d", name, size[0], size[1]), func(t *testing.T) {
				got := Render(v, size[0], size[1])
				lines := strings.Split(got, "\n")
				if len(lines) > size[1] {
					t.Errorf("%d lines", len(lines))
				}
				for _, l := range lines {
					if utf8.RuneCountInString(l) > size[0] {
						t.Errorf("%d columns: %s", utf8.RuneCountInString(l), l)
					}
				}
				golden.Check(t, fmt.Sprintf("%s-%d.txt", strings.ReplaceAll(strings.ReplaceAll(name, ",", ""), " ", "-"), size[0]), got+"\n")
			})
		}
	}
}

func TestNoTerminalIsTooSmall(t *testing.T) {
	for _, v := range views() {
		for width := range 5 {
			for height := range 5 {
				if lines := strings.Count(Render(v, width, height), "\n") + 1; lines > max(height, 1) {
					t.Errorf("%d lines on %d×%d", lines, width, height)
				}
			}
		}
	}
}

func TestLines(t *testing.T) {
	golden.Check(t, "lines.txt", strings.Join([]string{Line("t1", rich()), Line("t2", poor()), HostLine("p1", host()), HostLine("p1", &dialect.Host{Time: moment})}, "\n")+"\n")
}
