package main

import (
	"context"
	"errors"
	"fmt"

	"weir/devices/loadgen"
)

// overHTTP reports whether the load goes to the intake.
func (c *benchIngestCmd) overHTTP() bool { return c.Kind != "" && c.Kind != "mqtt" }

// checkHTTP returns which flags do not go with the way in.
func (c *benchIngestCmd) checkHTTP() error {
	switch {
	case c.overHTTP() && (c.Rate > 0 || c.MalformedEvery > 0):
		return errors.New("--rate and --malformed-every are for --kind mqtt")
	case !c.overHTTP() && c.Samples > 0:
		return errors.New("--samples is for a --kind over HTTP")
	}
	return nil
}

// String says what the load is made of in a few words.
func (c *benchIngestCmd) String() string {
	if !c.overHTTP() {
		return c.loadFlags.String()
	}
	what := map[string]string{"ngsi": "notifications of %s entities", "exposition": "texts of %s groups", "remote-write": "remote writes of %s instances"}[c.Kind]
	return fmt.Sprintf("%s HTTP connections, "+what, count(uint64(c.Clients)), count(uint64(c.Sources)))
}

// put puts the load on.
func (c *benchIngestCmd) put(ctx context.Context, config loadgen.Config, progress func(loadgen.Progress)) (loadgen.Result, error) {
	if !c.overHTTP() {
		return loadgen.Run(ctx, config, progress)
	}
	return loadgen.RunHTTP(ctx, loadgen.HTTPConfig{
		Addr: config.Addr, Kind: loadgen.HTTPKind(c.Kind), Username: config.Username, Password: config.Password,
		Clients: config.Clients, Samples: c.Samples, Sources: config.Sources,
		Warmup: config.Warmup, Duration: config.Duration, Events: config.Events, Drain: config.Drain,
		Service: config.Service, Subservice: config.Subservice,
	}, progress)
}
