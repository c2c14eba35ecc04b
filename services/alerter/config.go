// Package alerter evaluates rules and tells receivers of alerts. All that
// happens is an event in its ledger, a JetStream stream, from which a restart
// goes on.
package alerter

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"github.com/nats-io/nats.go"

	"weir/services/alerter/internal/actions"
	"weir/services/alerter/internal/evaluate"
	"weir/services/alerter/internal/route"
)

// ActionSettings are the addresses and secrets of the actions of tenants' rules.
type ActionSettings = actions.Settings

// OAuth1 is the keys of Twitter's application and account.
type OAuth1 = actions.OAuth1

// Config says how an alerter runs. What is 0 or "" has its default.
type Config struct {
	NATS      *nats.Conn
	Partition int
	Replicas  int // of the streams, when they are made

	Rules              []string // rule files, and directories of them
	DefaultRules       bool     // evaluate the rules that weir ships with as well
	AlertmanagerConfig string   // a file; "": alerts go to the log

	EvaluationInterval time.Duration // of groups that do not say; 0 is 1 s
	ExternalURL        string        // where people reach weir, without a slash at its end
	FallbackReceiver   string        // told when another receiver fails for long; "" for none
	FallbackAfter      time.Duration // how long is long; 0 is 5 min
	Actions            ActionSettings

	LookbackDelta         time.Duration // of queries; 0 is 5 min
	QueryTimeout          time.Duration // 0 is 2 min
	QueryMaxSamples       int           // 0 is 50,000,000
	ExperimentalFunctions bool

	Version string
	Logger  *slog.Logger
}

// check lists all that is wrong, and fills in the defaults.
func (c *Config) check() error {
	var faults []error
	if c.NATS == nil {
		faults = append(faults, errors.New("there is no connection to NATS"))
	}
	if _, err := url.Parse(c.ExternalURL); err != nil {
		faults = append(faults, fmt.Errorf("the external URL: %w", err))
	}
	if c.FallbackReceiver != "" && c.AlertmanagerConfig == "" {
		faults = append(faults, fmt.Errorf("fallback receiver %q: there is no file that has receivers", c.FallbackReceiver))
	}
	if c.EvaluationInterval == 0 {
		c.EvaluationInterval = evaluate.DefaultInterval
	}
	if c.FallbackAfter == 0 {
		c.FallbackAfter = route.DefaultFallbackAfter
	}
	if c.EvaluationInterval < 0 || c.FallbackAfter < 0 {
		faults = append(faults, errors.New("durations must not be negative"))
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return errors.Join(faults...)
}
