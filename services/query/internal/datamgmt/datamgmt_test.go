package datamgmt_test

import (
	"strings"
	"testing"
	"time"

	"weir/pkg/golden"
	"weir/pkg/schema"
	"weir/services/query/internal/datamgmt"
)

func ingest(change func(*schema.IngestHealth)) *schema.IngestHealth {
	h := &schema.IngestHealth{Broker: "running", ClientsConnected: 12, BytesSent: 1024, BytesReceived: 2048}
	if change != nil {
		change(h)
	}
	return h
}

func aggregator(change func(*schema.AggregatorHealth)) *schema.AggregatorHealth {
	h := &schema.AggregatorHealth{Cursor: 7, JournalEnd: 7, Sources: 15, HealthyPeers: 12, ServiceTimeNS: 8_400_000}
	if change != nil {
		change(h)
	}
	return h
}

func TestJudge(t *testing.T) {
	type components struct{ broker, journal, aggregator, store string }
	for name, row := range map[string]struct {
		answers datamgmt.Answers
		status  datamgmt.Status
		code    int
		want    components
	}{
		"everything works": {
			datamgmt.Answers{Ingest: ingest(nil), Aggregator: aggregator(nil)},
			datamgmt.Healthy, 200, components{"running", "connected", "running", "open"}},
		"the journal's stream does not answer": {
			datamgmt.Answers{Ingest: ingest(nil), Aggregator: aggregator(nil), Journal: "nats: no responders"},
			datamgmt.Unhealthy, 503, components{"running", "disconnected", "running", "open"}},
		"the last append failed": {
			datamgmt.Answers{Ingest: ingest(func(h *schema.IngestHealth) { h.JournalError = "timeout" }), Aggregator: aggregator(nil)},
			datamgmt.Unhealthy, 503, components{"running", "disconnected", "running", "open"}},
		"the aggregator cannot read the journal": {
			datamgmt.Answers{Ingest: ingest(nil), Aggregator: aggregator(func(h *schema.AggregatorHealth) { h.JournalError = "timeout" })},
			datamgmt.Unhealthy, 503, components{"running", "disconnected", "running", "open"}},
		"the broker stopped": {
			datamgmt.Answers{Ingest: ingest(func(h *schema.IngestHealth) { h.Broker = "stopped" }), Aggregator: aggregator(nil)},
			datamgmt.Degraded, 200, components{"stopped", "connected", "running", "open"}},
		"ingest does not answer": {
			datamgmt.Answers{Aggregator: aggregator(nil)},
			datamgmt.Degraded, 200, components{"unknown", "connected", "running", "open"}},
		"the aggregator does not answer": {
			datamgmt.Answers{Ingest: ingest(nil)},
			datamgmt.Degraded, 200, components{"running", "connected", "stopped", "unknown"}},
		"the broker stopped and the aggregator does not answer": {
			datamgmt.Answers{Ingest: ingest(func(h *schema.IngestHealth) { h.Broker = "stopped" })},
			datamgmt.Unhealthy, 503, components{"stopped", "connected", "stopped", "unknown"}},
		"nothing answers": {
			datamgmt.Answers{Journal: "not connected to NATS"},
			datamgmt.Unhealthy, 503, components{"unknown", "disconnected", "stopped", "unknown"}},
		"the store failed": {
			datamgmt.Answers{Ingest: ingest(nil), Aggregator: aggregator(func(h *schema.AggregatorHealth) { h.StoreError = "disk full" })},
			datamgmt.Degraded, 200, components{"running", "connected", "running", "failed"}},
		"a tenant is near a limit": {
			datamgmt.Answers{Ingest: ingest(nil), Aggregator: aggregator(func(h *schema.AggregatorHealth) { h.Limits = []string{"factory/line1 has 850000 of 1000000 series"} })},
			datamgmt.Degraded, 200, components{"running", "connected", "running", "open"}},
		"the aggregator is a little behind": {
			datamgmt.Answers{Ingest: ingest(nil), Aggregator: aggregator(func(h *schema.AggregatorHealth) { h.Behind = datamgmt.CatchingUp })},
			datamgmt.Healthy, 200, components{"running", "connected", "running", "open"}},
		"the aggregator is far behind": {
			datamgmt.Answers{Ingest: ingest(nil), Aggregator: aggregator(func(h *schema.AggregatorHealth) { h.Behind = datamgmt.CatchingUp + 1 })},
			datamgmt.Degraded, 200, components{"running", "connected", "catching_up", "open"}},
	} {
		t.Run(name, func(t *testing.T) {
			h := datamgmt.Judge(row.answers)
			if h.Status != row.status || h.Code() != row.code {
				t.Errorf("it is %s with %d, want %s with %d", h.Status, h.Code(), row.status, row.code)
			}
			if got := (components{h.Broker, h.Journal, h.Aggregator, h.Store}); got != row.want {
				t.Errorf("the components are %v, want %v", got, row.want)
			}
		})
	}
}

// An alerter is missed only where there was one, and never makes a deployment
// unhealthy: devices are served without it.
func TestJudgeAlerters(t *testing.T) {
	for name, row := range map[string]struct {
		alerter *schema.AlerterHealth
		was     bool
		status  datamgmt.Status
		want    string
		text    string
	}{
		"there never was one": {nil, false, datamgmt.Healthy, "stopped", `{"status":"healthy",`},
		"it works":            {&schema.AlerterHealth{State: "running"}, true, datamgmt.Healthy, "running", `{"status":"healthy",`},
		"it stopped":          {nil, true, datamgmt.Degraded, "stopped", `{"status":"degraded","error":"alerter is stopped: it does not answer",`},
		"its ledger is broken": {&schema.AlerterHealth{State: "degraded", LedgerError: "no responders"}, true, datamgmt.Degraded, "degraded",
			`{"status":"degraded","error":"alerter is degraded: its events cannot be stored: no responders",`},
		"everything of it is broken": {&schema.AlerterHealth{State: "degraded", LedgerError: "a", EvaluationError: "b", NoticesFailing: 7, NoticeError: "429", NoticeReceiver: "slack", ConfigError: "c"}, true, datamgmt.Degraded, "degraded",
			`{"status":"degraded","error":"alerter is degraded: its events cannot be stored: a, a rule cannot be evaluated: b, 7 notices fail, the last to slack: 429, its configuration was not loaded: c",`},
		"it does not say why": {&schema.AlerterHealth{State: "degraded"}, true, datamgmt.Degraded, "degraded", `{"status":"degraded","error":"alerter is degraded",`},
	} {
		t.Run(name, func(t *testing.T) {
			h := datamgmt.Judge(datamgmt.Answers{Ingest: ingest(nil), Aggregator: aggregator(nil), Alerter: row.alerter, AlerterWas: row.was})
			if h.Status != row.status || h.Alerter != row.want || h.Code() != 200 {
				t.Errorf("it is %s, the alerter %s", h.Status, h.Alerter)
			}
			if got := string(h.AppendInternal(nil, "0.1.0")); !strings.HasPrefix(got, row.text) {
				t.Errorf("got %s", got)
			}
			if got := string(h.AppendExternal(nil)); strings.Contains(got, "ledger") || strings.Contains(got, "slack") {
				t.Errorf("the outside is told %s", got)
			}
		})
	}
}

func TestHealthMatchesTheContract(t *testing.T) {
	healthy := datamgmt.Judge(datamgmt.Answers{Ingest: ingest(nil), Aggregator: aggregator(nil)})
	degraded := datamgmt.Judge(datamgmt.Answers{Aggregator: aggregator(func(h *schema.AggregatorHealth) {
		h.StoreError = "write /data/000012.sst: no space left on device"
	})})
	near := datamgmt.Judge(datamgmt.Answers{Ingest: ingest(nil), Aggregator: aggregator(func(h *schema.AggregatorHealth) {
		h.Limits = []string{"factory/line1 has 850000 of 1000000 series", "garden/beds has 99000 of 100000 sources"}
	})})
	unhealthy := datamgmt.Judge(datamgmt.Answers{Ingest: ingest(nil), Journal: "nats: stream not found"})
	for file, got := range map[string][]byte{
		"internal-healthy.json":   healthy.AppendInternal(nil, "0.1.0"),
		"internal-degraded.json":  degraded.AppendInternal(nil, "0.1.0"),
		"internal-near.json":      near.AppendInternal(nil, "0.1.0"),
		"external-near.json":      near.AppendExternal(nil),
		"internal-unhealthy.json": unhealthy.AppendInternal(nil, "0.1.0"),
		"external-healthy.json":   healthy.AppendExternal(nil),
		"external-degraded.json":  degraded.AppendExternal(nil),
		"external-unhealthy.json": unhealthy.AppendExternal(nil),
	} {
		golden.JSON(t, file, got)
	}
}

func TestStatsMatchTheContract(t *testing.T) {
	for file, answers := range map[string]datamgmt.Answers{
		"stats.json":               {Ingest: ingest(nil), Aggregator: aggregator(nil)},
		"stats-no-ingest.json":     {Aggregator: aggregator(func(h *schema.AggregatorHealth) { h.ServiceTimeNS = 0 })},
		"stats-no-aggregator.json": {Ingest: ingest(func(h *schema.IngestHealth) { h.Broker = "stopped" })},
	} {
		golden.JSON(t, file, datamgmt.AppendStats(nil, answers, 60*time.Second+999*time.Millisecond))
	}
}
