package e2e

import (
	"encoding/json"
	"fmt"
	"iter"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"testing"
	"time"

	"weir/devices/loadgen"
)

// promSeries is one series of a query's answer.
type promSeries struct {
	Metric map[string]string
	Value  *promSample  // of an instant vector
	Values []promSample // of a matrix
}

// promSample is a sample as the API writes it: [1767323045.123, "12.25"].
type promSample struct {
	MS    int64
	Value string
}

func (s *promSample) UnmarshalJSON(text []byte) error {
	var seconds float64
	if err := json.Unmarshal(text, &[]any{&seconds, &s.Value}); err != nil {
		return err
	}
	s.MS = int64(math.Round(seconds * 1000))
	return nil
}

func unixSeconds(t time.Time) string {
	return strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', -1, 64)
}

func instantPath(promQL string, at time.Time) string {
	return "/api/v1/query?" + url.Values{"query": {promQL}, "time": {unixSeconds(at)}}.Encode()
}

func rangePath(promQL string, start, end time.Time, step time.Duration) string {
	return "/api/v1/query_range?" + url.Values{
		"query": {promQL}, "start": {unixSeconds(start)}, "end": {unixSeconds(end)}, "step": {step.String()},
	}.Encode()
}

// series asks for a query's series.
func (p *process) series(path string) []promSeries {
	p.t.Helper()
	var a struct {
		Status string
		Data   struct{ Result []promSeries }
	}
	p.getJSON(path, &a)
	if a.Status != "success" {
		p.t.Fatalf("GET %s: status %q", path, a.Status)
	}
	return a.Data.Result
}

// instant evaluates an expression at a moment.
func (p *process) instant(promQL string, at time.Time) []promSeries {
	p.t.Helper()
	return p.series(instantPath(promQL, at))
}

// samples asks for the samples of the one series that a selector has in the
// time up to a moment; none: nil.
func (p *process) samples(selector string, past time.Duration, at time.Time) []promSample {
	p.t.Helper()
	found := p.instant(fmt.Sprintf("%s[%s]", selector, past), at)
	switch len(found) {
	case 0:
		return nil
	case 1:
		return found[0].Values
	}
	p.t.Fatalf("%s has %d series", selector, len(found))
	return nil
}

// taskReading is a reading on a task's page.
type taskReading struct {
	Timestamp time.Time
	Metrics   struct {
		CPU    float64 `json:"cpu_percent"`
		Number uint64  `json:"uptime_seconds"`
	}
}

// taskReadings follows the pages of a task's readings from the newest on.
func (p *process) taskReadings(task string, limit int) []taskReading {
	p.t.Helper()
	var all []taskReading
	for path := fmt.Sprintf("/tasks/%s/metrics?limit=%d", task, limit); path != ""; {
		var page struct {
			Offset, Total int
			Metrics       []taskReading
		}
		a := p.get(path)
		if err := json.Unmarshal(a.Body, &page); a.Status != http.StatusOK || err != nil {
			p.t.Fatalf("GET %s: %d %s", path, a.Status, a.Body)
		}
		if page.Offset != len(all) || len(page.Metrics) > limit {
			p.t.Fatalf("GET %s: %d readings at %d, after %d", path, len(page.Metrics), page.Offset, len(all))
		}
		all = append(all, page.Metrics...)
		if path = nextLink(a.Header); path == "" && len(all) != page.Total {
			p.t.Errorf("%s: the pages have %d of %d readings", task, len(all), page.Total)
		}
	}
	return all
}

// nextLink returns what a Link header names as the next page, "" for none.
func nextLink(h http.Header) string {
	var path string
	if _, err := fmt.Sscanf(h.Get("Link"), "<%s", &path); err != nil {
		return ""
	}
	const end = `>;`
	return path[:max(len(path)-len(end), 0)]
}

// nodeReading is what a node says at a moment.
type nodeReading struct {
	node   string
	at     time.Time // whole seconds
	cpu    float64
	labels string // a JSON object
}

func (r nodeReading) message(tenant string) loadgen.Message {
	return loadgen.Message{
		Topic: fmt.Sprintf("spore/%s/%s/resources", tenant, r.node),
		Payload: fmt.Appendf(nil, `{"timestamp":%d,"hostname":%q,"cpu":{"usage_percent":%v,"frequency_mhz":160},"memory":{"total_bytes":98304,"free_bytes":49152},"labels":%s}`,
			r.at.Unix(), r.node, r.cpu, r.labels),
	}
}

// publishPast publishes messages, each lane in its order by a client of its own,
// and waits until they are folded.
func publishPast(t testing.TB, p *process, lanes ...[]loadgen.Message) {
	t.Helper()
	before := p.settled(0).Sum
	config := loadgen.BackfillConfig{Addr: p.MQTT, Window: 64}
	sent := 0
	for _, lane := range lanes {
		config.Lanes = append(config.Lanes, seqOf(lane))
		sent += len(lane)
	}
	done, err := loadgen.Backfill(t.Context(), config, nil)
	if err != nil || done.Acknowledged != uint64(sent) {
		t.Fatalf("%+v of %d messages, error %v", done, sent, err)
	}
	p.settled(before.Received + uint64(sent))
}

func seqOf(messages []loadgen.Message) iter.Seq[loadgen.Message] {
	return func(yield func(loadgen.Message) bool) {
		for _, m := range messages {
			if !yield(m) {
				return
			}
		}
	}
}
