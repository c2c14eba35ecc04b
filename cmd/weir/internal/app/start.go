package app

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/nats-io/nats.go"

	"weir/cmd/weir/internal/config"
	"weir/cmd/weir/internal/datadir"
	"weir/pkg/journal"
	"weir/pkg/metrics"
	"weir/services/aggregator"
	"weir/services/alerter"
	"weir/services/ingest"
	"weir/services/query"
)

// lockDataDir takes the data directory, for the roles that keep something in it.
func (a *App) lockDataDir(context.Context) error {
	if a.cfg.Role&(config.All|config.Aggregator|config.Offline) == 0 {
		return nil
	}
	lock, err := datadir.Acquire(a.cfg.Settings.DataDir)
	if err != nil {
		return err
	}
	a.stops.push("data directory lock", func(context.Context) error { return lock.Release() })
	return nil
}

// startJournal starts the embedded NATS server, unless the settings name
// another one, and says how the services get their connections.
func (a *App) startJournal(context.Context) error {
	if a.cfg.Settings.NATSURL != "" {
		a.connect = func(ctx context.Context, name string) (*nats.Conn, error) {
			return connectURL(ctx, a.cfg.Settings, name, a.cfg.Role != config.Query, a.log)
		}
		return nil
	}
	embedded, err := journal.StartEmbedded(journal.EmbeddedConfig{
		Dir: datadir.Journal(a.cfg.Settings.DataDir), Logger: a.log,
	})
	if err != nil {
		return fmt.Errorf("start the journal: %w", err)
	}
	a.stops.push("journal", func(context.Context) error { embedded.Stop(); return nil })
	a.connect = func(context.Context, string) (*nats.Conn, error) { return embedded.Connect() }
	return nil
}

// openJournal makes the journal's stream if there is none, with the number of
// replicas of the settings: the services open whatever is there.
func (a *App) openJournal(ctx context.Context) error {
	nc, err := a.connect(ctx, "setup")
	if err != nil {
		return err
	}
	defer nc.Close()
	_, err = journal.Open(ctx, nc, journal.Config{Partition: partition, Replicas: a.cfg.Settings.JournalReplicas})
	if err != nil {
		return fmt.Errorf("open the journal: %w", err)
	}
	return nil
}

// connection opens a service's own connection.
func (a *App) connection(ctx context.Context, service string) (*nats.Conn, error) {
	nc, err := a.connect(ctx, service)
	if err != nil {
		return nil, err
	}
	a.nats = nc
	a.stops.push("connection of "+service, func(context.Context) error { nc.Close(); return nil })
	return nc, nil
}

// service is what every service's App can do.
type service interface {
	Start(context.Context) error
	Stop(context.Context) error
}

// startService starts a service that New made, or passes on why it did not.
// Services' errors name them.
func (a *App) startService(ctx context.Context, name string, s service, err error) error {
	if err != nil {
		return err
	}
	if err := s.Start(ctx); err != nil {
		return err
	}
	a.stops.push(name, s.Stop)
	return nil
}

func (a *App) startAggregator(ctx context.Context) error {
	nc, err := a.connection(ctx, "aggregator")
	if err != nil {
		return err
	}
	c := a.cfg.Settings
	a.aggregator, err = aggregator.New(aggregator.Config{
		NATS: nc, Partition: partition, Dir: datadir.State(c.DataDir, partition),
		Settings: FoldSettings(c), CheckpointInterval: c.CheckpointInterval,
		StaleFloor: c.StaleFloor, StaleCeiling: c.StaleCeiling,
		Logger: a.log.With("service", "aggregator"),
	})
	if err := a.startService(ctx, "aggregator", a.aggregator, err); err != nil {
		return err
	}
	a.watch(ctx, "aggregator", a.aggregator.Failed())
	return nil
}

func (a *App) startAlerter(ctx context.Context) error {
	c := a.cfg.Settings
	nc, err := a.connection(ctx, "alerter")
	if err != nil {
		return err
	}
	external := c.ExternalURL
	if external == "" {
		external = "http://" + c.InternalAddr
	}
	actions, err := actionSettings(c)
	if err != nil {
		return err
	}
	a.alerter, err = alerter.New(alerter.Config{
		NATS: nc, Partition: partition, Replicas: c.JournalReplicas,
		Rules: c.Rules, DefaultRules: c.DefaultRules, AlertmanagerConfig: c.AlertmanagerConfig,
		EvaluationInterval: c.EvaluationInterval, ExternalURL: external,
		FallbackReceiver: c.FallbackReceiver, FallbackAfter: c.FallbackAfter, Actions: actions,
		LookbackDelta: c.QueryLookback, QueryTimeout: c.QueryTimeout, QueryMaxSamples: c.QueryMaxSamples,
		ExperimentalFunctions: c.QueryExperimental,
		Version:               a.cfg.Version, Logger: a.log.With("service", "alerter"),
	})
	if err := a.startService(ctx, "alerter", a.alerter, err); err != nil {
		return err
	}
	a.watch(ctx, "alerter", a.alerter.Failed())
	return nil
}

// FoldSettings returns the settings that the state depends on.
func FoldSettings(c config.Config) aggregator.Settings {
	s := aggregator.Settings{
		ClockEarliest: c.ClockEarliest, ClockAhead: c.ClockAhead, DuplicateWindows: c.DuplicateWindows,
		Limits: foldLimits(&c.Retention, &c.HistoryBytes, &c.SeriesLimit, &c.SourceLimit),
	}
	for _, t := range c.Tenants {
		s.Tenants = append(s.Tenants, aggregator.TenantLimits{
			Service: t.Service, Subservice: t.Subservice,
			Limits: foldLimits(t.Retention, t.HistoryBytes, t.SeriesLimit, t.SourceLimit),
		})
	}
	return s
}

// foldLimits translates limits: for the aggregator what is not given is zero, and
// what is not limited has a name.
func foldLimits(retention *time.Duration, bytes, series, sources *int) aggregator.Limits {
	number := func(n *int) int64 {
		switch {
		case n == nil:
			return 0
		case *n == 0:
			return aggregator.NoLimit
		}
		return int64(*n)
	}
	limits := aggregator.Limits{HistoryBytes: number(bytes), Series: number(series), Sources: number(sources)}
	if retention != nil {
		if limits.Retention = *retention; *retention == 0 {
			limits.Retention = aggregator.NoLimit
		}
	}
	return limits
}

func (a *App) startIngest(ctx context.Context) error {
	c := a.cfg.Settings
	var users *ingest.Users
	if c.Users != "" {
		var err error
		if users, err = ingest.LoadUsers(c.Users); err != nil {
			return fmt.Errorf("load the users: %w", err)
		}
	}
	if c.AllowAnonymous && !config.IsLoopback(c.MQTTAddr) {
		a.log.Warn("everybody who reaches the MQTT listener may publish and subscribe, without a password", "mqtt_addr", c.MQTTAddr)
	}
	if c.AllowAnonymous && !config.IsLoopback(c.IntakeAddr) {
		a.log.Warn("everybody who reaches the intake may push, without a password", "intake_addr", c.IntakeAddr)
	}
	nc, err := a.connection(ctx, "ingest")
	if err != nil {
		return err
	}
	a.ingest, err = ingest.New(ingest.Config{
		NATS: nc, Partition: partition, Replicas: c.JournalReplicas, MQTTAddr: c.MQTTAddr, IntakeAddr: c.IntakeAddr,
		Users: users, Sources: c.Sources, MaxPayload: c.MaxPayload,
		Version: a.cfg.Version, Logger: a.log.With("service", "ingest"), LogLevel: a.cfg.LogLevel,
	})
	return a.startService(ctx, "ingest", a.ingest, err)
}

func (a *App) startQuery(ctx context.Context) error {
	c := a.cfg.Settings
	nc, err := a.connection(ctx, "query")
	if err != nil {
		return err
	}
	a.query, err = query.New(query.Config{
		NATS: nc, Partition: partition, InternalAddr: c.InternalAddr, ExternalAddr: c.ExternalAddr,
		Version: a.cfg.Version, Heartbeat: c.PropletHeartbeat, Metrics: a.metrics(),
		PromQL: query.PromQL{
			MaxSamples: c.QueryMaxSamples, Timeout: c.QueryTimeout, MaxConcurrency: c.QueryMaxConcurrency,
			MaxSeries: c.QueryMaxSeries, LookbackDelta: c.QueryLookback, Experimental: c.QueryExperimental,
			Retention: ageText(c.Retention),
		},
		Logger: a.log.With("service", "query"),
	})
	return a.startService(ctx, "query", impatient{a.query}, err)
}

// ageText writes a retention as Prometheus does: "15d", "36h".
func ageText(d time.Duration) string {
	switch day := 24 * time.Hour; {
	case d == 0:
		return "for ever"
	case d%day == 0:
		return fmt.Sprintf("%dd", d/day)
	}
	return d.String()
}

// queryStop bounds the wait for HTTP requests that are being answered: what
// stops after query has to put things on disk.
const queryStop = 3 * time.Second

// impatient stops a query service within queryStop.
type impatient struct{ *query.App }

// Stop stops within queryStop.
func (q impatient) Stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, queryStop)
	defer cancel()
	return q.App.Stop(ctx)
}

// metrics lists the writers of this process's own metrics.
func (a *App) metrics() []func(io.Writer) {
	writers := []func(io.Writer){metrics.WriteProcess}
	if a.ingest != nil {
		writers = append(writers, a.ingest.WriteMetrics)
	}
	if a.aggregator != nil {
		writers = append(writers, a.aggregator.WriteMetrics)
	}
	if a.alerter != nil {
		writers = append(writers, a.alerter.WriteMetrics)
	}
	return writers
}
