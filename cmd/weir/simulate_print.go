package main

import (
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"weir/cmd/weir/internal/config"
	"weir/devices/simulate"
)

// plainLogger writes warnings to standard error.
func plainLogger(s *session) *slog.Logger {
	c := config.Default()
	c.LogLevel = slog.LevelWarn
	return newLogger(aboveFleetLine(s), c)
}

// aboveFleetLine is the session for log lines beside the line that shows how far
// a fleet is: on a terminal they take its place, and it comes again below.
func aboveFleetLine(s *session) *session {
	if !isTerminal(s.stderr) {
		return s
	}
	above := *s
	above.stderr = overwriting{s.stderr}
	return &above
}

// clearLine goes to the beginning of a terminal's line and empties it.
const clearLine = "\r\x1b[K"

type overwriting struct{ out io.Writer }

// Write writes over the line.
func (o overwriting) Write(p []byte) (int, error) {
	if _, err := io.WriteString(o.out, clearLine); err != nil {
		return 0, err
	}
	return o.out.Write(p)
}

// playFleet plays a fleet and shows how far it is: a line that changes on a
// terminal, else one now and then.
func playFleet(s *session, fleet *simulate.Simulation) (simulate.Summary, error) {
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		showFleet(s.stderr, fleet, stop)
	}()
	summary, err := fleet.Run(s.ctx)
	close(stop)
	<-stopped
	return summary, err
}

func showFleet(out io.Writer, fleet *simulate.Simulation, stop <-chan struct{}) {
	terminal := isTerminal(out)
	every := 2 * progressEvery
	if terminal {
		every = time.Second
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	var before simulate.Progress
	for {
		select {
		case <-stop:
			if terminal {
				fmt.Fprint(out, clearLine)
			}
			return
		case <-tick.C:
		}
		now := fleet.Progress()
		if line := fleetLine(before, now); terminal {
			fmt.Fprint(out, clearLine+line)
		} else {
			fmt.Fprintln(out, line)
		}
		before = now
	}
}

// fleetLine is where a fleet is: "1m30s (09:30 there), outage: 61 of 73
// connected, 12,345 messages, 12,340 answered, 210/s".
func fleetLine(before, now simulate.Progress) string {
	day := now.Simulated % (24 * time.Hour)
	line := fmt.Sprintf("%s (%02d:%02d there)", now.Elapsed.Round(time.Second), int(day.Hours()), int(day.Minutes())%60)
	if now.Scene != "" {
		line += ", " + now.Scene
	}
	answered := now.Counts.Acknowledged + now.Counts.Refused
	line += fmt.Sprintf(": %s of %s connected, %s messages, %s answered", count(uint64(now.Connected)), count(uint64(now.Devices)), count(now.Counts.Sent), count(answered))
	if took := (now.Elapsed - before.Elapsed).Seconds(); took > 0 {
		line += fmt.Sprintf(", %s/s", count(uint64(float64(now.Counts.Sent-before.Counts.Sent)/took)))
	}
	if now.Late > time.Second {
		line += fmt.Sprintf(", %s late", now.Late.Round(100*time.Millisecond))
	}
	if now.Failures > before.Failures {
		line += fmt.Sprintf(", cannot connect: %v", now.LastError)
	}
	return line
}

// whereFleetAnswers lists the addresses of a fleet.
func whereFleetAnswers(a simulate.Addrs) string {
	var b strings.Builder
	line := func(what, format string, args ...any) {
		fmt.Fprintf(&b, "  %-9s %s\n", what, fmt.Sprintf(format, args...))
	}
	if a.Gateway != "" {
		line("gateway", "http://%s/api/monitoring/resources, ws://%s/ws", a.Gateway, a.Gateway)
	}
	for _, addr := range a.Boards {
		line("board", "http://%s/metrics", addr)
	}
	for _, addr := range a.DataNodes {
		line("data node", "http://%s/health, /network/stats", addr)
	}
	return b.String()
}

// printFleet prints what a fleet has sent.
func printFleet(out io.Writer, s simulate.Summary) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(out, "%s devices, %s:\n\n", count(uint64(s.Devices)), s.Took.Round(time.Second))
	fmt.Fprintln(w, "tenant\tkind\tsent\tacknowledged\trefused\tmalformed\tagain\tdropped\tno answer\t")
	row := func(tenant, kind string, c simulate.Counts) {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", tenant, kind, count(c.Sent), count(c.Acknowledged), count(c.Refused), count(c.Malformed), count(c.Again), count(c.Dropped), count(c.Unsettled()))
	}
	for _, r := range s.Rows {
		row(r.Tenant.String(), r.Kind, r.Counts)
	}
	row("all", "", s.Sum)
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(out, "\nIn /api/accounting these tenants have, if nobody else sends for them:")
	for _, a := range s.Accounts {
		line := fmt.Sprintf("  %s: received %s, of these rejected %s", a.Tenant, count(a.Received), count(a.Rejected))
		if a.Wills > 0 {
			line += fmt.Sprintf("; and up to %s wills", count(a.Wills))
		}
		if a.Again > 0 {
			line += fmt.Sprintf("; and up to %s received twice", count(a.Again))
		}
		if a.Asked > 0 {
			line += fmt.Sprintf("; and %s, if it was weir that asked so often over HTTP", count(a.Asked))
		}
		if a.Unknown > 0 {
			line += fmt.Sprintf("; and up to %s that were not answered", count(a.Unknown))
		}
		fmt.Fprintln(out, line)
	}
	if len(s.Served) > 0 {
		var parts []string
		for _, kind := range slices.Sorted(maps.Keys(s.Served)) {
			parts = append(parts, kind+" "+count(s.Served[kind]))
		}
		fmt.Fprintf(out, "Answered over HTTP: %s\n", strings.Join(parts, ", "))
	}
	return nil
}
