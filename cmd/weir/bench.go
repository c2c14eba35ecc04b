package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/schollz/progressbar/v3"

	"weir/devices/loadgen"
)

// benchCmd measures weir under a load that it makes itself.
type benchCmd struct {
	Ingest  benchIngestCmd  `cmd:"" help:"Measure how fast and how promptly messages are taken in and counted."`
	Agent   benchAgentCmd   `cmd:"" help:"Measure what monitoring costs a process and its machine."`
	Rebuild benchRebuildCmd `cmd:"" help:"Measure how fast the state is folded from a journal."`
	Query   benchQueryCmd   `cmd:"" help:"Measure how promptly questions about a fleet's past are answered."`
	Alert   benchAlertCmd   `cmd:"" help:"Measure how long an alert takes from a device to its receiver."`
	History benchHistoryCmd `cmd:"" help:"Measure how many bytes a sample takes and how fast history is made."`
}

// loadFlags say what the load is made of.
type loadFlags struct {
	Clients     int    `default:"50" help:"Connections."`
	Window      int    `default:"64" help:"Messages that each connection has in flight."`
	QoS         byte   `name:"qos" default:"1" help:"Quality of service, 0, 1 or 2."`
	MQTTVersion string `name:"mqtt-version" enum:"3.1.1,5" default:"3.1.1" help:"Version of MQTT, 3.1.1 or 5."`
	Payload     string `enum:"task,proplet,spore,bad" default:"task" help:"Kind of payload: task and proplet (Propeller's metrics), spore (a node's resources) or bad (malformed)."`
	Sources     int    `default:"1000" help:"Distinct tasks, proplets or nodes."`
	Seed        uint64 `default:"1" help:"Seed of the values that are sent."`
	Service     string `default:"bench" help:"Service (domain) that is published for."`
	Subservice  string `default:"load" help:"Subservice (channel) that is published for."`

	DataDir string `placeholder:"DIR" help:"Data directory of the weir that is measured, kept afterwards; by default a new one in the system's directory for temporary files, removed afterwards."`
	JSON    bool   `name:"json" help:"Print the figures as JSON."`
}

func (f *loadFlags) config(addr string) loadgen.Config {
	c := loadgen.Config{
		Addr: addr, Clients: f.Clients, Window: f.Window, QoS: f.QoS, Payload: loadgen.Kind(f.Payload),
		Sources: f.Sources, Seed: f.Seed, Service: f.Service, Subservice: f.Subservice, Version: 4, ClientID: "weir-bench",
	}
	if f.MQTTVersion == "5" {
		c.Version = 5
	}
	return c
}

// String says what the load is made of in a few words.
func (f *loadFlags) String() string {
	return fmt.Sprintf("%s clients × %s in flight, MQTT %s, QoS %d, %s payloads of %s sources",
		count(uint64(f.Clients)), count(uint64(f.Window)), f.MQTTVersion, f.QoS, f.Payload, count(uint64(f.Sources)))
}

// benchPlace is the directories of a measurement.
type benchPlace struct {
	scratch string // for this run only
	data    string // the measured weir's data directory
}

func newBenchPlace(s *session, dataDir string) (benchPlace, error) {
	scratch, err := os.MkdirTemp("", "weir-bench-")
	if err != nil {
		return benchPlace{}, fmt.Errorf("make a temporary directory: %w", err)
	}
	p := benchPlace{scratch, dataDir}
	if dataDir == "" {
		p.data = scratch + "/data"
	}
	if inMemory(scratch) && dataDir == "" {
		fmt.Fprintf(s.stderr, "weir: %s is in memory, where a sync to disk costs nothing: name a directory on a disk with --data-dir\n", scratch)
	}
	return p, nil
}

// remove joins the error of removing what is temporary to err.
func (p benchPlace) remove(err *error) {
	if e := os.RemoveAll(p.scratch); e != nil {
		*err = errors.Join(*err, fmt.Errorf("remove the temporary directory: %w", e))
	}
}

// loadProgress shows how far a load is: a bar on a terminal, else a line every
// few seconds.
type loadProgress struct {
	what  string
	out   io.Writer
	bar   *progressbar.ProgressBar // nil where there is no terminal
	part  func(loadgen.Progress) float64
	said  time.Duration
	last  loadgen.Progress
	rated float64
}

// newLoadProgress shows a run that ends after a duration or a number of events.
func newLoadProgress(out io.Writer, what string, c loadgen.Config) *loadProgress {
	p := &loadProgress{what: what, out: out, part: func(p loadgen.Progress) float64 {
		if c.Events > 0 {
			return float64(p.Acknowledged+p.Rejected) / float64(c.Events)
		}
		return p.Elapsed.Seconds() / c.Duration.Seconds()
	}}
	if isTerminal(out) {
		p.bar = progressbar.NewOptions64(1000, progressbar.OptionSetWriter(out), progressbar.OptionSetDescription(what),
			progressbar.OptionSetPredictTime(true), progressbar.OptionFullWidth())
	}
	return p
}

func (p *loadProgress) update(now loadgen.Progress) {
	answered := now.Acknowledged + now.Rejected - p.last.Acknowledged - p.last.Rejected
	if passed := now.Elapsed - p.last.Elapsed; passed > 0 {
		p.rated = float64(answered) / passed.Seconds()
	}
	p.last = now
	part := min(p.part(now), 1)
	switch {
	case p.bar != nil:
		p.bar.Describe(fmt.Sprintf("%s, %s events/s", p.what, count(uint64(p.rated))))
		_ = p.bar.Set64(int64(part * 1000)) // it fails where the terminal does
	case now.Elapsed-p.said >= progressEvery:
		p.said = now.Elapsed
		fmt.Fprintf(p.out, "%s: %.0f %%, %s events, %s events/s\n", p.what, 100*part, count(now.Acknowledged+now.Rejected), count(uint64(p.rated)))
	}
}

// end leaves the terminal's line.
func (p *loadProgress) end() {
	if p.bar != nil {
		_ = p.bar.Exit()
		fmt.Fprintln(p.out)
	}
}

// figures is a table of names and values, aligned.
type figures struct{ rows [][2]string }

func (f *figures) add(name, format string, args ...any) {
	f.rows = append(f.rows, [2]string{name, fmt.Sprintf(format, args...)})
}

func (f *figures) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	for _, r := range f.rows {
		fmt.Fprintf(w, "%s\t%s\n", r[0], r[1])
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("print the figures: %w", err)
	}
	return nil
}

func printJSON(s *session, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic("BUG: " + err.Error())
	}
	if _, err := fmt.Fprintln(s.stdout, string(text)); err != nil {
		return fmt.Errorf("print the figures: %w", err)
	}
	return nil
}

// shortTime writes a time with three digits at the most before its unit: "87µs",
// "4.2ms", "1.3s".
func shortTime(d time.Duration) string {
	units := []struct {
		unit time.Duration
		name string
	}{{time.Second, "s"}, {time.Millisecond, "ms"}, {time.Microsecond, "µs"}}
	for _, u := range units {
		if d >= u.unit {
			v := float64(d) / float64(u.unit)
			if v < 10 {
				return strings.TrimSuffix(fmt.Sprintf("%.1f", v), ".0") + u.name
			}
			return fmt.Sprintf("%.0f%s", v, u.name)
		}
	}
	return "0"
}

// perEvent is a processor's time for each of so many events, in microseconds.
func perEvent(cpu time.Duration, events uint64) float64 {
	if events == 0 {
		return 0
	}
	return cpu.Seconds() * 1e6 / float64(events)
}

func byteCount(n uint64) string { return humanize.IBytes(n) }
