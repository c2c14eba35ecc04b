package promapi

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"weir/pkg/read/promread"
	"weir/pkg/read/promread/bounds"
)

// The ends of time, which clients send as text, though Go reads only up to year
// 9999.
var (
	minTimeText = promread.MinTime.Format(time.RFC3339Nano)
	maxTimeText = promread.MaxTime.Format(time.RFC3339Nano)
)

// parseTime reads a time: unix seconds with a fraction, of which the
// milliseconds count, or RFC 3339.
func parseTime(s string) (time.Time, error) {
	if v, err := strconv.ParseFloat(s, 64); err == nil {
		if math.IsNaN(v) || v >= math.MaxInt64/1000 || v <= math.MinInt64/1000 {
			return time.Time{}, fmt.Errorf("cannot parse %q to a valid timestamp", s)
		}
		seconds, fraction := math.Modf(v)
		fraction = math.Round(fraction*1000) / 1000
		return time.Unix(int64(seconds), int64(fraction*float64(time.Second))).UTC(), nil
	}
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return t, nil
	}
	switch s {
	case minTimeText:
		return promread.MinTime, nil
	case maxTimeText:
		return promread.MaxTime, nil
	}
	return time.Time{}, fmt.Errorf("cannot parse %q to a valid timestamp", s)
}

// parseDuration reads a duration: seconds with a fraction, or as PromQL has it.
func parseDuration(s string) (time.Duration, error) {
	if v, err := strconv.ParseFloat(s, 64); err == nil {
		ns := v * float64(time.Second)
		if math.IsNaN(ns) || ns >= math.MaxInt64 || ns <= math.MinInt64 {
			return 0, fmt.Errorf("cannot parse %q to a valid duration. It overflows int64", s)
		}
		return time.Duration(ns), nil
	}
	if d, err := model.ParseDuration(s); err == nil {
		return time.Duration(d), nil
	}
	return 0, fmt.Errorf("cannot parse %q to a valid duration", s)
}

// timeParam reads a parameter that may be absent.
func timeParam(r *http.Request, name string, otherwise time.Time) (time.Time, error) {
	s := r.FormValue(name)
	if s == "" {
		return otherwise, nil
	}
	t, err := parseTime(s)
	if err != nil {
		return time.Time{}, invalid(name, fmt.Errorf("invalid time value for '%s': %w", name, err))
	}
	return t, nil
}

// neededTime reads a parameter that must be there.
func neededTime(r *http.Request, name string) (time.Time, error) {
	t, err := parseTime(r.FormValue(name))
	if err != nil {
		return time.Time{}, invalid(name, err)
	}
	return t, nil
}

// rangeParams reads start and end in milliseconds; absent, they are the ends of
// time.
func rangeParams(r *http.Request) (from, to int64, err error) {
	start, err := timeParam(r, "start", promread.MinTime)
	if err != nil {
		return 0, 0, err
	}
	end, err := timeParam(r, "end", promread.MaxTime)
	return start.UnixMilli(), end.UnixMilli(), err
}

// limitParam reads limit; absent or 0 it is none.
func limitParam(r *http.Request) (int, error) {
	s := r.FormValue("limit")
	if s == "" {
		return 0, nil
	}
	limit, err := strconv.Atoi(s)
	if err != nil {
		return 0, invalid("limit", err)
	}
	if limit < 0 {
		return 0, invalid("limit", errors.New("limit must be non-negative"))
	}
	return limit, nil
}

// matcherSets reads match[]. Each must leave out the series that have no labels,
// so that nobody asks for everything by mistake.
func matcherSets(p parser.Parser, r *http.Request) ([][]*labels.Matcher, error) {
	texts := r.Form["match[]"]
	if err := bounds.CheckText(texts...); err != nil {
		return nil, invalid("match[]", err)
	}
	sets, err := p.ParseMetricSelectors(texts)
	if err != nil {
		return nil, invalid("match[]", err)
	}
	for _, set := range sets {
		if !restricts(set) {
			return nil, invalid("match[]", errors.New("match[] must contain at least one non-empty matcher"))
		}
	}
	return sets, nil
}

func restricts(set []*labels.Matcher) bool {
	for _, m := range set {
		if m != nil && !m.Matches("") {
			return true
		}
	}
	return false
}
