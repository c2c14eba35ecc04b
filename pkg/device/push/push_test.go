package push_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"weir/pkg/device"
	"weir/pkg/device/push"
)

func registry() *device.Registry {
	r := device.NewRegistry("")
	g := device.NewGauge("level", "")
	g.Set(4)
	r.Register(g)
	return r
}

func TestHTTPPushesToTheGroupOfItsJobAndLabels(t *testing.T) {
	type request struct{ method, path, service, servicePath, contentType, body string }
	var got request
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = request{r.Method, r.URL.EscapedPath(), r.Header.Get("Fiware-Service"), r.Header.Get("Fiware-ServicePath"), r.Header.Get("Content-Type"), string(body)}
	}))
	defer server.Close()
	h := push.HTTP{URL: server.URL + "/", Job: "tank farm", Grouping: map[string]string{"zone": "a/b", "instance": "caf\xe9", "empty": "", "up": ".."}, Service: "plant", Subservice: "line1"}
	if err := h.Push(t.Context(), registry()); err != nil {
		t.Fatal(err)
	}
	want := request{"PUT", "/metrics/job/tank%20farm/empty@base64/=/instance/caf%EF%BF%BD/up@base64/Li4/zone@base64/YS9i", "plant", "/line1", device.ContentType, "# TYPE level gauge\nlevel 4\n"}
	if got != want {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

func TestHTTPSaysWhatWasAnswered(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "line 1: no value", http.StatusBadRequest)
	}))
	defer server.Close()
	h := push.HTTP{URL: server.URL, Job: "j"}
	if err := h.Push(t.Context(), registry()); err == nil || !strings.Contains(err.Error(), "HTTP 400: line 1: no value") {
		t.Errorf("got %v", err)
	}
	if err := (&push.HTTP{URL: server.URL}).Push(t.Context(), registry()); err == nil || !strings.Contains(err.Error(), "the job has no name") {
		t.Errorf("without a job: %v", err)
	}
}

func TestHTTPPushesAsAUserWhoseKeyIsNotShown(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, key, _ := r.BasicAuth()
		http.Error(w, user+" has a key of "+strconv.Itoa(len(key)), http.StatusForbidden)
	}))
	defer server.Close()
	h := push.HTTP{URL: strings.Replace(server.URL, "://", "://board:secret@", 1), Job: "j"}
	if err := h.Push(t.Context(), registry()); err == nil || !strings.Contains(err.Error(), "HTTP 403: board has a key of 6") || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v", err)
	}
}

func TestMQTTRefusesWhatIsNoLevelOfATopic(t *testing.T) {
	m := push.MQTT{Service: "plant", Subservice: "a/b", Device: "esp-1"}
	if err := m.Push(t.Context(), registry()); err == nil || !strings.Contains(err.Error(), `the subservice is "a/b"`) {
		t.Errorf("got %v", err)
	}
}
