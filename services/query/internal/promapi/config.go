package promapi

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"time"

	"weir/pkg/read/promread"
	"weir/pkg/schema"
)

// Config is what the API needs. Default fills in the limits.
type Config struct {
	Reader  promread.Reader  // where the series come from
	Now     func() time.Time // the time that an instant query without one has
	Started time.Time        // for /api/v1/status/runtimeinfo
	Version string           // weir's, for /api/v1/status/buildinfo

	// MaxSamples bounds the samples that one query may hold at a time: those
	// that it reads, and those that the engine computes with. Beyond it the
	// query ends with status 422.
	MaxSamples int
	// Timeout bounds how long a query may take, its waiting for its turn
	// included. Beyond it the query ends with status 503.
	Timeout time.Duration
	// MaxConcurrency is how many queries run at a time; the others wait.
	MaxConcurrency int
	// LookbackDelta is how far back an instant looks for a series' last sample.
	LookbackDelta time.Duration
	// MaxSeries bounds the list that series, labels and label values answer
	// with; a longer one is cut off with a warning.
	MaxSeries int
	// ExperimentalFunctions allows PromQL functions that Prometheus has behind
	// a flag: limitk, sort_by_label, double_exponential_smoothing and others.
	ExperimentalFunctions bool

	// CORSOrigin says which sites' pages may read the answers; nil for none.
	CORSOrigin *regexp.Regexp

	// Metadata says what is known of the names that sources brought themselves, of
	// all or of one; nil for nobody. It may be called concurrently.
	Metadata func(ctx context.Context, req schema.MetadataRequest) ([]schema.Metadata, error)

	Rules Rules             // who knows the rules and the alerts; nil for nobody
	Flags map[string]string // for /api/v1/status/flags; nil for none

	// Retention is shown by /api/v1/status/runtimeinfo: "15d"; "" for unknown.
	Retention string

	// Failed is told of every answer with a status of 500 and more. It may be
	// nil, and may be called concurrently.
	Failed func(r *http.Request, err error)
}

// Default returns Prometheus' own limits, and 200,000 series a list.
func Default() Config {
	return Config{
		MaxSamples: 50_000_000, Timeout: 2 * time.Minute, MaxConcurrency: 20,
		LookbackDelta: 5 * time.Minute, MaxSeries: 200_000,
	}
}

// Validate returns all faults of the configuration at once.
func (c *Config) Validate() error {
	var faults []error
	need := func(ok bool, text string) {
		if !ok {
			faults = append(faults, errors.New("promapi: "+text))
		}
	}
	need(c.Reader != nil, "a reader is needed")
	need(c.Now != nil, "a clock is needed")
	need(c.MaxSamples > 0, "the most samples a query may hold must be above 0")
	need(c.Timeout > 0, "the queries' timeout must be above 0")
	need(c.MaxConcurrency > 0, "the number of concurrent queries must be above 0")
	need(c.LookbackDelta >= time.Millisecond, "the lookback must be 1 ms or more")
	need(c.MaxSeries > 0, "the most series of a list must be above 0")
	return errors.Join(faults...)
}
