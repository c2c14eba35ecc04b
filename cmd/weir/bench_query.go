package main

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// benchQueryCmd measures the answers' times on a fleet's recorded readings.
type benchQueryCmd struct {
	fleetFlags

	Duration    time.Duration `default:"5s" help:"How long to ask each query again and again."`
	Repeat      int           `default:"0" help:"Ask each query so many times instead of for a time; 0 for a time."`
	Concurrency int           `default:"1" help:"Queries at a time."`

	DataDir string `placeholder:"DIR" help:"Data directory of the weir that is measured, kept afterwards; by default a new one in the system's directory for temporary files, removed afterwards."`
	JSON    bool   `name:"json" help:"Print the figures as JSON."`

	Internal string    `placeholder:"URL" help:"Internal HTTP listener of a running weir to ask for what it has, instead of loading a new one."`
	At       time.Time `placeholder:"TIME" help:"Moment of the queries at --internal, such as 2026-01-02T15:00:00Z; by default now."`

	Settings []string `arg:"" optional:"" help:"Flags for the weir that is started, after --."`
}

// Help explains the command with examples.
func (benchQueryCmd) Help() string {
	return `Starts a weir of its own, publishes to it what a fleet would have sent in the past (nodes, tasks, and one task over a long time), and waits until that is folded. Then it asks, one query after the other, and prints how long each took to its last byte, how large the answer is, and what processor time it cost the server. Every query is asked once before it is measured, and that answer is looked at: ends with 1 if it is not what was loaded.

With --internal it asks a running weir for whatever it has, and checks nothing.

Examples:

    weir bench query
    weir bench query --nodes 100 --tasks 10 --duration 1s
    weir bench query --concurrency 8 --data-dir /mnt/disk/bench
    weir bench query --internal http://127.0.0.1:8080`
}

// errAnswers means that an answer is not what was loaded.
var errAnswers = errors.New("the answers are not what was loaded")

// queryTimeout is how long one answer may take.
const queryTimeout = 5 * time.Minute

// Run loads, asks and prints the figures.
func (c *benchQueryCmd) Run(s *session) (err error) {
	if err := c.check(); err != nil {
		return err
	}
	place, err := newBenchPlace(s, c.DataDir)
	if err != nil {
		return err
	}
	defer place.remove(&err)
	server := &benchServer{client: &client{base: strings.TrimSuffix(c.Internal, "/")}}
	if c.Internal == "" {
		if server, err = startBenchServer(s, place, c.Settings); err != nil {
			return err
		}
	}
	defer func() { err = errors.Join(err, server.stop()) }()
	server.client.http = &http.Client{Timeout: queryTimeout, Transport: &http.Transport{
		MaxIdleConnsPerHost: c.Concurrency, DisableCompression: true,
	}}
	f, err := c.measure(s, server, place)
	if err = errors.Join(err, server.stop()); err != nil { // before printing: nobody may read it, which would end us
		return err
	}
	if c.JSON {
		err = printJSON(s, f)
	} else {
		err = f.print(s)
	}
	if err == nil && len(f.Faults) > 0 {
		err = fmt.Errorf("%w: %s", errAnswers, strings.Join(f.Faults, "; "))
	}
	return err
}

func (c *benchQueryCmd) check() error {
	switch {
	case c.Internal != "" && (c.DataDir != "" || len(c.Settings) > 0):
		return errors.New("--data-dir and settings are for a weir that is started, not for one at --internal")
	case c.Internal == "" && !c.At.IsZero():
		return errors.New("--at is for a running weir at --internal")
	case c.Concurrency < 1:
		return fmt.Errorf("a concurrency of %d", c.Concurrency)
	case c.Repeat <= 0 && c.Duration <= 0:
		return errors.New("neither a duration nor a number of repetitions")
	}
	return c.fleetFlags.check()
}

// measure has the fleet loaded, where that is asked for, and every query timed.
func (c *benchQueryCmd) measure(s *session, server *benchServer, place benchPlace) (*queryFigures, error) {
	f := &queryFigures{Faults: []string{}, Concurrency: c.Concurrency}
	fleet, err := c.fleet(s, server, f)
	if err != nil {
		return nil, err
	}
	for _, q := range fleet.queries() {
		fmt.Fprintf(s.stderr, "ask: %s\n", q.name)
		figure, fault, err := c.time(s.ctx, server.client, q)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", q.name, err)
		}
		f.Queries = append(f.Queries, figure)
		if fault != "" && c.Internal == "" {
			f.Faults = append(f.Faults, q.name+": "+fault)
		}
	}
	after, err := server.client.gauges(s.ctx)
	if err != nil {
		return nil, err
	}
	f.ServerMemory = uint64(after["process_resident_memory_bytes"])
	if c.Internal == "" {
		f.StateBytes, err = stateBytes(place)
	}
	return f, err
}

// fleet loads the fleet, or finds out about the one that is there.
func (c *benchQueryCmd) fleet(s *session, server *benchServer, f *queryFigures) (*askedFleet, error) {
	if c.Internal == "" {
		f.Load = c.fleetFlags.String()
		end := time.Now().Truncate(nodeStep)
		loaded, err := c.load(s, server, end)
		f.Loaded = loaded
		if err != nil {
			return nil, fmt.Errorf("load the fleet: %w", err)
		}
		f.Series, err = server.client.seriesCount(s.ctx, end)
		return &askedFleet{fleetFlags: c.fleetFlags, end: end, task: taskName(0)}, err
	}
	f.Load = "what " + c.Internal + " has"
	fleet := &askedFleet{fleetFlags: c.fleetFlags, end: c.At}
	if fleet.end.IsZero() {
		fleet.end = time.Now().Truncate(time.Second)
	}
	var err error
	if f.Series, err = server.client.seriesCount(s.ctx, fleet.end); err == nil {
		fleet.task, err = server.client.anyTask(s.ctx)
	}
	return fleet, err
}
