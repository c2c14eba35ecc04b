package promread

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
)

// The ends of time, as Prometheus' API has them: what stands for an absent
// start or end.
var (
	MinTime = time.Unix(math.MinInt64/1000+62135596801, 0).UTC()
	MaxTime = time.Unix(math.MaxInt64/1000-62135596801, 999999999).UTC()
)

// SubqueryStep is the step of a subquery that names none: Prometheus' default
// for how often it evaluates rules.
const SubqueryStep = time.Minute

// EngineConfig is what an engine may be told. What is 0 has the default of
// DefaultEngine.
type EngineConfig struct {
	// MaxSamples bounds the samples that one query may hold at a time.
	MaxSamples int
	// Timeout bounds how long a query may take, its waiting included.
	Timeout time.Duration
	// LookbackDelta is how far back an instant looks for a series' last sample.
	LookbackDelta time.Duration
	// ExperimentalFunctions allows PromQL functions that Prometheus has behind
	// a flag: limitk, sort_by_label, double_exponential_smoothing and others.
	ExperimentalFunctions bool
	// Tracker lets queries wait for their turn; nil lets all run at once.
	Tracker promql.QueryTracker
}

// DefaultEngine returns Prometheus' own limits.
func DefaultEngine() EngineConfig {
	return EngineConfig{MaxSamples: 50_000_000, Timeout: 2 * time.Minute, LookbackDelta: 5 * time.Minute}
}

// NewParser returns a parser of PromQL, the same as an engine's.
func NewParser(experimentalFunctions bool) parser.Parser {
	return parser.NewParser(parser.Options{EnableExperimentalFunctions: experimentalFunctions})
}

// NewEngine returns an engine that understands the same PromQL wherever a
// query is written: in a request, a dashboard or a rule.
func NewEngine(c EngineConfig) *promql.Engine {
	d := DefaultEngine()
	opts := promql.EngineOpts{
		MaxSamples: c.MaxSamples, Timeout: c.Timeout, LookbackDelta: c.LookbackDelta,
		ActiveQueryTracker: c.Tracker, Parser: NewParser(c.ExperimentalFunctions),
		EnableAtModifier: true, EnableNegativeOffset: true, EnablePerStepStats: true,
		NoStepSubqueryIntervalFn: func(int64) int64 { return SubqueryStep.Milliseconds() },
	}
	if opts.MaxSamples == 0 {
		opts.MaxSamples = d.MaxSamples
	}
	if opts.Timeout == 0 {
		opts.Timeout = d.Timeout
	}
	if opts.LookbackDelta == 0 {
		opts.LookbackDelta = d.LookbackDelta
	}
	return promql.NewEngine(opts)
}

// engineError puts a reader's errors into the engine's words where it has some.
func engineError(err error) error {
	switch {
	case errors.Is(err, ErrTooManySamples):
		return tooManySamples()
	case errors.Is(err, ErrLate), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w: %w", promql.ErrQueryTimeout("reading series"), err)
	}
	return err
}
