package query

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"github.com/prometheus/common/model"

	"weir/pkg/read/promread"
	"weir/services/query/internal/promapi"
)

// PromQL are the settings of Prometheus' HTTP API. What is 0 has Prometheus'
// own default.
type PromQL struct {
	// MaxSamples bounds the samples that one query may hold at a time, 50
	// million by default; a query that would hold more ends with status 422.
	MaxSamples int
	// Timeout bounds how long a query may take and wait, 2 minutes by default.
	Timeout time.Duration
	// MaxConcurrency is how many queries run at a time, 20 by default.
	MaxConcurrency int
	// LookbackDelta is how far back an instant looks for a series' last sample,
	// 5 minutes by default.
	LookbackDelta time.Duration
	// MaxSeries bounds the lists that series, labels and label values answer
	// with, 200,000 by default; longer ones are cut off with a warning.
	MaxSeries int
	// Experimental allows PromQL functions that Prometheus has behind a flag.
	Experimental bool
	// CORSOrigin says which sites' pages may read the answers; nil for none.
	CORSOrigin *regexp.Regexp
	// Retention is what /api/v1/status/runtimeinfo shows: "15d".
	Retention string
}

func (p *PromQL) check(fault func(bool, string)) {
	fault(p.MaxSamples < 0, "a query's most samples must not be negative")
	fault(p.Timeout < 0, "the queries' timeout must not be negative")
	fault(p.MaxConcurrency < 0, "the number of concurrent queries must not be negative")
	fault(p.LookbackDelta < 0 || p.LookbackDelta > 0 && p.LookbackDelta < time.Millisecond, "the lookback must be 1 ms or more")
	fault(p.MaxSeries < 0, "the most series of a list must not be negative")
}

// newPromQL returns Prometheus' API over the read port. Both listeners share
// it, and so its limits.
func (a *App) newPromQL(started time.Time) (*promapi.API, error) {
	p, c := &a.config.PromQL, promapi.Default()
	c.Reader, c.Now = promread.OverReadPort(a.client), time.Now
	c.Started, c.Version = started, a.config.Version
	c.Metadata = a.client.Metadata
	c.Rules = promapi.OverAlerter(a.alerter)
	c.ExperimentalFunctions, c.CORSOrigin, c.Retention = p.Experimental, p.CORSOrigin, p.Retention
	set(&c.MaxSamples, p.MaxSamples)
	set(&c.Timeout, p.Timeout)
	set(&c.MaxConcurrency, p.MaxConcurrency)
	set(&c.LookbackDelta, p.LookbackDelta)
	set(&c.MaxSeries, p.MaxSeries)
	c.Flags = flags(c)
	c.Failed = func(r *http.Request, err error) {
		a.log.Warn("request failed", "route", r.URL.Path, "error", err)
	}
	api, err := promapi.New(c)
	if err != nil {
		return nil, fmt.Errorf("query: %w", err)
	}
	return api, nil
}

// flags says the settings as Prometheus names them, for clients that look there.
func flags(c promapi.Config) map[string]string {
	return map[string]string{
		"query.timeout":               model.Duration(c.Timeout).String(),
		"query.lookback-delta":        model.Duration(c.LookbackDelta).String(),
		"query.max-samples":           strconv.Itoa(c.MaxSamples),
		"query.max-concurrency":       strconv.Itoa(c.MaxConcurrency),
		"storage.tsdb.retention.time": c.Retention,
	}
}

// set sets what was given.
func set[T int | time.Duration](to *T, given T) {
	if given != 0 {
		*to = given
	}
}
