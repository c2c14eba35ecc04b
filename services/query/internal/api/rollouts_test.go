package api_test

import (
	"context"
	"fmt"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"weir/pkg/read/readclient"
	"weir/pkg/schema"
	"weir/services/query/internal/api"
)

const comparedNames = "spore_node_cpu_usage_percent|spore_node_cpu_temperature_celsius|spore_node_memory_usage_percent|" +
	"spore_node_flash_usage_percent|spore_node_network_signal_quality_percent|spore_node_uptime_seconds|spore_node_network_sent_bytes_total"

func TestRolloutsSelectTheSeriesOfTheWindow(t *testing.T) {
	matchers := func(label string, more ...schema.Matcher) []schema.Matcher {
		return append([]schema.Matcher{{Type: "=~", Name: "__name__", Value: comparedNames}, {Type: "!=", Name: label}}, more...)
	}
	const day = 24 * 3600_000
	end := now.UnixMilli()
	for name, row := range map[string]struct {
		query    string
		matchers []schema.Matcher
		from, to int64 // both inclusive
		answer   string
	}{
		"the last day by version": {"", matchers("version"), end - day + 1, end,
			`{"from":"2026-01-01T03:04:05Z","to":"2026-01-02T03:04:05Z","label":"version",`},
		"another label of a tenant": {"?label=zone&service=factory&subservice=line1",
			matchers("zone", schema.Matcher{Type: "=", Name: "service", Value: "factory"}, schema.Matcher{Type: "=", Name: "subservice", Value: "line1"}),
			end - day + 1, end, `{"from":"2026-01-01T03:04:05Z","to":"2026-01-02T03:04:05Z","label":"zone",`},
		"from a moment until now": {"?from=2026-01-02T03:00:00Z", matchers("version"), end - 245_000 + 1, end,
			`{"from":"2026-01-02T03:00:00Z","to":"2026-01-02T03:04:05Z","label":"version",`},
		"the day before a moment": {"?to=1767225600.5", matchers("version"), 1767225600_500 - day + 1, 1767225600_500,
			`{"from":"2025-12-31T00:00:00.5Z","to":"2026-01-01T00:00:00.5Z","label":"version",`},
	} {
		t.Run(name, func(t *testing.T) {
			var asked schema.SelectRequest
			f := &fake{series: func(_ context.Context, r schema.SelectRequest) ([]series, error) { asked = r; return nil, nil }}
			w := call(f, api.External, "GET /api/monitoring/rollouts"+row.query)
			expect(t, w, 200, row.answer+`"versions":[],"changes":[]}`)
			want := schema.SelectRequest{Matchers: row.matchers, From: row.from, To: row.to, MaxSamples: 20_000_000}
			if !reflect.DeepEqual(asked, want) {
				t.Errorf("asked for %+v, want %+v", asked, want)
			}
		})
	}
}

func TestRolloutsCompare(t *testing.T) {
	labels := func(version string) []schema.Label {
		return []schema.Label{{Name: "__name__", Value: "spore_node_cpu_usage_percent"}, {Name: "node", Value: "a"}, {Name: "version", Value: version}}
	}
	f := &fake{series: func(context.Context, schema.SelectRequest) ([]series, error) {
		end := now.UnixMilli()
		return []series{
			{labels("1.0.0"), []int64{end - 3000, end - 2000}, []float64{10, 20}},
			{labels("1.1.0"), []int64{end - 1000}, []float64{12}},
		}, nil
	}}
	const before, after = `{"mean":15,"p95":19.5,"count":2}`, `{"mean":12,"p95":12,"count":1}`
	expect(t, call(f, api.Internal, "GET /api/monitoring/rollouts?from=2026-01-02T03:00:00Z"), 200,
		`{"from":"2026-01-02T03:00:00Z","to":"2026-01-02T03:04:05Z","label":"version","versions":[`+
			`{"version":"1.0.0","nodes":1,"first_seen":"2026-01-02T03:04:02Z","last_seen":"2026-01-02T03:04:03Z","metrics":{"spore_node_cpu_usage_percent":`+before+`}},`+
			`{"version":"1.1.0","nodes":1,"first_seen":"2026-01-02T03:04:04Z","last_seen":"2026-01-02T03:04:04Z","metrics":{"spore_node_cpu_usage_percent":`+after+`}}],"changes":[`+
			`{"from":"1.0.0","to":"1.1.0","nodes":1,"first":"2026-01-02T03:04:04Z","last":"2026-01-02T03:04:04Z","metrics":{"spore_node_cpu_usage_percent":{"before":`+before+`,"after":`+after+`,"difference":-3}}}]}`)
}

func TestBadRolloutRequests(t *testing.T) {
	for name, row := range map[string]struct{ query, text string }{
		"a beginning that is no time":   {"?from=x", `from must be a time, in RFC 3339 or in unix seconds, not \"x\"`},
		"a beginning in the future":     {"?from=2027-01-01T00:00:00Z", `from must be a time before to, which is now by default, not \"2027-01-01T00:00:00Z\"`},
		"no time at all between them":   {"?from=5&to=5", `from must be a time before to, which is now by default, not \"5\"`},
		"an end before the beginning":   {"?from=5&to=4", `to must be a time that is not before from, not \"4\"`},
		"a label with a hyphen":         {"?label=a-b", `label must be a label's name: letters, digits and '_', not \"a-b\"`},
		"a label that begins with 0":    {"?label=0a", `label must be a label's name: letters, digits and '_', not \"0a\"`},
		"a label with a hyphen between": {"?label=a-", `label must be a label's name: letters, digits and '_', not \"a-\"`},
		"the name of the series":        {"?label=__name__", `label must be a label's name: letters, digits and '_', not \"__name__\"`},
	} {
		t.Run(name, func(t *testing.T) {
			expect(t, call(&fake{}, api.External, "GET /api/monitoring/rollouts"+row.query), 400, `{"error":"`+row.text+`"}`)
		})
	}
}

func TestTooMuchToCompare(t *testing.T) {
	f := &fake{series: func(context.Context, schema.SelectRequest) ([]series, error) {
		return nil, fmt.Errorf("select: %w", &readclient.Refused{Code: "422", Description: "too many samples"})
	}}
	expect(t, call(f, api.External, "GET /api/monitoring/rollouts"), 422,
		`{"error":"the window has more than 20000000 samples: ask for a shorter one with from and to, or for one service"}`)
}

func TestOneComparisonAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		running, most := 0, 0
		f := &fake{series: func(context.Context, schema.SelectRequest) ([]series, error) {
			running++
			most = max(most, running)
			time.Sleep(time.Second) // in the bubble's time
			running--
			return nil, nil
		}}
		h, _ := newAPI(f, api.External)
		for range 3 {
			go func() { expect2xx(t, send(h, "GET /api/monitoring/rollouts", nil).Code) }()
		}
		synctest.Wait()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if most != 1 {
			t.Errorf("%d were made at a time", most)
		}
	})
}

func TestWhoWaitsTooLongForAComparisonIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{series: func(ctx context.Context, _ schema.SelectRequest) ([]series, error) {
			time.Sleep(2 * time.Minute)
			return nil, ctx.Err()
		}}
		h, _ := newAPI(f, api.External)
		go send(h, "GET /api/monitoring/rollouts", nil)
		synctest.Wait()
		expect(t, send(h, "GET /api/monitoring/rollouts", nil), 504, `{"error":"wait for another comparison to end: context deadline exceeded"}`)
		time.Sleep(2 * time.Minute)
	})
}

func expect2xx(t *testing.T, code int) {
	t.Helper()
	if code/100 != 2 {
		t.Errorf("got %d", code)
	}
}
