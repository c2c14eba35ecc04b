// Package screen shows on a terminal what an agent measures: a line for each
// sample, or one screen that is drawn anew. It is pure.
package screen

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dustin/go-humanize"

	"weir/devices/agent/dialect"
	"weir/devices/agent/ring"
)

// Line is a sample of a task on one line. What is missing is left out.
func Line(taskID string, s *ring.Sample) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s ", s.Time.Format(time.TimeOnly), taskID)
	for _, c := range cells(s) {
		if c.text != absent {
			fmt.Fprintf(&b, "  %s %s", c.name, c.text)
		}
	}
	return b.String()
}

// HostLine is what was measured of a proplet, on one line.
func HostLine(propletID string, h *dialect.Host) string {
	line := fmt.Sprintf("%s  %s   cpu %.1f %% (user %.2f s, system %.2f s)  memory %s",
		h.Time.Format(time.TimeOnly), propletID, h.CPUPercent, h.UserSeconds, h.SystemSeconds, humanize.IBytes(h.RSSBytes))
	if h.ContainerLimitBytes != nil {
		line += fmt.Sprintf("  container %s of %s", humanize.IBytes(*h.ContainerUsageBytes), humanize.IBytes(*h.ContainerLimitBytes))
	}
	return line
}

// absent stands for what the platform cannot give.
const absent = "-"

type cell struct{ name, text string }

func cells(s *ring.Sample) []cell {
	show := func(group ring.Fields, format string, args ...any) string {
		if s.Missing.Has(group) {
			return absent
		}
		return fmt.Sprintf(format, args...)
	}
	return []cell{
		{"cpu", show(ring.CPU, "%.1f %%", s.CPUPercent)},
		{"memory", show(ring.Memory, "%s (%.1f %%)", humanize.IBytes(s.MemoryBytes), s.MemoryPercent)},
		{"disk r/w", show(ring.DiskIO, "%s/%s", humanize.IBytes(s.DiskReadBytes), humanize.IBytes(s.DiskWriteBytes))},
		{"net rx/tx", show(ring.NetworkIO, "%s/%s", humanize.IBytes(s.NetworkRxBytes), humanize.IBytes(s.NetworkTxBytes))},
		{"threads", show(ring.Threads, "%d", s.ThreadCount)},
		{"fds", show(ring.FileDescriptors, "%d", s.FileDescriptorCount)},
		{"up", (time.Duration(s.UptimeSeconds) * time.Second).String()},
	}
}

// Task is a task as the screen shows it.
type Task struct {
	ID     string
	Latest *ring.Sample // nil before the first
	Over   *ring.Aggregates
	CPU    []float64 // of the samples kept, the oldest first
}

// View is what the screen shows.
type View struct {
	Now       time.Time
	PropletID string
	Broker    string // "" if nothing is published
	Connected bool
	Fault     string // why it is not connected, "" if that is not known
	Sent      uint64
	Waiting   int
	Lost      uint64
	Host      *dialect.Host
	Tasks     []Task
}

// Render draws a screen of at most width columns and height lines, without a
// line break at its end.
func Render(v View, width, height int) string {
	lines := []string{
		fmt.Sprintf("weir agent  %s  %s", v.PropletID, v.Now.Format(time.TimeOnly)),
		connection(v), "",
	}
	if h := v.Host; h != nil {
		lines = append(lines, HostLine("proplet", h), "")
	}
	for _, t := range v.Tasks {
		lines = append(lines, task(t, width)...)
	}
	lines = append(lines, "Ctrl-C ends it.")
	if len(lines) > height {
		lines = append(lines[:max(height-1, 0)], fmt.Sprintf("… %d more lines", len(lines)-height+1))
	}
	for i, l := range lines {
		lines[i] = cut(l, width)
	}
	return strings.Join(lines, "\n")
}

func connection(v View) string {
	if v.Broker == "" {
		return "nothing is published"
	}
	state := "not connected to"
	if v.Connected {
		state = "connected to"
	}
	line := fmt.Sprintf("%s %s, %d sent, %d waiting", state, v.Broker, v.Sent, v.Waiting)
	if v.Lost > 0 {
		line += fmt.Sprintf(", %d lost", v.Lost)
	}
	if !v.Connected && v.Fault != "" {
		line += ": " + v.Fault
	}
	return line
}

func task(t Task, width int) []string {
	if t.Latest == nil {
		return []string{t.ID, "  no sample yet", ""}
	}
	lines := []string{t.ID}
	for _, c := range cells(t.Latest) {
		lines = append(lines, fmt.Sprintf("  %-9s  %s", c.name, c.text))
	}
	if o := t.Over; o != nil {
		lines = append(lines, fmt.Sprintf("  over %s: cpu %.1f %% (most %.1f %%), memory %s (most %s)", samples(o.SampleCount),
			o.AvgCPUUsage, o.MaxCPUUsage, humanize.IBytes(o.AvgMemoryUsage), humanize.IBytes(o.MaxMemoryUsage)))
	}
	if len(t.CPU) > 1 {
		lines = append(lines, "  "+sparkline(t.CPU, width-4))
	}
	return append(lines, "")
}

func samples(n int) string {
	if n == 1 {
		return "1 sample"
	}
	return fmt.Sprintf("%d samples", n)
}

// sparkline draws the latest values as bars, the highest of them full.
func sparkline(values []float64, width int) string {
	bars := []rune("▁▂▃▄▅▆▇█")
	values = values[max(len(values)-max(width, 0), 0):]
	top := 0.0
	for _, v := range values {
		top = max(top, v)
	}
	var b strings.Builder
	for _, v := range values {
		i := 0
		if top > 0 {
			i = min(int(v/top*float64(len(bars))), len(bars)-1)
		}
		b.WriteRune(bars[i])
	}
	return b.String()
}

// cut shortens a line to a number of columns.
func cut(line string, width int) string {
	if utf8.RuneCountInString(line) <= width {
		return line
	}
	return string([]rune(line)[:max(width-1, 0)]) + "…"
}
