package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"sync"
	"text/tabwriter"
	"time"
)

// queryFigures is what was measured, as --json prints it.
type queryFigures struct {
	Load         string        `json:"load"`
	Loaded       loadFigures   `json:"loaded"`
	Series       uint64        `json:"series"`
	Concurrency  int           `json:"concurrency"`
	Queries      []queryFigure `json:"queries"`
	ServerMemory uint64        `json:"server_resident_bytes"`
	StateBytes   uint64        `json:"state_bytes"` // on disk, beside the journal
	Faults       []string      `json:"faults"`
}

// queryFigure is one query's part: times to the last byte in microseconds, the
// server's processor time for each answer too.
type queryFigure struct {
	Query string `json:"query"`
	answerSize
	Bytes     int     `json:"bytes"`
	Times     int     `json:"times"`
	P50       float64 `json:"p50_us"`
	P90       float64 `json:"p90_us"`
	P99       float64 `json:"p99_us"`
	Max       float64 `json:"max_us"`
	ServerCPU float64 `json:"server_cpu_us"`
}

// time asks a query again and again. The fault says what is wrong with its
// first answer.
func (c *benchQueryCmd) time(ctx context.Context, server *client, q query) (f queryFigure, fault string, err error) {
	first, err := server.timed(ctx, q.path, true)
	if err != nil {
		return f, "", err
	}
	f = queryFigure{Query: q.name, Bytes: first.bytes}
	if f.answerSize, err = q.read(first.body); err != nil {
		return f, "", fmt.Errorf("read the answer: %w", err)
	}
	if q.results > 0 && f.Results != q.results {
		fault = fmt.Sprintf("%s results instead of %s", count(uint64(f.Results)), count(uint64(q.results)))
	}
	before, err := server.gauges(ctx)
	if err != nil {
		return f, fault, err
	}
	times, err := c.repeat(ctx, server, q)
	if err != nil {
		return f, fault, err
	}
	after, err := server.gauges(ctx)
	f.fill(times, after.cpu()-before.cpu())
	return f, fault, err
}

// repeat asks over several connections until the time is over, or so many times.
func (c *benchQueryCmd) repeat(ctx context.Context, server *client, q query) ([]time.Duration, error) {
	var mu sync.Mutex
	var all []time.Duration
	var errs []error
	asked, began := 0, time.Now()
	more := func() bool {
		mu.Lock()
		defer mu.Unlock()
		asked++
		return len(errs) == 0 && (c.Repeat > 0 && asked <= c.Repeat || c.Repeat <= 0 && (asked <= c.Concurrency || time.Since(began) < c.Duration))
	}
	var wg sync.WaitGroup
	for range c.Concurrency {
		wg.Go(func() {
			for more() {
				a, err := server.timed(ctx, q.path, false)
				mu.Lock()
				if err != nil {
					errs = append(errs, err)
				}
				all = append(all, a.took)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return all, errors.Join(errs...)
}

func (f *queryFigure) fill(times []time.Duration, cpu time.Duration) {
	slices.Sort(times)
	at := func(q float64) float64 {
		return float64(times[max(int(math.Ceil(q*float64(len(times)))), 1)-1]) / 1e3
	}
	f.Times, f.ServerCPU = len(times), perEvent(cpu, uint64(len(times)))
	f.P50, f.P90, f.P99, f.Max = at(.5), at(.9), at(.99), at(1)
}

// timedAnswer is an answer with the time that it took to its last byte.
type timedAnswer struct {
	took  time.Duration
	bytes int
	body  []byte // only if it is kept
}

// timed asks, and reads the whole answer, of any size.
func (c *client) timed(ctx context.Context, path string, keep bool) (a timedAnswer, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+path, nil)
	if err != nil {
		return a, fmt.Errorf("ask %s: %w", c.base, err)
	}
	began := time.Now()
	resp, err := c.http.Do(req)
	if err != nil {
		return a, fmt.Errorf("ask the measured weir: %w", err)
	}
	defer resp.Body.Close()
	if keep || resp.StatusCode != http.StatusOK {
		a.body, err = io.ReadAll(resp.Body)
		a.bytes = len(a.body)
	} else {
		var n int64
		n, err = io.Copy(io.Discard, resp.Body)
		a.bytes = int(n)
	}
	a.took = time.Since(began)
	switch {
	case err != nil:
		return a, fmt.Errorf("read the answer: %w", err)
	case resp.StatusCode != http.StatusOK:
		return a, apiError(answer{resp.StatusCode, a.body})
	}
	return a, nil
}

func (f *queryFigures) print(s *session) error {
	var head figures
	head.add("load", "%s", f.Load)
	if f.Loaded.Events > 0 {
		head.add("loaded", "%s events in %s, %s events/s, %.1f µs of server CPU an event",
			count(f.Loaded.Events), shortTime(seconds(f.Loaded.Seconds)), count(uint64(f.Loaded.EventsPerSec)), f.Loaded.CPU)
	}
	head.add("series", "%s", count(f.Series))
	head.add("at a time", "%d", f.Concurrency)
	head.add("server memory", "%s", byteCount(f.ServerMemory))
	if f.StateBytes > 0 {
		head.add("state on disk", "%s, the journal apart", byteCount(f.StateBytes))
	}
	if err := head.print(s.stdout); err != nil {
		return err
	}
	fmt.Fprintln(s.stdout)
	w := tabwriter.NewWriter(s.stdout, 0, 0, 3, ' ', tabwriter.AlignRight)
	widest := 0
	for _, q := range f.Queries {
		widest = max(widest, len(q.Query))
	}
	fmt.Fprintf(w, "%-*s\tresults\tsamples\tbytes\ttimes\tp50\tp90\tp99\tmax\tserver CPU\t\n", widest, "query") // padded: the table aligns right
	for _, q := range f.Queries {
		fmt.Fprintf(w, "%-*s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", widest, q.Query,
			count(uint64(q.Results)), count(uint64(q.Samples)), byteCount(uint64(q.Bytes)), count(uint64(q.Times)),
			microseconds(q.P50), microseconds(q.P90), microseconds(q.P99), microseconds(q.Max), microseconds(q.ServerCPU))
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("print the figures: %w", err)
	}
	return nil
}

func microseconds(us float64) string { return shortTime(time.Duration(us * 1e3)) }

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
