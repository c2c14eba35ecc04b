package e2e

import (
	"bufio"
	"cmp"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"weir/devices/loadgen"
)

// conformanceData is where pkg/read keeps readings, and what Prometheus'
// engine makes of them over Prometheus' own chunks.
const conformanceData = "../pkg/read/promread/conformance/testdata"

// expectation is a query and its answer.
type expectation struct {
	Query            string
	Start, End, Step int64 // unix seconds; a Step of 0 is an instant query
	conformanceAnswer
}

type conformanceAnswer struct {
	Data            json.RawMessage
	Error           string
	Warnings, Infos []string
}

func (e *expectation) path() string {
	q := url.Values{"query": {e.Query}}
	if e.Step == 0 {
		q.Set("time", strconv.FormatInt(e.Start, 10))
		return "/api/v1/query?" + q.Encode()
	}
	q.Set("start", strconv.FormatInt(e.Start, 10))
	q.Set("end", strconv.FormatInt(e.End, 10))
	q.Set("step", strconv.FormatInt(e.Step, 10))
	return "/api/v1/query_range?" + q.Encode()
}

// TestPromQLIsThatOfPrometheus publishes the readings over MQTT and compares
// the answers to hundreds of queries, byte by byte, with those of Prometheus.
func TestPromQLIsThatOfPrometheus(t *testing.T) {
	p := start(t, t.TempDir(), "--retention", "0", "--query-experimental")
	messages := conformanceReadings(t)
	publishPast(t, p, messages)
	p.settled(uint64(len(messages)))
	compared := 0
	for _, e := range conformanceExpectations(t) {
		var got conformanceAnswer
		if err := json.Unmarshal(p.get(e.path()).Body, &got); err != nil {
			t.Fatalf("%s: %v", e.Query, err)
		}
		if g, w := got.canonical(e.Query), e.canonical(e.Query); g != w {
			t.Errorf("%s (step %d)\n got %.600s\nwant %.600s", e.Query, e.Step, g, w)
		}
		compared++
	}
	t.Logf("%d queries compared", compared)
	if compared < 500 {
		t.Errorf("only %d queries compared", compared)
	}
}

// canonical is the answer as text. An instant vector has no order unless the
// query sorts it.
func (a *conformanceAnswer) canonical(query string) string {
	slices.Sort(a.Warnings)
	slices.Sort(a.Infos)
	text := string(a.Data)
	var d struct {
		ResultType string
		Result     []json.RawMessage
	}
	if !strings.HasPrefix(query, "sort") && json.Unmarshal(a.Data, &d) == nil && d.ResultType == "vector" {
		slices.SortFunc(d.Result, func(a, b json.RawMessage) int { return cmp.Compare(string(a), string(b)) })
		text = fmt.Sprintf("%s", d.Result)
	}
	return fmt.Sprintf("%s error %q warnings %q infos %q", text, a.Error, a.Warnings, a.Infos)
}

func conformanceExpectations(t *testing.T) (all []expectation) {
	t.Helper()
	f, err := os.Open(filepath.Join(conformanceData, "expected.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e expectation
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// conformanceReadings are the readings as nodes send them, in the order of the
// file.
func conformanceReadings(t *testing.T) (messages []loadgen.Message) {
	t.Helper()
	f, err := os.Open(filepath.Join(conformanceData, "readings.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows[1:] {
		messages = append(messages, conformanceMessage(t, rows[0], row))
	}
	return messages
}

// conformanceMessage makes a node's document of a row: time_ms, service,
// subservice, node, zone, version, and then fields by their paths.
func conformanceMessage(t *testing.T, head, row []string) loadgen.Message {
	t.Helper()
	ms, err := strconv.ParseInt(row[0], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	labels := map[string]string{"version": row[5]}
	if row[4] != "" {
		labels["zone"] = row[4]
	}
	doc := map[string]any{"timestamp": time.UnixMilli(ms).UTC().Format(time.RFC3339Nano), "hostname": row[3], "labels": labels}
	for i := 6; i < len(head); i++ {
		group, name, _ := strings.Cut(head[i], ".")
		if doc[group] == nil {
			doc[group] = map[string]json.Number{}
		}
		doc[group].(map[string]json.Number)[name] = json.Number(row[i])
	}
	payload, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return loadgen.Message{Topic: fmt.Sprintf("spore/%s/%s/%s/resources", row[1], row[2], row[3]), Payload: payload}
}
