package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// askedFleet is the fleet whose past the queries are about.
type askedFleet struct {
	fleetFlags
	end  time.Time // of its past
	task string    // the one with the longest past; "" for none
}

// query is one that is measured.
type query struct {
	name    string
	path    string
	read    func(body []byte) (answerSize, error)
	results int // that the answer must have
}

// answerSize is what an answer holds.
type answerSize struct {
	Results int `json:"results"` // series, label values, nodes or readings
	Samples int `json:"samples"`
}

// zones is how many zones the nodes are in.
const zones = 4

// queries are those that are measured.
func (f *askedFleet) queries() []query {
	hour := time.Duration(f.TaskReadings-1) * taskStep
	day := time.Duration(f.LongReadings-1) * longStep
	page := func(offset int) query {
		return query{
			fmt.Sprintf("page of a task's readings at %s", count(uint64(offset))),
			fmt.Sprintf("/tasks/%s/metrics?limit=100&offset=%d", url.PathEscape(f.task), offset),
			readPage, min(100, f.LongReadings-offset),
		}
	}
	const cpu, received = "proplet_task_cpu_usage_percent", "proplet_task_network_received_bytes_total"
	list := []query{
		f.instant("instant, a vector of nodes", "spore_node_cpu_usage_percent", f.Nodes),
		f.instant("instant, avg by (zone)", "avg by (zone) (spore_node_cpu_usage_percent)", min(zones, f.Nodes)),
		f.over("tasks over an hour at 15 s", cpu, hour, taskStep, f.Tasks),
		f.over("the same, rate [1m]", "rate("+received+"[1m])", hour, taskStep, f.Tasks),
		f.over("the same, sum of rates", "sum(rate("+received+"[1m]))", hour, taskStep, 1),
		f.over("a task over a day at 60 s", fmt.Sprintf("%s{task_id=%q}", cpu, f.task), day, time.Minute, 1),
		{"label __name__, values", "/api/v1/label/__name__/values", readList, 0},
		{"label node, values", "/api/v1/label/node/values", readList, f.Nodes},
		{"SPORE document", "/api/monitoring/resources", readDocument, f.Nodes},
	}
	if f.task == "" {
		return list
	}
	return append(list, page(0), page(f.LongReadings*9/10))
}

func (f *askedFleet) instant(name, promQL string, results int) query {
	return query{name, instantPath(promQL, f.end), readResult, results}
}

func (f *askedFleet) over(name, promQL string, past, step time.Duration, results int) query {
	v := url.Values{"query": {promQL}, "start": {unixText(f.end.Add(-past))}, "end": {unixText(f.end)}, "step": {step.String()}}
	return query{name, "/api/v1/query_range?" + v.Encode(), readResult, results}
}

func instantPath(promQL string, at time.Time) string {
	return "/api/v1/query?" + url.Values{"query": {promQL}, "time": {unixText(at)}}.Encode()
}

func unixText(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

// readResult reads an instant or a range query's answer.
func readResult(body []byte) (answerSize, error) {
	var a struct {
		Data struct {
			Result []struct {
				Value  json.RawMessage
				Values []json.RawMessage
			}
		}
	}
	err := json.Unmarshal(body, &a)
	size := answerSize{Results: len(a.Data.Result)}
	for _, r := range a.Data.Result {
		size.Samples += len(r.Values)
		if r.Value != nil {
			size.Samples++
		}
	}
	return size, err
}

// readList reads label values.
func readList(body []byte) (answerSize, error) {
	var a struct{ Data []string }
	err := json.Unmarshal(body, &a)
	return answerSize{Results: len(a.Data)}, err
}

// readDocument reads a SPORE document.
func readDocument(body []byte) (answerSize, error) {
	var a struct{ Nodes []json.RawMessage }
	err := json.Unmarshal(body, &a)
	return answerSize{Results: len(a.Nodes)}, err
}

// readPage reads a page of a task's readings.
func readPage(body []byte) (answerSize, error) {
	var a struct{ Metrics []json.RawMessage }
	err := json.Unmarshal(body, &a)
	return answerSize{Results: len(a.Metrics)}, err
}

// seriesCount asks how many series there are at a moment.
func (c *client) seriesCount(ctx context.Context, at time.Time) (uint64, error) {
	var a struct {
		Data struct {
			Result []struct{ Value [2]any }
		}
	}
	if _, err := c.ask(ctx, http.MethodGet, instantPath(`count({__name__=~".+"})`, at), &a); err != nil {
		return 0, fmt.Errorf("count the series: %w", err)
	}
	if len(a.Data.Result) == 0 {
		return 0, nil
	}
	text, _ := a.Data.Result[0].Value[1].(string)
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("count the series: %w", err)
	}
	return n, nil
}

// anyTask asks for the id of a task that is there, "" for none.
func (c *client) anyTask(ctx context.Context) (string, error) {
	var a struct{ Data []string }
	if _, err := c.ask(ctx, http.MethodGet, "/api/v1/label/task_id/values", &a); err != nil {
		return "", fmt.Errorf("look for a task: %w", err)
	}
	if len(a.Data) == 0 {
		return "", nil
	}
	return a.Data[0], nil
}
