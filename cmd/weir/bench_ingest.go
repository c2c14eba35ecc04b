package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"weir/devices/loadgen"
)

// benchIngestCmd measures the way of a message from PUBLISH to the fold.
type benchIngestCmd struct {
	loadFlags
	Kind           string        `enum:"mqtt,ngsi,exposition,remote-write" default:"mqtt" help:"Way in: mqtt, or over HTTP ngsi (notifications), exposition (a Pushgateway's groups) or remote-write (Prometheus')."`
	Samples        int           `default:"0" help:"Values in a request over HTTP; 0 is 5 of a notification, 20 of a group, 500 of a remote write."`
	Rate           float64       `default:"0" help:"Messages a second over all connections, due at fixed times whatever the server does; 0 sends as fast as the windows allow."`
	Duration       time.Duration `default:"10s" help:"How long to send, the warm-up included."`
	Warmup         time.Duration `default:"2s" help:"How long at the beginning not to measure."`
	Events         uint64        `default:"0" help:"Send so many messages instead of for a time; 0 for none."`
	MalformedEvery int           `default:"0" help:"Make every so many-th message malformed; 0 for none."`
	Probe          bool          `default:"true" negatable:"" help:"Publish some 20 numbered messages a second beside the load and measure when a query shows them."`

	Target       string `placeholder:"HOST:PORT" help:"MQTT listener (for a way over HTTP, intake) of a running weir to measure instead of a new one."`
	Internal     string `placeholder:"URL" help:"Internal HTTP listener of the weir at --target."`
	Username     string `placeholder:"NAME" help:"User at --target."`
	PasswordFile string `placeholder:"FILE" help:"File with the user's key."`

	Settings []string `arg:"" optional:"" help:"Flags for the weir that is started, after --."`
}

// Help explains the command with examples.
func (benchIngestCmd) Help() string {
	return `Starts a weir of its own on an empty data directory and puts a load on it (or on a running one, with --target and --internal). Prints the rate, the time from sending to acknowledgement and from sending to being seen in a query, and the processor time an event; then waits until everything is folded, and compares the server's books with what was sent. Ends with 1 if they do not balance.

The load generator takes its share of the same processors; what it took is shown too. Rates differ from machine to machine and with whatever else runs: compare the processor time.

Over HTTP (--kind) each of --clients connections has one request on its way, as fast as they are answered; an event is a request. Of the flags that say what is sent over MQTT, --sources alone counts: entities, groups or instances.

Examples:

    weir bench ingest
    weir bench ingest --kind remote-write --clients 8
    weir bench ingest --rate 10000 --window 1000
    weir bench ingest --clients 1000 --window 1 --data-dir /mnt/disk/bench
    weir bench ingest -- --checkpoint-interval 5s
    weir bench ingest --target 127.0.0.1:1883 --internal http://127.0.0.1:8080`
}

// Run measures, prints the figures, and audits the books.
func (c *benchIngestCmd) Run(s *session) (err error) {
	config, err := c.load()
	if err != nil {
		return err
	}
	place, err := newBenchPlace(s, c.DataDir)
	if err != nil {
		return err
	}
	defer place.remove(&err)
	server := &benchServer{mqtt: c.Target, intake: c.Target}
	if c.Target == "" {
		if server, err = startBenchServer(s, place, c.Settings); err != nil {
			return err
		}
	} else {
		server.client = &client{strings.TrimSuffix(c.Internal, "/"), &http.Client{Timeout: clientTimeout}}
	}
	defer func() { err = errors.Join(err, server.stop()) }()
	config.Addr = server.mqtt
	if c.overHTTP() {
		config.Addr = server.intake
	}
	f, err := c.measure(s, server.client, config)
	if err = errors.Join(err, server.stop()); err != nil { // before printing: nobody may read it, which would end us
		return err
	}
	if err := f.print(s, c.JSON); err != nil {
		return err
	}
	if len(f.Faults) > 0 {
		return fmt.Errorf("%w: %s", errBooks, strings.Join(f.Faults, "; "))
	}
	return nil
}

// load is the load that the flags ask for, but for the address.
func (c *benchIngestCmd) load() (loadgen.Config, error) {
	config := c.config("")
	config.Rate, config.MalformedEvery, config.Events = c.Rate, c.MalformedEvery, c.Events
	config.Warmup, config.Duration, config.Username = c.Warmup, c.Duration, c.Username
	if c.Events > 0 {
		config.Warmup, config.Duration = 0, 0
	}
	switch {
	case (c.Target == "") != (c.Internal == ""):
		return config, errors.New("--target and --internal belong together: the load goes to the one, and the other tells what became of it")
	case c.Target != "" && (c.DataDir != "" || len(c.Settings) > 0):
		return config, errors.New("--data-dir and settings are for a weir that is started, not for one at --target")
	}
	if err := c.checkHTTP(); err != nil {
		return config, err
	}
	if c.PasswordFile != "" {
		key, err := os.ReadFile(c.PasswordFile)
		if err != nil {
			return config, fmt.Errorf("read the key: %w", err)
		}
		config.Password = strings.TrimSpace(string(key))
	}
	return config, nil
}

// measure puts the load on the server and reads its figures before and after.
func (c *benchIngestCmd) measure(s *session, server *client, config loadgen.Config) (ingestFigures, error) {
	booksBefore, err := server.books(s.ctx, c.Service, c.Subservice)
	if err != nil {
		return ingestFigures{}, err
	}
	before, err := server.gauges(s.ctx)
	if err != nil {
		return ingestFigures{}, err
	}
	if c.Probe && !c.overHTTP() {
		config.ProbeURL = server.base
	}
	ownBefore := ownCPU()
	progress := newLoadProgress(s.stderr, "ingest", config)
	result, runErr := c.put(s.ctx, config, progress.update)
	progress.end()
	own := ownCPU() - ownBefore
	if err := s.ctx.Err(); err != nil {
		return ingestFigures{}, err
	}
	if runErr != nil && result.Sent == 0 {
		return ingestFigures{}, fmt.Errorf("put the load on: %w", runErr)
	}
	f := ingestFigures{Load: c.String(), Kind: c.Kind, config: config, result: result, OwnCPU: perEvent(own, result.Sent)}
	f.fill()
	after, err := server.settledBooks(s.ctx, c.Service, c.Subservice, booksBefore.Received+result.Acknowledged+result.Rejected)
	f.Folded = time.Since(result.LoadEnded).Seconds()
	if err != nil && after == (books{}) {
		return f, err
	}
	f.Books = after.since(booksBefore)
	f.Faults = auditBooks(f.Books, result, config, runErr == nil)
	for _, e := range []error{runErr, err} {
		if e != nil {
			f.Faults = append(f.Faults, e.Error())
		}
	}
	return f, f.readServer(s.ctx, server, before)
}
