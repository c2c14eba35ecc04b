package metrics

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strings"

	vm "github.com/VictoriaMetrics/metrics"
)

// ContentType is the exposition's media type.
const ContentType = "text/plain; version=0.0.4; charset=utf-8"

// Write writes the set's metrics in Prometheus' text format, a family after the
// other in the order of their names, each with HELP and TYPE.
func (s *Set) Write(w io.Writer) {
	var raw bytes.Buffer
	s.set.WritePrometheus(&raw)
	families := map[string][]string{}
	for line := range strings.Lines(raw.String()) {
		if line = strings.TrimSuffix(line, "\n"); line != "" && line[0] != '#' {
			name := s.family(line)
			families[name] = append(families[name], line)
		}
	}
	for _, d := range s.Descs() {
		if lines := families[d.Name]; len(lines) > 0 {
			WriteFamily(w, d, lines)
		}
	}
}

// WriteFamily writes one family: its declaration, then its lines.
func WriteFamily(w io.Writer, d Desc, lines []string) {
	fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n", d.Name, d.Help, d.Name, d.Type)
	for _, l := range lines {
		fmt.Fprintln(w, l)
	}
}

// family returns the declared name that a line belongs to; the lines of a
// summary end in _sum and _count beside the quantiles.
func (s *Set) family(line string) string {
	name := line[:strings.IndexAny(line+" ", "{ ")]
	if _, ok := s.descs[name]; ok {
		return name
	}
	for _, suffix := range []string{"_sum", "_count"} {
		if base, found := strings.CutSuffix(name, suffix); found && s.descs[base].Type == Summary {
			return base
		}
	}
	panic(fmt.Sprintf("BUG: metric %q is not declared in its set", name))
}

// processDescs declares what WriteProcess writes, out of what
// VictoriaMetrics/metrics offers.
var processDescs = []Desc{
	{"go_goroutines", Gauge, "Goroutines that exist now."},
	{"go_memstats_heap_inuse_bytes", Gauge, "Heap memory in use."},
	{"go_memstats_sys_bytes", Gauge, "Memory that the Go runtime has from the system."},
	{"process_cpu_seconds_total", Counter, "CPU time of the process, user and system."},
	{"process_open_fds", Gauge, "Open file descriptors of the process."},
	{"process_resident_memory_bytes", Gauge, "Resident memory of the process."},
	{"process_start_time_seconds", Gauge, "When the process started, in seconds since 1970."},
}

// WriteProcess writes the process' own metrics.
func WriteProcess(w io.Writer) {
	var raw bytes.Buffer
	vm.WriteProcessMetrics(&raw)
	found := map[string]string{}
	sc := bufio.NewScanner(&raw)
	for sc.Scan() {
		if name, _, ok := strings.Cut(sc.Text(), " "); ok {
			found[name] = sc.Text()
		}
	}
	for _, d := range processDescs {
		if line, ok := found[d.Name]; ok {
			WriteFamily(w, d, []string{line})
		}
	}
}
