package promread

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"

	"weir/pkg/read/promread/bounds"
)

// The ends of time, as Prometheus' API has them: what stands for an absent
// start or end.
var (
	MinTime = time.Unix(math.MinInt64/1000+62135596801, 0).UTC()
	MaxTime = time.Unix(math.MaxInt64/1000-62135596801, 999999999).UTC()
)

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

// Engine is Prometheus' engine, which refuses queries that cost more than its
// limits of samples and time can bound: they come too late for what is set aside
// before the first sample, and for what is not counted in samples. There is no
// other way to a query, whoever wrote it: a person, a tenant's rule, a rule file,
// a template.
type Engine struct{ engine *promql.Engine }

// NewEngine returns an engine that understands the same PromQL wherever a
// query is written: in a request, a dashboard or a rule.
func NewEngine(c EngineConfig) *Engine {
	d := DefaultEngine()
	opts := promql.EngineOpts{
		MaxSamples: c.MaxSamples, Timeout: c.Timeout, LookbackDelta: c.LookbackDelta,
		ActiveQueryTracker: c.Tracker, Parser: NewParser(c.ExperimentalFunctions),
		EnableAtModifier: true, EnableNegativeOffset: true, EnablePerStepStats: true,
		NoStepSubqueryIntervalFn: func(int64) int64 { return bounds.SubqueryStep.Milliseconds() },
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
	return &Engine{promql.NewEngine(opts)}
}

// NewInstantQuery prepares a query for a moment, as Prometheus' engine does. The
// error is package bounds', or the engine's.
func (e *Engine) NewInstantQuery(ctx context.Context, q storage.Queryable, opts promql.QueryOpts, text string, at time.Time) (promql.Query, error) {
	if err := bounds.CheckText(text); err != nil {
		return nil, err
	}
	return checked(e.engine.NewInstantQuery(ctx, q, opts, text, at))
}

// NewRangeQuery prepares a query for a range of time, like NewInstantQuery. How
// many steps it may have is for its caller to say.
func (e *Engine) NewRangeQuery(ctx context.Context, q storage.Queryable, opts promql.QueryOpts, text string, start, end time.Time, step time.Duration) (promql.Query, error) {
	if err := bounds.CheckText(text); err != nil {
		return nil, err
	}
	return checked(e.engine.NewRangeQuery(ctx, q, opts, text, start, end, step))
}

// checked passes a query on that may be executed.
func checked(query promql.Query, err error) (promql.Query, error) {
	if err != nil {
		return nil, err
	}
	if err := bounds.CheckStatement(query.Statement()); err != nil {
		query.Close()
		return nil, err
	}
	return query, nil
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
