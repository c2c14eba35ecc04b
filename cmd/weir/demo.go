package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"weir/cmd/weir/internal/app"
	"weir/cmd/weir/internal/config"
	"weir/devices/simulate"
)

// demoCmd is weir with a fleet of its own.
type demoCmd struct {
	simulatedFleet
	Scene []string `default:"rollout,outage,flapping,storm,bad-firmware" help:"What happens to the fleet, again and again; weir simulate --help says what there is."`

	settings
}

// Help explains the command with examples.
func (demoCmd) Help() string {
	return `Runs everything, as plain weir does, and a simulated fleet that publishes to it: the whole product in one command. The data is in a temporary directory that goes with the end, unless --data-dir names one. All flags of weir are there, and those of the fleet of weir simulate.

Scenes befall the fleet one after the other, which make the shipped alerts fire and recover: the first one a minute after the beginning.

Examples:

    weir demo
    weir demo --spore 500 --speed 10
    weir demo --scene bad-firmware --scene-after 10s
    weir demo --mqtt-addr 127.0.0.1:0 --internal-addr 127.0.0.1:0 --external-addr 127.0.0.1:0 --intake-addr 127.0.0.1:0`
}

// Run serves and plays until the process is told to stop, or --for is over.
func (d *demoCmd) Run(s *session) (err error) {
	began := time.Now()
	fleet, err := d.simulatedFleet.config(d.Scene)
	if err != nil {
		return err
	}
	c, logger, cleanUp, err := d.prepare(s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cleanUp()) }()
	a := app.New(app.Config{Settings: c, Role: config.All, Version: version(), Logger: logger})
	switch err := a.Start(s.ctx); {
	case err != nil && s.ctx.Err() != nil && errors.Is(err, context.Canceled):
		return nil
	case err != nil:
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), app.StopTimeout)
		defer cancel()
		err = errors.Join(err, a.Stop(ctx))
	}()
	fleet.Broker, fleet.SceneRepeat, fleet.Logger = "tcp://"+reachable(a.Addrs().MQTT), true, logger
	played, err := simulate.New(fleet)
	if err != nil {
		return fmt.Errorf("simulate: %w", err)
	}
	where, _, _ := strings.Cut(banner(config.All, c, a.Addrs(), time.Since(began)), firstSteps)
	fmt.Fprint(s.stdout, where, demoBanner(a.Addrs(), played.Addrs()))
	return d.play(s, a, played, fleet.Tenants)
}

// prepare loads the settings: those that were not given are a demonstration's.
// cleanUp removes what was made for it.
func (d *demoCmd) prepare(s *session) (c config.Config, logger *slog.Logger, cleanUp func() error, err error) {
	c, _, err = d.load(s)
	if err != nil {
		return c, nil, nil, err
	}
	if c.Users != "" {
		return c, nil, nil, errors.New("the fleet of the demonstration has no passwords: leave out --users")
	}
	isDefault := config.Default()
	if !d.gave("log-level") && c.LogLevel == isDefault.LogLevel {
		c.LogLevel = slog.LevelWarn
	}
	cleanUp = func() error { return nil }
	if !d.gave("data-dir") && c.DataDir == isDefault.DataDir {
		if c.DataDir, err = os.MkdirTemp("", "weir-demo-"); err != nil {
			return c, nil, nil, fmt.Errorf("make a directory for the data: %w", err)
		}
		cleanUp = func() error { return os.RemoveAll(c.DataDir) }
	}
	return c, newLogger(aboveFleetLine(s), c), cleanUp, nil
}

func (d *demoCmd) gave(flag string) bool {
	return slices.ContainsFunc(d.given(), func(f config.Flag) bool { return f.Name == flag })
}

// firstSteps is where the banner begins to say what to try without a fleet.
const firstSteps = "Try in another terminal:\n"

// play has the fleet publish until the end, or until a service cannot go on, and
// then says what was sent and whether the books agree.
func (d *demoCmd) play(s *session, a *app.App, played *simulate.Simulation, tenants []simulate.Tenant) error {
	check := newBookkeeper(&client{"http://" + reachable(a.Addrs().Internal), &http.Client{Timeout: clientTimeout}})
	if err := check.open(s.ctx, tenants); err != nil && s.ctx.Err() == nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(s.ctx)
	defer cancel(nil)
	watching := make(chan struct{})
	go func() {
		defer close(watching)
		select {
		case failure := <-a.Failed():
			cancel(failure)
		case <-ctx.Done():
		}
	}()
	during := *s
	during.ctx = ctx
	summary, err := playFleet(&during, played)
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return errors.Join(cause, err)
	}
	cancel(nil)
	<-watching
	err = errors.Join(err, printFleet(s.stdout, summary))
	settle, end := context.WithTimeout(context.WithoutCancel(s.ctx), 30*time.Second)
	defer end()
	return errors.Join(err, check.close(settle, s.stdout, summary.Accounts))
}

// demoBanner says what to open.
func demoBanner(server app.Addrs, fleet simulate.Addrs) string {
	internal := "http://" + reachable(server.Internal)
	var b strings.Builder
	b.WriteString("A simulated fleet publishes. Open or ask:\n")
	for _, line := range [][2]string{
		{"index", internal + "/"},
		{"fleet", internal + "/api/monitoring/resources"},
		{"proplets", internal + "/proplets"},
		{"alerts", internal + "/api/v1/alerts"},
		{"account", internal + "/api/accounting"},
	} {
		fmt.Fprintf(&b, "  %-9s %s\n", line[0], line[1])
	}
	for _, query := range []string{"avg by (zone) (spore_node_cpu_usage_percent)", "topk(3, proplet_task_cpu_usage_percent)", "count by (kind) (weir_source_up == 1)"} {
		fmt.Fprintf(&b, "  %-9s curl -s %s/api/v1/query -d 'query=%s'\n", "PromQL", internal, query)
	}
	b.WriteString(whereFleetAnswers(fleet))
	return b.String()
}
