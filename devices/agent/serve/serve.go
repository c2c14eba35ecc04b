// Package serve answers HTTP requests for what an agent has measured: GET
// /metrics as exposition text, and GET /history as JSON.
package serve

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"weir/devices/agent/dialect"
	"weir/devices/agent/ring"
	"weir/pkg/device"
	"weir/pkg/httpserver"
)

// Task is a task as it is shown: its newest sample, and its history.
type Task struct {
	ID      string
	Profile json.Marshaler
	Latest  *ring.Sample  // nil before the first
	History []ring.Sample // the oldest first
	Total   int           // of the history, where it was cut
	Over    *ring.Aggregates
}

// View is what an agent shows at one moment.
type View struct {
	PropletID string
	Host      *dialect.Host // nil before the first
	Tasks     []Task
	Agent     Agent
}

// Agent is how the agent itself does.
type Agent struct {
	Connected bool
	Samples   uint64 // taken
	Sent      uint64 // messages that the broker acknowledged
	Waiting   int    // messages in the spool
	Lost      uint64 // messages that had to make room
}

// Source gives the view; history is how many samples of each task to show, of
// one task if its id is given.
type Source func(taskID string, history int) View

// Start listens on an address and answers from then on, until the server's Stop.
func Start(addr string, source Source) (*httpserver.Server, error) {
	s, err := httpserver.Listen(context.Background(), addr, &http.Server{Handler: Handler(source), ReadHeaderTimeout: 10 * time.Second})
	if err != nil {
		return nil, fmt.Errorf("listen for HTTP: %w", err)
	}
	s.Serve(func(error) {}) // Stop returns it
	return s, nil
}

// Handler answers the requests.
func Handler(source Source) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", device.ContentType)
		_, _ = w.Write(Metrics(source("", 0))) // a client that left needs no answer
	})
	mux.HandleFunc("GET /history", func(w http.ResponseWriter, r *http.Request) {
		limit, err := limitOf(r)
		w.Header().Set("Content-Type", "application/json")
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			_ = json.NewEncoder(w).Encode(map[string]string{"error": err.Error()})
			return
		}
		_, _ = w.Write(History(source(r.FormValue("task_id"), limit)))
	})
	return mux
}

// everything is more samples than any history has.
const everything = 1 << 30

func limitOf(r *http.Request) (int, error) {
	text := r.FormValue("limit")
	if text == "" {
		return everything, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("limit is %q: expected a number of samples", text)
	}
	return n, nil
}

// History writes the histories as JSON, samples as D1 has them:
//
//	{"proplet_id": "…", "tasks": [{"task_id": "…", "profile": {…}, "total": 2,
//	 "samples": [{"cpu_percent": 12.25, …}, …], "aggregated": {…}}]}
func History(v View) []byte {
	type task struct {
		ID         string            `json:"task_id"`
		Profile    json.Marshaler    `json:"profile"`
		Total      int               `json:"total"`
		Samples    []json.RawMessage `json:"samples"`
		Aggregated json.RawMessage   `json:"aggregated,omitempty"`
	}
	out := struct {
		PropletID string `json:"proplet_id"`
		Tasks     []task `json:"tasks"`
	}{v.PropletID, []task{}}
	for _, t := range v.Tasks {
		shown := task{ID: t.ID, Profile: t.Profile, Total: t.Total, Samples: []json.RawMessage{}}
		for i := range t.History {
			shown.Samples = append(shown.Samples, dialect.D1.Metrics(&t.History[i]))
		}
		if t.Over != nil {
			shown.Aggregated = dialect.Aggregated(t.Over)
		}
		out.Tasks = append(out.Tasks, shown)
	}
	text, err := json.Marshal(out)
	if err != nil {
		panic("BUG: a history that is no JSON: " + err.Error())
	}
	return append(text, '\n')
}
