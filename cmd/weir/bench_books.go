package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"weir/devices/loadgen"
)

// books is what became of one tenant's events, as GET /api/accounting says.
type books struct {
	Received  uint64 `json:"received"`
	Applied   uint64 `json:"applied"`
	Duplicate uint64 `json:"duplicate"`
	Rejected  uint64 `json:"rejected"`
	Pending   uint64 `json:"pending"`
}

// since returns what was added since before; pending is what is pending now.
func (b books) since(before books) books {
	return books{
		b.Received - before.Received, b.Applied - before.Applied, b.Duplicate - before.Duplicate,
		b.Rejected - before.Rejected, b.Pending,
	}
}

func (b books) String() string {
	return fmt.Sprintf("received %s = applied %s + duplicate %s + rejected %s + pending %s",
		count(b.Received), count(b.Applied), count(b.Duplicate), count(b.Rejected), count(b.Pending))
}

// books asks for a tenant's books; one that is not known has empty ones.
func (c *client) books(ctx context.Context, service, subservice string) (books, error) {
	var page struct {
		Tenants []struct {
			Service    string `json:"service"`
			Subservice string `json:"subservice"`
			books
		} `json:"tenants"`
	}
	if _, err := c.ask(ctx, http.MethodGet, "/api/accounting", &page); err != nil {
		return books{}, fmt.Errorf("ask for the books: %w", err)
	}
	for _, t := range page.Tenants {
		if t.Service == service && t.Subservice == subservice {
			return t.books, nil
		}
	}
	return books{}, nil
}

// foldPatience is how long the fold may make no headway.
const foldPatience = 30 * time.Second

// settledBooks waits until a tenant's events, at least so many of them, are
// folded, and returns its books. It gives up, with an error and the books as
// they are, when nothing moves any more.
func (c *client) settledBooks(ctx context.Context, service, subservice string, received uint64) (books, error) {
	return c.booksWhen(ctx, service, subservice, func(b books) bool { return b.Received >= received })
}

// booksWhen is settledBooks for who knows by other numbers that all is there.
func (c *client) booksWhen(ctx context.Context, service, subservice string, enough func(books) bool) (books, error) {
	var last books
	moved := time.Now()
	tick := time.NewTicker(benchPoll)
	defer tick.Stop()
	for {
		b, err := c.books(ctx, service, subservice)
		if err != nil || enough(b) && b.Pending == 0 {
			return b, err
		}
		if b != last {
			last, moved = b, time.Now()
		} else if time.Since(moved) > foldPatience {
			return b, fmt.Errorf("nothing was folded for %v, at %s", foldPatience, b)
		}
		select {
		case <-ctx.Done():
			return b, ctx.Err()
		case <-tick.C:
		}
	}
}

// errBooks means that the server's count is not the load generator's.
var errBooks = errors.New("the books do not balance")

// auditBooks compares what the server counted with what was sent to it and
// returns what does not fit. whole says that the run came to its end: then
// everything that was sent was answered.
func auditBooks(b books, r loadgen.Result, c loadgen.Config, whole bool) []string {
	faults := []string{}
	check := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Sprintf(format, args...))
		}
	}
	answered := r.Acknowledged + r.Rejected
	check(b.Received == b.Applied+b.Duplicate+b.Rejected+b.Pending, "received is not the sum of the others: %s", b)
	check(b.Received >= answered, "%s events were acknowledged, only %s received", count(answered), count(b.Received))
	check(b.Received <= r.Sent, "%s events were sent, but %s received", count(r.Sent), count(b.Received))
	check(!whole || b.Received == answered, "%s events were acknowledged, but %s received", count(answered), count(b.Received))
	check(b.Duplicate == 0, "%s events count as duplicates, but nothing was sent twice", count(b.Duplicate))
	switch {
	case c.Payload == loadgen.Bad:
		check(b.Applied == 0, "%s malformed events were applied", count(b.Applied))
	case c.MalformedEvery == 0:
		check(b.Rejected == 0, "%s good events were rejected", count(b.Rejected))
	}
	return faults
}

// gauges are numbers of the server's own metrics, by name.
type gauges map[string]float64

// gauges reads the metrics that have no labels.
func (c *client) gauges(ctx context.Context) (gauges, error) {
	a, err := c.do(ctx, http.MethodGet, "/metrics")
	if err != nil {
		return nil, err
	}
	if a.status != http.StatusOK {
		return nil, fmt.Errorf("read the metrics of %s: %w", c.base, apiError(a))
	}
	g := gauges{}
	for line := range strings.Lines(string(a.body)) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok || strings.ContainsAny(name, "#{") {
			continue
		}
		if v, err := strconv.ParseFloat(value, 64); err == nil {
			g[name] = v
		}
	}
	return g, nil
}

// cpu is the processor time that the server has used.
func (g gauges) cpu() time.Duration {
	return time.Duration(g["process_cpu_seconds_total"] * float64(time.Second))
}
