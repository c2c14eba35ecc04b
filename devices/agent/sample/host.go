package sample

import (
	"context"
	"fmt"
	"net"
	"os"
	"runtime"
	"runtime/metrics"
	"strings"
	"time"

	"github.com/shirou/gopsutil/v4/cpu"
	"github.com/shirou/gopsutil/v4/host"
	"github.com/shirou/gopsutil/v4/mem"
	"github.com/shirou/gopsutil/v4/process"

	"weir/devices/agent/dialect"
)

// Host measures the proplet itself: this process, or the whole machine. It is
// for one goroutine.
type Host struct {
	own  *process.Process // nil for the machine
	busy float64          // seconds of CPU at the time before
	all  float64          // of these many, idle ones included: the machine's only
	last time.Time
}

// NewOwn measures this process.
func NewOwn(ctx context.Context) (*Host, error) {
	p, err := process.NewProcessWithContext(ctx, int32(os.Getpid()))
	if err != nil {
		return nil, fmt.Errorf("find this process: %w", err)
	}
	return &Host{own: p}, nil
}

// NewMachine measures the machine.
func NewMachine() *Host { return &Host{} }

// Take measures once. The CPU usage is that since the time before, 0 at first:
// of one core for a process, of all cores for a machine.
func (h *Host) Take(ctx context.Context, now time.Time) (dialect.Host, error) {
	if h.own == nil {
		return h.machine(ctx, now)
	}
	t, err := h.own.TimesWithContext(ctx)
	if err != nil {
		return dialect.Host{}, fmt.Errorf("measure this process: %w", err)
	}
	m, err := h.own.MemoryInfoWithContext(ctx)
	if err != nil {
		return dialect.Host{}, fmt.Errorf("measure this process: %w", err)
	}
	out := dialect.Host{Time: now, UserSeconds: t.User, SystemSeconds: t.System, RSSBytes: m.RSS}
	if passed := now.Sub(h.last).Seconds(); !h.last.IsZero() && passed > 0 {
		out.CPUPercent = 100 * max(t.User+t.System-h.busy, 0) / passed
	}
	h.busy, h.last = t.User+t.System, now
	heap(&out)
	container(&out)
	return out, nil
}

func (h *Host) machine(ctx context.Context, now time.Time) (dialect.Host, error) {
	times, err := cpu.TimesWithContext(ctx, false)
	if err != nil || len(times) == 0 {
		return dialect.Host{}, fmt.Errorf("measure the machine's CPU: %w", err)
	}
	m, err := mem.VirtualMemoryWithContext(ctx)
	if err != nil {
		return dialect.Host{}, fmt.Errorf("measure the machine's memory: %w", err)
	}
	t := times[0]
	out := dialect.Host{Time: now, UserSeconds: t.User + t.Nice, SystemSeconds: t.System + t.Irq + t.Softirq, RSSBytes: m.Used}
	free := m.Available
	out.HeapFreeBytes = &free // D3's only word for it
	busy := out.UserSeconds + out.SystemSeconds + t.Steal
	all := busy + t.Idle + t.Iowait
	if passed := all - h.all; !h.last.IsZero() && passed > 0 {
		out.CPUPercent = 100 * min(max(busy-h.busy, 0)/passed, 1)
	}
	h.busy, h.all, h.last = busy, all, now
	container(&out)
	return out, nil
}

// heap takes the Go heap of this process, without stopping it.
func heap(out *dialect.Host) {
	samples := []metrics.Sample{
		{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/unused:bytes"},
		{Name: "/memory/classes/heap/free:bytes"}, {Name: "/memory/classes/heap/released:bytes"},
	}
	metrics.Read(samples)
	objects, unused, free, released := samples[0].Value.Uint64(), samples[1].Value.Uint64(), samples[2].Value.Uint64(), samples[3].Value.Uint64()
	inuse, sys, idle := objects+unused, objects+unused+free+released, free+released
	out.HeapAllocBytes, out.HeapSysBytes, out.HeapInuseBytes, out.HeapFreeBytes = &objects, &sys, &inuse, &idle
}

// container takes the memory of the control group that this process is in, if
// it is limited.
func container(out *dialect.Host) {
	g := ownCgroup(DefaultCgroupRoot, procFile(int32(os.Getpid()), "cgroup"))
	if g == nil {
		return
	}
	limit, limited := g.limit()
	used, err := g.memory()
	if limited && err == nil {
		out.ContainerUsageBytes, out.ContainerLimitBytes = &used, &limit
	}
}

// ownCgroup finds the group in a file like /proc/self/cgroup; nil if there is
// none.
func ownCgroup(root, file string) *cgroup {
	path := ""
	err := eachLine(file, func(line string) {
		parts := strings.SplitN(line, ":", 3)
		if len(parts) == 3 && (parts[0] == "0" && path == "" || strings.Contains(","+parts[1]+",", ",memory,")) {
			path = parts[2]
		}
	})
	if err != nil || path == "" {
		return nil
	}
	for _, p := range []string{path, "/"} { // within a container, the path may be the host's
		if g, err := openCgroup(root, p); err == nil {
			if _, err := g.memory(); err == nil {
				return g
			}
		}
	}
	return nil
}

// Boot is when the machine started.
func Boot(ctx context.Context) (time.Time, error) {
	s, err := host.BootTimeWithContext(ctx)
	if err != nil {
		return time.Time{}, fmt.Errorf("ask when the machine started: %w", err)
	}
	return time.Unix(int64(s), 0), nil
}

// Describe describes the machine; what cannot be found out is left out.
func Describe(ctx context.Context, version string) dialect.Metadata {
	m := dialect.Metadata{OS: runtime.GOOS, CPUArch: arch(), Environment: "binary", IP: address(), PropletVersion: version}
	m.Hostname, _ = os.Hostname() // "" if it has none
	if v, err := mem.VirtualMemoryWithContext(ctx); err == nil {
		m.TotalMemoryBytes = v.Total
	}
	for _, mark := range []string{"/.dockerenv", "/run/.containerenv"} {
		if _, err := os.Stat(mark); err == nil {
			m.Environment = "docker"
		}
	}
	return m
}

// arch names the processor as Rust proplets do.
func arch() string {
	switch runtime.GOARCH {
	case "amd64":
		return "x86_64"
	case "arm64":
		return "aarch64"
	case "386":
		return "x86"
	}
	return runtime.GOARCH
}

// address is the machine's first IPv4 address that is not its own only.
func address() string {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return ""
	}
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && n.IP.IsGlobalUnicast() {
			return n.IP.String()
		}
	}
	return ""
}
