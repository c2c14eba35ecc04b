package main

import (
	"fmt"
	"time"

	"github.com/klauspost/compress/s2"
	"github.com/prometheus/prometheus/prompb"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"
)

// request is a row of what is asked at the front door.
type request struct {
	method, path, body string
	status             int
	says               string // a part of the answer
	headers            []string
}

const (
	inJSON = "Content-Type: application/json"
	inForm = "Content-Type: application/x-www-form-urlencoded"
)

var tenant = []string{inJSON, "Fiware-Service: factory", "Fiware-ServicePath: /line1"}

// requests are the requests to the front door in their order: what is pushed
// first, what is asked for after it.
func (c *check) requests() ([]request, error) {
	write, err := remoteWrite("front_door_load", 5)
	if err != nil {
		return nil, err
	}
	read, err := remoteRead("temperature")
	if err != nil {
		return nil, err
	}
	rule := func(limit int) string {
		return fmt.Sprintf(`{"name":"too_hot","metric":"spore_node_cpu_usage_percent","op":">","value":%d,
			"action":{"type":"post","template":"door","parameters":{"url":"http://receivers:%d/action"}}}`, limit, c.receivers.ports["webhook"])
	}
	now := time.Now()
	silence := fmt.Sprintf(`{"matchers":[{"name":"node","value":"none","isRegex":false,"isEqual":true}],"startsAt":%q,"endsAt":%q,"createdBy":"check","comment":"none"}`,
		now.Format(time.RFC3339), now.Add(time.Hour).Format(time.RFC3339))
	return []request{
		{"POST", "/notices", `{"data":[{"id":"sensor:7","type":"Room","temperature":31.5}]}`, 200, "stored", tenant},
		{"PUT", "/metrics/job/backup?service=factory&subservice=line1", "backup_files 7\n", 200, "", nil},
		{"POST", "/metrics/job/backup?service=factory&subservice=line1", "backup_bytes 8\n", 200, "", nil},
		{"DELETE", "/metrics/job/backup?service=factory&subservice=line1", "", 202, "", nil},
		{"PUT", "/metrics/job@base64/YmFja3Vw?service=factory&subservice=line1", "backup_files 7\n", 200, "", nil},
		{"POST", "/metrics/job@base64/YmFja3Vw?service=factory&subservice=line1", "backup_bytes 8\n", 200, "", nil},
		{"DELETE", "/metrics/job@base64/YmFja3Vw?service=factory&subservice=line1", "", 202, "", nil},
		{"POST", "/api/v1/write?service=factory&subservice=line1", write, 204, "", []string{"Content-Encoding: snappy", "Content-Type: application/x-protobuf;proto=io.prometheus.write.v2.Request", "X-Prometheus-Remote-Write-Version: 2.0.0"}},
		{"POST", "/write?service=factory&subservice=line1", "weather,host=roof temperature=21.5\n", 204, "", nil},
		{"POST", "/api/v2/write?service=factory&subservice=line1", "weather,host=roof humidity=40\n", 204, "", nil},
		{"GET", "/check", "", 200, "OK", nil},
		{"GET", "/version", "", 200, "", nil},
		{"GET", "/admin/log", "", 200, "", nil},
		{"PUT", "/admin/log?level=INFO", "", 200, "", nil},

		{"POST", "/rules", rule(99), 200, `"error":null`, tenant},
		{"GET", "/rules", "", 200, "too_hot", tenant},
		{"GET", "/rules/too_hot", "", 200, "too_hot", tenant},
		{"PUT", "/rules/too_hot", rule(98), 200, "", tenant},
		{"POST", "/actions/do", `{"ruleName":"too_hot","id":"sensor:7","type":"Room","service":"factory","subservice":"/line1"}`, 200, "", tenant},
		{"DELETE", "/rules/too_hot", "", 200, "", tenant},
		{"POST", "/api/v2/silences", silence, 200, "silenceID", []string{inJSON}},
		{"GET", "/api/v2/silences", "", 200, "none", nil},
		{"GET", "/api/v2/alerts", "", 200, "", nil},
		{"GET", "/api/v2/status", "", 200, "", nil},
		{"GET", "/api/alerts/history", "", 200, "HotNode", nil},
		{"POST", "/-/reload", "", 200, "", nil},
		{"PUT", "/-/reload", "", 200, "", nil},

		{"GET", "/", "", 200, "routes", nil},
		{"GET", "/api/monitoring/resources", "", 200, "hot-01", nil},
		{"GET", "/api/monitoring/rollouts", "", 200, "", nil},
		{"GET", "/tasks/task-1/metrics", "", 200, `"total":1`, nil},
		{"GET", "/proplets", "", 200, "proplet-1", nil},
		{"GET", "/proplets/proplet-1", "", 200, "proplet-1", nil},
		{"GET", "/proplets/proplet-1/metrics", "", 200, "", nil},
		{"GET", "/admin/metrics", "", 200, "factory", nil},
		{"GET", "/admin/metrics?reset=true", "", 200, "factory", nil},
		{"DELETE", "/admin/metrics", "", 200, "", nil},
		{"GET", "/health", "", 200, "healthy", nil},
		{"GET", "/network/stats", "", 200, "", nil},
		{"GET", "/metrics", "", 200, "weir_query_", nil},
		{"GET", "/api/deadletters", "", 200, "not_json", nil},
		{"GET", "/api/deadletters/1", "", 200, "not_json", nil},
		{"POST", "/api/deadletters/1/replay", "", 200, "not_json", nil},
		{"GET", "/api/accounting", "", 200, "factory", nil},

		{"GET", "/api/v1/query?query=front_door_load", "", 200, `"5"`, nil},
		{"POST", "/api/v1/query", "query=temperature", 200, `"31.5"`, []string{inForm}},
		{"GET", "/api/v1/query_range?query=weather_temperature&step=5&" + window(now), "", 200, "21.5", nil},
		{"POST", "/api/v1/query_range", "query=weather_humidity&step=5&" + window(now), 200, "40", []string{inForm}},
		{"GET", "/api/v1/query_exemplars?query=up&" + window(now), "", 200, "success", nil},
		{"POST", "/api/v1/query_exemplars", "query=up&" + window(now), 200, "success", []string{inForm}},
		{"GET", "/api/v1/format_query?query=a%2Bb", "", 200, "a + b", nil},
		{"POST", "/api/v1/format_query", "query=a%2Bb", 200, "a + b", []string{inForm}},
		{"GET", "/api/v1/parse_query?query=a%2Bb", "", 200, "success", nil},
		{"POST", "/api/v1/parse_query", "query=a%2Bb", 200, "success", []string{inForm}},
		{"GET", "/api/v1/series?match[]=temperature", "", 200, "sensor:7", nil},
		{"POST", "/api/v1/series", "match[]=temperature", 200, "sensor:7", []string{inForm}},
		{"GET", "/api/v1/labels", "", 200, "node", nil},
		{"POST", "/api/v1/labels", "", 200, "node", []string{inForm}},
		{"GET", "/api/v1/label/node/values", "", 200, "hot-01", nil},
		{"GET", "/api/v1/metadata", "", 200, "spore_node", nil},
		{"GET", "/api/v1/rules", "", 200, "HotNode", nil},
		{"GET", "/api/v1/alerts", "", 200, "Heartbeat", nil},
		{"GET", "/api/v1/status/runtimeinfo", "", 200, "success", nil},
		{"GET", "/api/v1/status/flags", "", 200, "success", nil},
		{"GET", "/api/v1/status/tsdb", "", 200, "success", nil},
		{"GET", "/api/v1/status/buildinfo", "", 200, "version", nil},
		{"GET", "/graph?g0.expr=temperature", "", 200, "31.5", nil},
		{"POST", "/api/v1/read", read, 200, "", []string{"Content-Encoding: snappy", "Content-Type: application/x-protobuf", "X-Prometheus-Remote-Read-Version: 0.1.0"}},
		{"GET", "/federate?match[]=temperature", "", 200, "31.5", nil},
	}, nil
}

func window(now time.Time) string {
	return fmt.Sprintf("start=%d&end=%d", now.Unix()-60, now.Unix()+30)
}

func remoteWrite(name string, value float64) (string, error) {
	w := writev2.Request{Symbols: []string{"", "__name__", name}, Timeseries: []writev2.TimeSeries{
		{LabelsRefs: []uint32{1, 2}, Samples: []writev2.Sample{{Value: value, Timestamp: time.Now().UnixMilli()}}}}}
	data, err := w.Marshal()
	if err != nil {
		return "", fmt.Errorf("write a remote write: %w", err)
	}
	return string(s2.EncodeSnappy(nil, data)), nil
}

func remoteRead(name string) (string, error) {
	now := time.Now().UnixMilli()
	r := prompb.ReadRequest{Queries: []*prompb.Query{{StartTimestampMs: now - 60_000, EndTimestampMs: now + 30_000,
		Matchers: []*prompb.LabelMatcher{{Type: prompb.LabelMatcher_EQ, Name: "__name__", Value: name}}}}}
	data, err := r.Marshal()
	if err != nil {
		return "", fmt.Errorf("write a remote read: %w", err)
	}
	return string(s2.EncodeSnappy(nil, data)), nil
}
