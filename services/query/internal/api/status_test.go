package api_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"weir/pkg/read/readclient"
	"weir/pkg/schema"
	"weir/services/query/internal/api"
)

func noAggregator() (schema.AggregatorHealth, error) {
	return schema.AggregatorHealth{}, readclient.ErrNoAggregator
}

func noIngest() (schema.IngestHealth, error) { return schema.IngestHealth{}, readclient.ErrNoIngest }

func TestHealth(t *testing.T) {
	peers := func() (schema.AggregatorHealth, error) { return schema.AggregatorHealth{HealthyPeers: 12}, nil }
	for name, row := range map[string]struct {
		fake     fake
		listener api.Listener
		code     int
		body     string
	}{
		"all well, internal": {fake{aggregator: peers}, api.Internal, 200,
			`{"status":"healthy","components":{"broker":"running","journal":"connected","aggregator":"running","store":"open","alerter":"stopped"},"version":"0.1.0"}`},
		"all well, external": {fake{aggregator: peers}, api.External, 200, `{"status":"healthy","p2p":{"running":true,"peers":12}}`},
		"the journal stopped, internal": {fake{journal: func() error { return errors.New("no responders") }}, api.Internal, 503,
			`{"status":"unhealthy","error":"journal is disconnected: no responders","components":{"broker":"running","journal":"disconnected","aggregator":"running","store":"open","alerter":"stopped"},"version":"0.1.0"}`},
		"the journal stopped, external": {fake{journal: func() error { return errors.New("no responders") }}, api.External, 503,
			`{"status":"unhealthy","error":"journal is disconnected","p2p":{"running":true,"peers":0}}`},
		"no aggregator: degraded": {fake{aggregator: noAggregator}, api.External, 200,
			`{"status":"degraded","error":"aggregator is stopped","p2p":{"running":true,"peers":0}}`},
		"a tenant near a limit: degraded": {fake{aggregator: func() (schema.AggregatorHealth, error) {
			return schema.AggregatorHealth{HealthyPeers: 12, Limits: []string{"factory/line1 has 8 of 10 series"}}, nil
		}}, api.Internal, 200,
			`{"status":"degraded","error":"a tenant's limit is near: factory/line1 has 8 of 10 series","components":{"broker":"running","journal":"connected","aggregator":"running","store":"open","alerter":"stopped","limits":"near"},"version":"0.1.0"}`},
		"no ingest: degraded": {fake{ingest: noIngest, aggregator: peers}, api.Internal, 200,
			`{"status":"degraded","error":"broker is unknown: the ingest does not answer","components":{"broker":"unknown","journal":"connected","aggregator":"running","store":"open","alerter":"stopped"},"version":"0.1.0"}`},
	} {
		t.Run(name, func(t *testing.T) {
			expect(t, call(&row.fake, row.listener, "GET /health"), row.code, row.body)
		})
	}
}

func TestNetworkStats(t *testing.T) {
	for name, row := range map[string]struct {
		fake fake
		code int
		body string
	}{
		"the union of the fields": {fake{
			aggregator: func() (schema.AggregatorHealth, error) {
				return schema.AggregatorHealth{Sources: 15, HealthyPeers: 12, ServiceTimeNS: 8_400_000}, nil
			},
			ingest: func() (schema.IngestHealth, error) {
				return schema.IngestHealth{Broker: "running", ClientsConnected: 3, BytesSent: 1024, BytesReceived: 2048}, nil
			}}, 200,
			`{"total_peers":15,"healthy_peers":12,"active_peers":3,"bootstrap_nodes":1,"avg_latency_ms":8.4,"data_sent":1024,"data_received":2048,"uptime":60}`},
		"no ingest": {fake{ingest: noIngest}, 200, `{"total_peers":0,"healthy_peers":0,"avg_latency_ms":0,"uptime":60}`},
		"nobody":    {fake{ingest: noIngest, aggregator: noAggregator}, 503, `{"error":"the aggregator does not answer"}`},
	} {
		t.Run(name, func(t *testing.T) {
			expect(t, call(&row.fake, api.External, "GET /network/stats"), row.code, row.body)
		})
	}
}

func TestMetricsShowOurOwnAndTheTenants(t *testing.T) {
	f := &fake{
		tenants: func() ([]schema.TenantState, error) {
			all := counted(3)
			all[0].Series, all[0].Sources, all[0].HistoryBytes = 70, 6, 8192
			return all, nil
		},
		accounting: func() (schema.Accounting, error) {
			return schema.Accounting{Tenants: []schema.TenantAccount{{
				Tenant: schema.Tenant{Service: "factory", Subservice: "line1"}, AccountNumbers: schema.AccountNumbers{Received: 3, Applied: 3}}}}, nil
		},
		sources: func(schema.SourcesRequest) ([]*schema.Source, error) {
			return []*schema.Source{{Kind: schema.KindTask}, {Kind: schema.KindTask}}, nil
		},
	}
	for _, l := range []api.Listener{api.Internal, api.External} {
		w := call(f, l, "GET /metrics")
		if got := w.Header().Get("Content-Type"); w.Code != 200 || got != "text/plain; version=0.0.4; charset=utf-8" {
			t.Errorf("got %d, %s", w.Code, got)
		}
		lines := strings.Split(w.Body.String(), "\n")
		for _, want := range []string{
			`own_total 1`,
			`weir_query_aggregator_up 1`,
			`weir_tenant_incoming_transactions_total{service="factory",subservice="line1"} 3`,
			`weir_tenant_service_time_seconds_sum{service="factory",subservice="line1"} 0.045`,
			`weir_tenant_events_received_total{service="factory",subservice="line1"} 3`,
			`weir_sources{kind="proplet_task"} 2`,
			`weir_tenant_series{service="factory",subservice="line1"} 70`,
			`weir_tenant_sources{service="factory",subservice="line1"} 6`,
			`weir_tenant_history_bytes{service="factory",subservice="line1"} 8192`,
		} {
			if !slices.Contains(lines, want) {
				t.Errorf("%s is missing in\n%s", want, w.Body)
			}
		}
		problems, err := promlint.New(w.Body).Lint()
		if err != nil || len(problems) > 0 {
			t.Errorf("the linter says %v, %v", problems, err)
		}
	}
}

func TestMetricsAnswerWithoutAnAggregator(t *testing.T) {
	f := &fake{tenants: func() ([]schema.TenantState, error) { return nil, readclient.ErrNoAggregator }}
	h, seen := newAPI(f, api.External)
	w := send(h, "GET /metrics", nil)
	if body := w.Body.String(); w.Code != 200 || !strings.HasPrefix(body, "# HELP own_total") || !strings.HasSuffix(body, "weir_query_aggregator_up 0\n") {
		t.Errorf("got %d %s", w.Code, body)
	}
	if len(seen.failed) != 1 || !errors.Is(seen.failed[0], readclient.ErrNoAggregator) {
		t.Errorf("the observer saw %v", seen.failed)
	}
}
