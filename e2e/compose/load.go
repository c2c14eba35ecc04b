package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"weir/devices/loadgen"
)

// load is numbered publishers of each kind.
type load struct{ publishers []*loadgen.Numbered }

func (c *check) startLoad(ctx context.Context) error {
	c.load = &load{}
	for _, config := range []loadgen.NumberedConfig{
		{QoS: 1, Version: 4, Name: "v3-qos1", Connections: 3},
		{QoS: 2, Version: 4, Name: "v3-qos2", Connections: 2},
		{QoS: 1, Version: 5, Name: "v5-qos1", Connections: 2},
		{QoS: 2, Version: 5, Name: "v5-qos2", Connections: 2},
	} {
		config.Addr, config.Rate = func() string { return c.mqtt }, 100
		n, err := loadgen.StartNumbered(config)
		if err != nil {
			return fmt.Errorf("start %s: %w", config.Name, err)
		}
		c.load.publishers = append(c.load.publishers, n)
	}
	return c.more(ctx, 500)
}

func (l *load) acknowledged() uint64 {
	sum := uint64(0)
	for _, p := range l.publishers {
		sum += p.Acknowledged()
	}
	return sum
}

// more waits until n more numbers are acknowledged.
func (c *check) more(ctx context.Context, n uint64) error {
	target := c.load.acknowledged() + n
	return eventually(ctx, fmt.Sprintf("%d more numbers are acknowledged", n), func() error {
		if now := c.load.acknowledged(); now < target {
			return fmt.Errorf("%d are missing", target-now)
		}
		return nil
	})
}

// account is one line of /api/accounting.
type account struct {
	Service, Subservice                             string
	Received, Applied, Duplicate, Rejected, Pending uint64
}

// settle ends the load and compares what was acknowledged with what is stored.
func (c *check) settle(ctx context.Context) error {
	bound, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for _, p := range c.load.publishers {
		if err := p.Drain(bound); err != nil {
			return fmt.Errorf("end the load: %w", err)
		}
	}
	acknowledged := c.load.acknowledged()
	var books struct {
		Tenants []account
		Sum     account
	}
	err := eventually(ctx, "all is folded", func() error {
		books.Tenants = nil
		if err := c.getJSON("/api/accounting", &books); err != nil {
			return err
		}
		if books.Sum.Received < acknowledged || books.Sum.Pending > 0 {
			return fmt.Errorf("%+v, %d acknowledged", books.Sum, acknowledged)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, a := range append(books.Tenants, books.Sum) {
		if a.Received != a.Applied+a.Duplicate+a.Rejected+a.Pending {
			return fmt.Errorf("the books do not balance: %+v", a)
		}
	}
	stored, again, connects := 0, 0, 0
	var faults []error
	for _, p := range c.load.publishers {
		for _, report := range p.Reports() {
			n, err := c.compare(report)
			faults = append(faults, err)
			stored, again, connects = stored+n, again+report.Retransmitted, connects+report.Connects
		}
	}
	fmt.Printf("     %d acknowledged, %d stored, %d retransmissions over %d connections; books %+v\n", acknowledged, stored, again, connects, books.Sum)
	return errors.Join(faults...)
}

// compare looks for one connection's numbers among its task's readings.
func (c *check) compare(report loadgen.Report) (int, error) {
	var faults []error
	fault := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf(report.Client+": "+format, args...))
	}
	if len(report.Rejected)+len(report.Abandoned)+len(report.Unsettled)+len(report.Faults) > 0 || len(report.Acknowledged) == 0 {
		fault("rejected %v, abandoned %v, unsettled %v, faults %v, %d acknowledged", report.Rejected, report.Abandoned, report.Unsettled, report.Faults, len(report.Acknowledged))
	}
	var page struct {
		Total   int
		Metrics []struct {
			Metrics struct {
				Number uint64 `json:"uptime_seconds"`
			}
		}
	}
	if err := c.getJSON("/tasks/"+report.Task+"/metrics?limit=1000000", &page); err != nil {
		return 0, err
	}
	times := map[uint64]int{}
	for _, m := range page.Metrics {
		if times[m.Metrics.Number]++; times[m.Metrics.Number] > 1 {
			fault("number %d is stored %d times", m.Metrics.Number, times[m.Metrics.Number])
		}
	}
	missing := 0
	for _, n := range report.Acknowledged {
		if times[n] == 0 {
			missing++
		}
	}
	if missing > 0 || page.Total != len(page.Metrics) {
		fault("%d acknowledged numbers are missing; %d of %d on the page", missing, len(page.Metrics), page.Total)
	}
	return len(times), errors.Join(faults...)
}

func (c *check) getJSON(path string, into any) error {
	a, err := ask("GET", c.internal, path, "")
	if err != nil {
		return err
	}
	if a.status != 200 {
		return fmt.Errorf("GET %s: %d %.300s", path, a.status, a.body)
	}
	if err := json.Unmarshal(a.body, into); err != nil {
		return fmt.Errorf("GET %s: %w in %.300s", path, err, a.body)
	}
	return nil
}

// healthIs waits until the front door's /health has a status and says a text.
func (c *check) healthIs(ctx context.Context, status int, text string) error {
	return eventually(ctx, fmt.Sprintf("/health answers %d with %s", status, text), func() error {
		a, err := ask("GET", c.internal, "/health", "")
		if err != nil {
			return err
		}
		if a.status != status || !containsAll(string(a.body), text) {
			return fmt.Errorf("%d %s", a.status, a.body)
		}
		return nil
	})
}
