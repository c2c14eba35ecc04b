package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// amtool runs Alertmanager's own client.
func amtool(t *testing.T, args ...string) (string, error) {
	t.Helper()
	path, err := exec.LookPath("amtool")
	if err != nil {
		t.Skip("amtool is not installed (Debian's package prometheus-alertmanager)")
	}
	var stderr bytes.Buffer // where it also warns that weir has another version
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, &stderr)
	}
	return string(out), err
}

// Alertmanager's own client lists alerts, and makes, lists and ends silences.
func TestAmtoolWorksAgainstWeir(t *testing.T) {
	p := start(t, t.TempDir(), "--rules", write(t, "rules.yml", hotRules), "--default-rules=false")
	url := "--alertmanager.url=http://" + p.Internal
	device := connect3(t, p.MQTT, "esp-1")
	device.spore("spore-a", 95)
	eventually(t, "amtool sees the alert", func() error {
		out, err := amtool(t, "alert", "query", "-o", "json", url, "alertname=HotNode", "node=spore-a")
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		var alerts []struct {
			Labels map[string]string
			Status struct{ State string }
		}
		if err := json.Unmarshal([]byte(out), &alerts); err != nil {
			t.Fatalf("%v in %s", err, out)
		}
		if len(alerts) != 1 {
			return expect(out, "one alert")
		}
		return expect(alerts[0].Status.State+" "+alerts[0].Labels["severity"], "active critical")
	})
	if out, err := amtool(t, "alert", "query", url); err != nil || !strings.Contains(out, "HotNode") {
		t.Errorf("as a table: %v\n%s", err, out)
	}

	id, err := amtool(t, "silence", "add", url, "-a", "ops", "-c", "repair", "-d", "1h", "node=spore-a")
	if id = strings.TrimSpace(id); err != nil || id == "" {
		t.Fatalf("silence add: %v\n%s", err, id)
	}
	if out, err := amtool(t, "silence", "query", url); err != nil || !strings.Contains(out, id) || !strings.Contains(out, "repair") {
		t.Errorf("silence query: %v\n%s", err, out)
	}
	if out, err := amtool(t, "alert", "query", url, "-s", "-o", "simple"); err != nil || !strings.Contains(out, "HotNode") {
		t.Errorf("the silenced alert: %v\n%s", err, out)
	}
	if out, err := amtool(t, "alert", "query", url, "-a", "-o", "simple"); err != nil || strings.Contains(out, "HotNode") {
		t.Errorf("active alerts while it is silenced: %v\n%s", err, out)
	}
	if out, err := amtool(t, "silence", "expire", url, id); err != nil {
		t.Errorf("silence expire: %v\n%s", err, out)
	}
	if out, err := amtool(t, "silence", "query", url); err != nil || strings.Contains(out, id) {
		t.Errorf("after it was ended: %v\n%s", err, out)
	}
	if out, err := amtool(t, "config", "show", url); err != nil {
		t.Errorf("config show: %v\n%s", err, out)
	}
}

func TestAmtoolAndWeirTakeTheExampleConfiguration(t *testing.T) {
	example := filepath.Join("..", "deployments", "alertmanager.example.yml")
	if out, err := amtool(t, "check-config", example); err != nil {
		t.Errorf("amtool: %v\n%s", err, out)
	}
	if out, err := tool(t, "check-routes", "--alertmanager-config", example, "severity=page"); err != nil || !strings.Contains(out, "on-call") {
		t.Errorf("weir check-routes: %v\n%s", err, out)
	}
}
