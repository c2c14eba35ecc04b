// Package push sends a device's metrics to weir: over HTTP, as to a
// Pushgateway, or over MQTT.
package push

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sort"
	"strings"

	"weir/pkg/device"
)

// HTTP says where to push to by HTTP, with the Pushgateway's API
// (https://github.com/prometheus/pushgateway#api).
type HTTP struct {
	URL        string            // http://host:port of weir, or of a Pushgateway; http://user:key@host:port where it asks for one
	Job        string            // the label job; not empty
	Grouping   map[string]string // further labels of everything that is pushed: instance, …
	Service    string            // the tenant, in the headers Fiware-Service …
	Subservice string            // … and Fiware-ServicePath; "" for weir's default
	Client     *http.Client      // nil is http.DefaultClient
}

// maxAnswer bounds what is read of an answer that is an error, in bytes.
const maxAnswer = 512

// Push replaces what was pushed before under the same job and grouping. It
// returns when weir has it on disk. An error says what weir answered.
func (h *HTTP) Push(ctx context.Context, r *device.Registry) error {
	target, err := h.target()
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, target, strings.NewReader(r.Render()))
	if err != nil {
		return fmt.Errorf("push metrics: %w", err)
	}
	req.Header.Set("Content-Type", device.ContentType)
	if h.Service != "" {
		req.Header.Set("Fiware-Service", h.Service)
	}
	if h.Subservice != "" {
		req.Header.Set("Fiware-ServicePath", "/"+strings.TrimPrefix(h.Subservice, "/"))
	}
	client := h.Client
	if client == nil {
		client = http.DefaultClient
	}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("push metrics: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswer)) // what could be read says enough
		return fmt.Errorf("push metrics to %s: HTTP %d: %s", req.URL.Redacted(), resp.StatusCode, strings.TrimSpace(string(body)))
	}
	return nil
}

// target returns the address of the group: /metrics/job/…{/label/value}.
func (h *HTTP) target() (string, error) {
	if h.Job == "" {
		return "", errors.New("push metrics: the job has no name")
	}
	path := strings.TrimSuffix(h.URL, "/") + "/metrics" + pair("job", h.Job)
	names := make([]string, 0, len(h.Grouping))
	for name := range h.Grouping {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		path += pair(name, h.Grouping[name])
	}
	return path, nil
}

// pair writes a label for the path; a value that a path cannot hold as it is
// goes in base64, as the Pushgateway reads it. What is not UTF-8 becomes U+FFFD.
func pair(name, value string) string {
	value = strings.ToValidUTF8(value, "\uFFFD")
	if value == "" {
		return "/" + name + "@base64/="
	}
	if value == "." || value == ".." || strings.Contains(value, "/") {
		return "/" + name + "@base64/" + base64.RawURLEncoding.EncodeToString([]byte(value))
	}
	return "/" + name + "/" + url.PathEscape(value)
}

// Publisher publishes an MQTT message with QoS 1 and returns when it was
// acknowledged. Every MQTT client library has something like it.
type Publisher interface {
	Publish(ctx context.Context, topic string, payload []byte) error
}

// MQTT says under which name to publish by MQTT.
type MQTT struct {
	Publisher  Publisher
	Service    string
	Subservice string
	Device     string
}

// Topic returns where the metrics are published:
// expo/{service}/{subservice}/{device}/metrics.
func (m *MQTT) Topic() string {
	return "expo/" + m.Service + "/" + m.Subservice + "/" + m.Device + "/metrics"
}

// Push publishes the metrics.
func (m *MQTT) Push(ctx context.Context, r *device.Registry) error {
	for what, level := range map[string]string{"service": m.Service, "subservice": m.Subservice, "device": m.Device} {
		if level == "" || strings.ContainsAny(level, "/+#") {
			return fmt.Errorf("push metrics: the %s is %q: it must be one level of a topic", what, level)
		}
	}
	if err := m.Publisher.Publish(ctx, m.Topic(), []byte(r.Render())); err != nil {
		return fmt.Errorf("push metrics to %s: %w", m.Topic(), err)
	}
	return nil
}
