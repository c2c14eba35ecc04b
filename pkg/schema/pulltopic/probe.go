package pulltopic

import (
	"encoding/json"
	"fmt"

	"weir/pkg/schema"
)

// ProbeResult is the payload of a probe's event, as JSON:
//
//	{"error":"…","metrics":[{"name":"probe_success","value":1},
//	 {"name":"probe_http_duration_seconds","labels":{"phase":"connect"},"value":0.0013}, …]}
//
// The names and labels are the blackbox exporter's.
type ProbeResult struct {
	Error   string        `json:"error,omitempty"` // why it failed
	Ended   bool          `json:"ended,omitempty"` // no probe: it is not made any more, its series end here
	Metrics []ProbeMetric `json:"metrics"`
}

// ProbeMetric is one value of a probe.
type ProbeMetric struct {
	Name   string            `json:"name"`
	Labels map[string]string `json:"labels,omitempty"`
	Value  float64           `json:"value"` // finite
}

// Metric returns the value of a name without labels.
func (p *ProbeResult) Metric(name string) (value float64, ok bool) {
	for _, m := range p.Metrics {
		if m.Name == name && len(m.Labels) == 0 {
			return m.Value, true
		}
	}
	return 0, false
}

// Append appends the result as JSON. A value that is not finite is a bug.
func (p *ProbeResult) Append(b []byte) []byte {
	data, err := json.Marshal(p)
	if err != nil {
		panic(fmt.Sprintf("BUG: a probe's result cannot be written: %v", err))
	}
	return append(b, data...)
}

// ParseProbe reads what Append wrote. The reason is that of a rejection, with
// what is wrong; ReasonNone if nothing is.
func ParseProbe(payload []byte) (p ProbeResult, reason schema.Reason, detail string) {
	if !json.Valid(payload) {
		return ProbeResult{}, schema.ReasonNotJSON, "the payload is not JSON"
	}
	if err := json.Unmarshal(payload, &p); err != nil {
		return ProbeResult{}, schema.ReasonUnknownShape, fmt.Sprintf("not a probe's result: %v", err)
	}
	if len(p.Metrics) == 0 && !p.Ended {
		return ProbeResult{}, schema.ReasonUnknownShape, "metrics is empty: expected a probe's values"
	}
	for i, m := range p.Metrics {
		if m.Name == "" {
			return ProbeResult{}, schema.ReasonUnknownShape, fmt.Sprintf("metrics[%d] has no name", i)
		}
	}
	return p, schema.ReasonNone, ""
}
