package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/pkg/golden"
)

// letters is what a running weir answers; control characters of a device must
// not reach the terminal.
const (
	letterJSON = `{"seq": 12, "time": "2026-01-02T03:04:05.000006789Z", "reason": "not_json", "detail": "expected a value (at byte 1)",
 "service": "factory", "subservice": "line1", "topic": "m/factory/c/line1/metrics/proplet", "client_id": "b1\u001b[2Ja2",
 "payload": "{\"grün\": \"<1>\"\n", "encoding": "utf-8"}`
	bareLetterJSON = `{"seq": 11, "time": "2026-01-02T03:04:05Z", "reason": "bad_topic", "detail": "", "service": "", "subservice": "",
 "topic": "m//c/line1/metrics/proplet", "client_id": "", "payload": "/wAB/g==", "encoding": "base64"}`
)

// fakeWeir answers the dead-letter API and notes what it was asked.
func fakeWeir(t *testing.T, asked *string) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	say := func(pattern string, status int, body string) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			*asked = r.Method + " " + r.URL.String()
			w.WriteHeader(status)
			fmt.Fprintln(w, body)
		})
	}
	say("GET /api/deadletters", 200, `{"offset":0,"limit":20,"total":12,"deadletters":[`+letterJSON+`,`+bareLetterJSON+`]}`)
	say("GET /api/deadletters/11", 200, bareLetterJSON)
	say("GET /api/deadletters/12", 200, letterJSON)
	say("GET /api/deadletters/99", 404, `{"error":"there is no dead letter 99"}`)
	say("POST /api/deadletters/12/replay", 200, `{"seq":12,"journal_seq":99,"accepted":true}`)
	say("POST /api/deadletters/11/replay", 200, `{"seq":11,"journal_seq":100,"accepted":false,"reason":"bad_topic","detail":"level 2 is empty"}`)
	say("GET /health", 500, `oh`)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server
}

func TestDeadLetters(t *testing.T) {
	tests := []struct {
		name   string
		args   []string
		asked  string
		code   int
		stderr string
		golden string // of stdout; "" for none
	}{
		{"list", []string{"list"}, "GET /api/deadletters?limit=20&offset=0", exitOK, "", "list.txt"},
		{"list with filters", []string{"list", "--offset", "5", "--limit", "2", "--service", "", "--subservice", "line1", "--reason", "not_json"},
			"GET /api/deadletters?limit=2&offset=5&reason=not_json&service=&subservice=line1", exitOK, "", "list.txt"},
		{"list as JSON", []string{"list", "--json"}, "GET /api/deadletters?limit=20&offset=0", exitOK, "", "list.json"},
		{"show text", []string{"show", "12"}, "GET /api/deadletters/12", exitOK, "", "show.txt"},
		{"show bytes", []string{"show", "11"}, "GET /api/deadletters/11", exitOK, "", "show-base64.txt"},
		{"show what is not there", []string{"show", "99"}, "GET /api/deadletters/99", exitFailed,
			"weir: show dead letter 99: there is no dead letter 99\n", ""},
		{"replay", []string{"replay", "12"}, "POST /api/deadletters/12/replay", exitOK, "", "replay.txt"},
		{"replay that is rejected again", []string{"replay", "11"}, "POST /api/deadletters/11/replay", exitFailed,
			"weir: dead letter 11 was rejected again: bad_topic: level 2 is empty\n", ""},
		{"replay as JSON", []string{"replay", "12", "--json"}, "POST /api/deadletters/12/replay", exitOK, "", "replay.json"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var asked string
			server := fakeWeir(t, &asked)
			r := weir(t, append(append([]string{"deadletters"}, tt.args...), "--url", server.URL+"/")...)
			if diff := cmp.Diff(result{tt.code, r.stdout, tt.stderr}, r, cmp.AllowUnexported(result{})); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
			if asked != tt.asked {
				t.Errorf("asked %q, want %q", asked, tt.asked)
			}
			if tt.golden != "" {
				golden.Check(t, "deadletters/"+tt.golden, r.stdout)
			} else if r.stdout != "" {
				t.Errorf("stdout %q", r.stdout)
			}
		})
	}
}

func TestHealthcheck(t *testing.T) {
	tests := []struct {
		name   string
		status int
		body   string
		code   int
		stderr string
	}{
		{"healthy is good", 200, `{"status":"healthy","components":{"journal":"connected","broker":"running"},"version":"1"}`, exitOK,
			"healthy (broker running, journal connected)\n"},
		{"degraded is good enough", 200, `{"status":"degraded","error":"store is failed","components":{"store":"failed"}}`, exitOK,
			"degraded: store is failed (store failed)\n"},
		{"unhealthy is not", 503, `{"status":"unhealthy","error":"journal is disconnected"}`, exitFailed, "weir: unhealthy: journal is disconnected\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tt.status)
				fmt.Fprintln(w, tt.body)
			}))
			defer server.Close()
			r := weir(t, "healthcheck", "--internal-addr", server.Listener.Addr().String())
			if diff := cmp.Diff(result{tt.code, "", tt.stderr}, r, cmp.AllowUnexported(result{})); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
		})
	}
}

func TestHealthcheckOfSomethingElse(t *testing.T) {
	var asked string
	server := fakeWeir(t, &asked)
	r := weir(t, "healthcheck", "--url", server.URL)
	if want := "weir: read the answer of " + server.URL + "/health (HTTP 500): invalid character 'o' looking for beginning of value\n"; r.code != exitFailed || r.stderr != want {
		t.Errorf("exit code %d, stderr %q, want %q", r.code, r.stderr, want)
	}
}
