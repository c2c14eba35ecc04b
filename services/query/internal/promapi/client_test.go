package promapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"weir/services/query/internal/promapi"
)

func decode(t *testing.T, data []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatalf("%v in %s", err, data)
	}
}

// Prometheus' own client reads every answer.
func TestPrometheusClient(t *testing.T) {
	server := httptest.NewServer(newAPI(t, few(), func(c *promapi.Config) {
		c.Rules, c.Flags = new(alerter), map[string]string{"query.timeout": "2m"}
	}))
	defer server.Close()
	c, err := api.NewClient(api.Config{Address: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	client, ctx := v1.NewAPI(c), context.Background()
	start, end := time.UnixMilli(t0), time.UnixMilli(t1)
	const cpu = "spore_node_cpu_usage_percent"
	ours := []string{cpu}

	for name, row := range map[string]struct {
		ask  func() (any, v1.Warnings, error)
		want string
	}{
		"query": {func() (any, v1.Warnings, error) { return client.Query(ctx, cpu+`{node="n1"}`, end) },
			`spore_node_cpu_usage_percent{node="n1", service="factory", subservice="line1"} => 20 @[1767322860.123]`},
		"query a scalar": {func() (any, v1.Warnings, error) { return client.Query(ctx, "1/0", end) }, "scalar: +Inf @[1767322860.123]"},
		"query with options": {func() (any, v1.Warnings, error) {
			return client.Query(ctx, cpu, end, v1.WithTimeout(time.Minute), v1.WithLookbackDelta(time.Minute), v1.WithLimit(1), v1.WithStats(v1.AllStatsValue))
		}, `spore_node_cpu_usage_percent{node="n1", service="factory", subservice="line1"} => 20 @[1767322860.123] [results truncated due to limit]`},
		"query_range": {func() (any, v1.Warnings, error) {
			return client.QueryRange(ctx, cpu+`{node="n2"}`, v1.Range{Start: start, End: end, Step: time.Minute})
		}, "spore_node_cpu_usage_percent{node=\"n2\", service=\"factory\", subservice=\"line1\"} =>\nNaN @[1767322800]\nNaN @[1767322860]"},
		"query_exemplars": {func() (any, v1.Warnings, error) {
			r, err := client.QueryExemplars(ctx, cpu, start, end)
			return r, nil, err
		}, "[]"},
		"series": {func() (any, v1.Warnings, error) {
			return client.Series(ctx, []string{"spore_node_uptime_seconds"}, start, end)
		},
			`[{__name__="spore_node_uptime_seconds", node="n5", service="greenhouse"}]`},
		"labels": {func() (any, v1.Warnings, error) { return client.LabelNames(ctx, ours, start, end, v1.WithLimit(2)) }, "__name__, node [results truncated due to limit]"},
		"label values": {func() (any, v1.Warnings, error) {
			return client.LabelValues(ctx, "service", nil, time.Time{}, time.Time{})
		}, "[factory greenhouse]"},
		"metadata": {func() (any, v1.Warnings, error) { r, err := client.Metadata(ctx, cpu, "1"); return r, nil, err },
			"map[spore_node_cpu_usage_percent:[{gauge CPU usage of the node, 0 to 100. percent}]]"},
		"format_query": {func() (any, v1.Warnings, error) { r, err := client.FormatQuery(ctx, "sum(a)by(b)"); return r, nil, err }, `"sum by (b) (a)"`},
		"flags":        {func() (any, v1.Warnings, error) { r, err := client.Flags(ctx); return r, nil, err }, "map[query.timeout:2m]"},
		"buildinfo":    {func() (any, v1.Warnings, error) { r, err := client.Buildinfo(ctx); return r.Version, nil, err }, promapi.PrometheusVersion},
		"runtimeinfo": {func() (any, v1.Warnings, error) {
			r, err := client.Runtimeinfo(ctx)
			return r.ReloadConfigSuccess, nil, err
		}, "true"},
		"tsdb": {func() (any, v1.Warnings, error) {
			r, err := client.TSDB(ctx, v1.WithLimit(5))
			return []any{r.HeadStats.NumSeries, r.SeriesCountByMetricName}, nil, err
		}, "[6 [{everything 6}]]"},
		"rules": {func() (any, v1.Warnings, error) {
			r, err := client.Rules(ctx, nil)
			return []any{len(r.Groups), r.Groups[0].Rules[0].(v1.AlertingRule).Alerts[0].Value, r.Groups[2].Rules[0].(v1.RecordingRule).Name}, nil, err
		}, "[3 8.5e+01 zone:cpu:avg]"},
		"alerts": {func() (any, v1.Warnings, error) { r, err := client.Alerts(ctx); return r.Alerts[0].Labels, nil, err }, `{alertname="Hot", node="n1"}`},
	} {
		t.Run(name, func(t *testing.T) {
			value, warnings, err := row.ask()
			if err != nil {
				t.Fatal(err)
			}
			got := fmt.Sprint(value)
			if len(warnings) > 0 {
				got = fmt.Sprint(got, " ", warnings)
			}
			if got != row.want {
				t.Errorf("got  %s\nwant %s", got, row.want)
			}
		})
	}
	t.Run("values that are no numbers", func(t *testing.T) {
		value, _, err := client.Query(ctx, cpu+`{node="n2"}`, start)
		if v, ok := value.(model.Vector); err != nil || !ok || len(v) != 1 || !math.IsNaN(float64(v[0].Value)) {
			t.Errorf("got %v, %v", value, err)
		}
	})
	t.Run("errors", func(t *testing.T) {
		_, _, err := client.Query(ctx, "a{", end)
		var problem *v1.Error
		if !errors.As(err, &problem) || problem.Type != v1.ErrBadData {
			t.Errorf("got %v", err)
		}
		_, _, err = client.Query(ctx, "a * on (b) c", end, v1.WithTimeout(0))
		if err != nil {
			t.Errorf("without a timeout of its own: %v", err)
		}
	})
}
