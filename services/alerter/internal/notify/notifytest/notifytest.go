// Package notifytest is what the tests of integrations share: messages and the
// form that golden files have them in.
package notifytest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/common/model"

	"weir/services/alerter/internal/alert"
	"weir/services/alerter/internal/amconfig"
	"weir/services/alerter/internal/notify/httpsend"
	"weir/services/alerter/internal/notify/notice"
	"weir/services/alerter/internal/notify/render"
)

// JSON returns a value as JSON that people can read.
func JSON(t *testing.T, value any) []byte {
	t.Helper()
	compact, err := render.JSON(value)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := json.Indent(&b, compact, "", "  "); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Templates returns the built-in templates.
func Templates(t *testing.T, globs ...string) *render.Templates {
	t.Helper()
	templates, err := render.Load(globs)
	if err != nil {
		t.Fatal(err)
	}
	return templates
}

// Began is when the alerts of messages fired.
var Began = time.Date(2026, 11, 21, 17, 0, 0, 0, time.UTC)

// Alert returns a firing alert of a node.
func Alert(node, severity, summary string) *alert.Alert {
	labels := model.LabelSet{"alertname": "NodeCPUHigh", "service": "factory", "subservice": "/line1",
		"source": model.LabelValue(node), "severity": model.LabelValue(severity)}
	return &alert.Alert{
		ID: alert.NewID("spore;cpu", labels, Began.Add(-time.Minute)), Labels: labels,
		Annotations:  model.LabelSet{"summary": model.LabelValue(summary), "runbook_url": "https://weir.example/runbook#cpu"},
		GeneratorURL: "https://weir.example/graph?g0.expr=cpu", Status: alert.Firing, Value: 91.5,
		ActiveAt: Began.Add(-time.Minute), FiredAt: Began,
	}
}

// Resolve returns the alert as it is when it was resolved.
func Resolve(a *alert.Alert) *alert.Alert {
	resolved := *a
	resolved.Status, resolved.ResolvedAt = alert.Resolved, Began.Add(5*time.Minute)
	return &resolved
}

func message(firing, resolved []*alert.Alert) *notice.Message {
	return &notice.Message{
		ID: "9f2c1d", GroupKey: `{}/{service="factory"}:{alertname="NodeCPUHigh"}`, Receiver: "on-call", Reason: "first notification",
		GroupLabels: model.LabelSet{"alertname": "NodeCPUHigh"}, Firing: firing, Resolved: resolved,
		Now: Began.Add(10 * time.Second), ExternalURL: "https://weir.example",
	}
}

// Firing returns a message of one alert that fires.
func Firing() *notice.Message {
	return message([]*alert.Alert{Alert("node-1", "critical", "CPU of node-1 <above> 90 %")}, nil)
}

// Resolved returns a message of one alert that is resolved.
func Resolved() *notice.Message {
	m := message(nil, []*alert.Alert{Resolve(Alert("node-1", "critical", "CPU of node-1 <above> 90 %"))})
	m.Reason = "all alerts resolved"
	return m
}

// Many returns a message of n alerts that fire and one that is resolved, with
// texts that are not ASCII.
func Many(n int) *notice.Message {
	var firing []*alert.Alert
	for i := range n {
		firing = append(firing, Alert(fmt.Sprintf("node-%03d", i), "warning", fmt.Sprintf("CPU von Knoten %d übersteigt 80 %% · 過負荷 🔥", i)))
	}
	return message(firing, []*alert.Alert{Resolve(Alert("node-x", "critical", "CPU of node-x"))})
}

// Receiver reads the receiver of a configuration that has one, of which only the
// keys of receivers and of global are given.
func Receiver(t *testing.T, global, receiver string) *amconfig.Receiver {
	t.Helper()
	c, err := amconfig.Parse([]byte("route: {receiver: on-call}\n"+global+"\nreceivers:\n- name: on-call\n"+receiver), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return &c.Receivers[0]
}

// Closer is an integration that is closed.
type Closer interface {
	notice.Integration
	Close()
}

// New makes an integration of a configuration by its package's New. It is closed
// at the test's end.
func New[C any, I Closer](t *testing.T, build func(*C, *render.Templates, httpsend.Options) (I, error), config *C) I {
	t.Helper()
	i, err := build(config, Templates(t), Options())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(i.Close)
	return i
}

// Options are those of tests: an environment of two variables.
func Options() httpsend.Options {
	return httpsend.Options{UserAgent: "weir/test", Environment: func(name string) (string, bool) {
		value, ok := map[string]string{"KEY": "0123456789abcdef0123456789abcdef", "TOKEN": "xoxb-1-secret"}[name]
		return value, ok
	}}
}

// Serve serves a sink until the test ends.
func Serve(t *testing.T, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s.URL
}

// Failed returns the error that a sending ended with.
func Failed(t *testing.T, err error) *notice.Error {
	t.Helper()
	if err == nil {
		t.Fatal("sending succeeded, want an error")
	}
	e, ok := err.(*notice.Error)
	if !ok {
		t.Fatalf("sending failed with a %T, want *notice.Error: %v", err, err)
	}
	return e
}
