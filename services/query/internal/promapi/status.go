package promapi

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"time"

	"weir/pkg/read/promread"
)

// PrometheusVersion is the version of Prometheus whose PromQL and API this is:
// that of the module github.com/prometheus/prometheus, which counts otherwise
// (v0.315.0 is 3.15.0). Grafana and others decide by it what they may ask for.
const PrometheusVersion = "3.15.0"

// buildInfo answers with Prometheus' version, and weir's beside it.
func (a *API) buildInfo(w http.ResponseWriter, _ *request) error {
	return respondJSON(w, struct {
		Version            string `json:"version"`
		Revision           string `json:"revision"`
		Branch             string `json:"branch"`
		BuildUser          string `json:"buildUser"`
		BuildDate          string `json:"buildDate"`
		GoVersion          string `json:"goVersion"`
		Application        string `json:"application"`
		ApplicationVersion string `json:"applicationVersion"`
	}{
		Version: PrometheusVersion, Revision: revision(), GoVersion: runtime.Version(),
		Application: "weir", ApplicationVersion: a.Version,
	})
}

func revision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return ""
}

// runtimeInfo answers with what Prometheus says of its process. Where the
// process runs is nobody's business: CWD and hostname are empty.
func (a *API) runtimeInfo(w http.ResponseWriter, _ *request) error {
	return respondJSON(w, struct {
		StartTime           time.Time `json:"startTime"`
		CWD                 string    `json:"CWD"`
		Hostname            string    `json:"hostname"`
		ServerTime          time.Time `json:"serverTime"`
		ReloadConfigSuccess bool      `json:"reloadConfigSuccess"`
		LastConfigTime      time.Time `json:"lastConfigTime"`
		CorruptionCount     int64     `json:"corruptionCount"`
		GoroutineCount      int       `json:"goroutineCount"`
		GOMAXPROCS          int       `json:"GOMAXPROCS"`
		GOMEMLIMIT          int64     `json:"GOMEMLIMIT"`
		GOGC                string    `json:"GOGC"`
		GODEBUG             string    `json:"GODEBUG"`
		StorageRetention    string    `json:"storageRetention"`
	}{
		StartTime: a.Started.UTC(), ServerTime: a.Now().UTC(), LastConfigTime: a.Started.UTC(), ReloadConfigSuccess: true,
		GoroutineCount: runtime.NumGoroutine(), GOMAXPROCS: runtime.GOMAXPROCS(0), GOMEMLIMIT: debug.SetMemoryLimit(math.MinInt64),
		GOGC: os.Getenv("GOGC"), GODEBUG: os.Getenv("GODEBUG"), StorageRetention: a.Retention,
	})
}

func (a *API) flags(w http.ResponseWriter, _ *request) error {
	if a.Flags == nil {
		return respondJSON(w, map[string]string{})
	}
	return respondJSON(w, a.Flags)
}

// The limits of status/tsdb's lists, as Prometheus has them.
const (
	defaultTop = 10
	maxTop     = 10000
)

// tsdb answers with how many series there are of what.
func (a *API) tsdb(w http.ResponseWriter, r *request) error {
	limit, err := topParam(r)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), a.Timeout)
	defer cancel()
	c, err := r.reader.Cardinality(ctx, limit)
	if err != nil {
		return fmt.Errorf("count series: %w", err)
	}
	type head struct {
		NumSeries     uint64 `json:"numSeries"`
		NumLabelPairs uint64 `json:"numLabelPairs"`
		ChunkCount    uint64 `json:"chunkCount"`
		MinTime       int64  `json:"minTime"`
		MaxTime       int64  `json:"maxTime"`
	}
	return respondJSON(w, struct {
		HeadStats                   head             `json:"headStats"`
		SeriesCountByMetricName     []promread.Count `json:"seriesCountByMetricName"`
		LabelValueCountByLabelName  []promread.Count `json:"labelValueCountByLabelName"`
		MemoryInBytesByLabelName    []promread.Count `json:"memoryInBytesByLabelName"`
		SeriesCountByLabelValuePair []promread.Count `json:"seriesCountByLabelValuePair"`
	}{
		head{c.Series, c.LabelPairs, c.Chunks, c.MinTime, c.MaxTime},
		notNil(c.SeriesByName), notNil(c.ValuesByLabel), notNil(c.BytesByLabel), notNil(c.SeriesByPair),
	})
}

// notNil makes a nil list one that is [] in JSON.
func notNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func topParam(r *request) (int, error) {
	s := r.FormValue("limit")
	if s == "" {
		return defaultTop, nil
	}
	limit, err := strconv.Atoi(s)
	switch {
	case err != nil || limit < 1:
		return 0, &apiError{typ: errBadData, err: errors.New("limit must be a positive number")}
	case limit > maxTop:
		return 0, badData("limit must not exceed %d", maxTop)
	}
	return limit, nil
}
