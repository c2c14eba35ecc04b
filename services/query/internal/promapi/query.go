package promapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/annotations"
	"github.com/prometheus/prometheus/util/stats"

	"weir/pkg/read/promread"
	"weir/pkg/read/promread/bounds"
	"weir/services/query/internal/jsonappend"
)

// MaxPoints is how many steps a range query may have. It is enough for a week
// by minutes and for a year by hours.
const MaxPoints = 11000

// errTruncated is the warning of a list that was cut off.
var errTruncated = errors.New("results truncated due to limit")

// options are what query and query_range have in common.
type options struct {
	limit    int
	timeout  time.Duration
	lookback time.Duration
	stats    string
}

func (a *API) options(r *request) (options, error) {
	var (
		o   = options{stats: r.FormValue("stats"), lookback: a.LookbackDelta, timeout: a.Timeout}
		err error
	)
	if o.limit, err = limitParam(r.Request); err != nil {
		return o, err
	}
	if s := r.FormValue("timeout"); s != "" {
		own, err := parseDuration(s)
		if err != nil {
			return o, invalid("timeout", err)
		}
		o.timeout = min(own, a.Timeout)
	}
	if s := r.FormValue("lookback_delta"); s != "" {
		lookback, err := parseDuration(s)
		if err != nil {
			return o, badData("error parsing lookback delta duration: %w", err)
		}
		if lookback > 0 { // as the engine has it: otherwise its own
			o.lookback = lookback
		}
	}
	return o, nil
}

// engineOptions returns them in the engine's form.
func (o *options) engineOptions() promql.QueryOpts {
	return promql.NewPrometheusQueryOpts(o.stats == "all", o.lookback)
}

func (a *API) query(w http.ResponseWriter, r *request) error {
	at, err := timeParam(r.Request, "time", a.Now())
	if err != nil {
		return err
	}
	o, err := a.options(r)
	if err != nil {
		return err
	}
	return a.evaluate(w, r, &o, func(ctx context.Context, q storage.Queryable, text string) (promql.Query, error) {
		return a.engine.NewInstantQuery(ctx, q, o.engineOptions(), text, at)
	})
}

func (a *API) queryRange(w http.ResponseWriter, r *request) error {
	start, end, step, err := rangeOf(r)
	if err != nil {
		return err
	}
	o, err := a.options(r)
	if err != nil {
		return err
	}
	return a.evaluate(w, r, &o, func(ctx context.Context, q storage.Queryable, text string) (promql.Query, error) {
		return a.engine.NewRangeQuery(ctx, q, o.engineOptions(), text, start, end, step)
	})
}

func rangeOf(r *request) (start, end time.Time, step time.Duration, err error) {
	if start, err = neededTime(r.Request, "start"); err != nil {
		return
	}
	if end, err = neededTime(r.Request, "end"); err != nil {
		return
	}
	if end.Before(start) {
		err = invalid("end", errors.New("end timestamp must not be before start time"))
		return
	}
	if step, err = parseDuration(r.FormValue("step")); err != nil {
		err = invalid("step", err)
		return
	}
	// Below a millisecond, the engine's unit, a step would be none either.
	if step < time.Millisecond {
		err = invalid("step", errors.New("zero or negative query resolution step widths are not accepted. Try a positive integer"))
		return
	}
	// Not with time.Time.Sub, which stops at 292 years.
	if float64(end.UnixMilli())-float64(start.UnixMilli()) >= float64(MaxPoints+1)*float64(step.Milliseconds()) {
		err = badData("exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)")
	}
	return
}

// evaluate runs a query and answers with its value.
func (a *API) evaluate(w http.ResponseWriter, r *request, o *options, prepare func(context.Context, storage.Queryable, string) (promql.Query, error)) error {
	text, err := queryText(r)
	if err != nil {
		return err
	}
	// The engine's own timeout begins only when the query has had its first turn.
	ctx, cancel := context.WithTimeout(r.Context(), o.timeout)
	defer cancel()
	source := &promread.Queryable{Reader: r.reader, Lookback: o.lookback, MaxSamples: a.MaxSamples}
	query, err := prepare(ctx, source, text)
	if waited := queueError(err); waited != nil {
		return waited
	}
	if errors.As(err, new(*bounds.TooManySteps)) {
		return err
	}
	if err != nil {
		return invalid("query", err)
	}
	defer query.Close() // it takes back the memory of the value
	res := query.Exec(ctx)
	if waited := queueError(res.Err); waited != nil {
		return waited
	}
	if res.Err != nil {
		return res.Err
	}
	warnings := res.Warnings
	if o.limit > 0 && truncate(res, o.limit) {
		warnings = warnings.Add(errTruncated)
	}
	if err := o.statsWarning(); err != nil {
		warnings = warnings.Add(err)
	}
	return respond(w, result{
		data:     func(b []byte) []byte { return o.appendResult(b, res.Value, query) },
		warnings: warnings, query: text,
	})
}

// queueError returns the engine's words for a query that waited in vain for one
// of its two turns, for which the engine itself has none; nil for other errors.
func queueError(err error) error {
	switch err { // not errors.Is: what wraps these has the engine's words
	case context.DeadlineExceeded:
		return promql.ErrQueryTimeout("query queue")
	case context.Canceled:
		return promql.ErrQueryCanceled("query queue")
	}
	return nil
}

// truncate cuts a list to limit series, and reports whether there were more.
func truncate(res *promql.Result, limit int) bool {
	switch v := res.Value.(type) {
	case promql.Matrix:
		if len(v) > limit {
			res.Value = v[:limit]
			return true
		}
	case promql.Vector:
		if len(v) > limit {
			res.Value = v[:limit]
			return true
		}
	}
	return false
}

func (o *options) statsWarning() error {
	switch o.stats {
	case "", "true", "all":
		return nil
	}
	return fmt.Errorf("value %q for parameter \"stats\" is deprecated and will be rejected in the next major release, use \"true\" or \"all\"", o.stats)
}

// appendResult appends
//
//	{"resultType":"vector","result":[…],"stats":{…}}
func (o *options) appendResult(b []byte, v parser.Value, query promql.Query) []byte {
	b = jsonappend.Field(append(b, '{'), "resultType", string(v.Type()))
	b = appendValue(jsonappend.Key(b, "result"), v)
	if o.stats != "" {
		numbers, err := json.Marshal(stats.NewQueryStats(query.Stats()))
		if err != nil {
			panic(fmt.Sprintf("BUG: a query's statistics do not become JSON: %v", err))
		}
		b = append(jsonappend.Key(b, "stats"), numbers...)
	}
	return append(b, '}')
}

// queryExemplars answers that there are none.
func (a *API) queryExemplars(w http.ResponseWriter, r *request) error {
	from, to, err := rangeParams(r.Request)
	if err != nil {
		return err
	}
	if to < from {
		return badData("end timestamp must not be before start timestamp")
	}
	text, err := queryText(r)
	if err != nil {
		return err
	}
	if _, err := a.parser.ParseExpr(text); err != nil {
		return badData("%w", err)
	}
	return respond(w, result{data: func(b []byte) []byte { return append(b, "[]"...) }})
}

// withWarning adds a warning for a list that was cut off.
func withWarning(cut bool) annotations.Annotations {
	if !cut {
		return nil
	}
	return annotations.New().Add(errTruncated)
}
