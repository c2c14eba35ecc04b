package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"weir/devices/sinks"
)

// perseo sends a request in the name of a tenant.
func (p *process) perseo(method, path, service, servicePath, body string) answer {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), method, "http://"+p.Internal+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Fiware-Service", service)
	req.Header.Set("Fiware-ServicePath", servicePath)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, got}
}

// counted waits until a tenant's counters are these.
func (p *process) counted(service, subservice string, want map[string]float64) {
	p.t.Helper()
	eventually(p.t, "everything is counted", func() error {
		var m struct {
			Services map[string]struct {
				Subservs map[string]map[string]any
			}
		}
		p.getJSON("/admin/metrics", &m)
		line := m.Services[service].Subservs[subservice]
		for name, n := range want {
			if got, _ := line[name].(float64); got != n {
				text, _ := json.Marshal(line)
				return fmt.Errorf("%s is %v, expected %v: %s", name, line[name], n, text)
			}
		}
		return nil
	})
}

// A tenant makes a rule by Perseo's API. It sees only its tenant's nodes, acts
// when it fires, survives a kill, and everything is counted.
func TestATenantsRuleActsAndIsCounted(t *testing.T) {
	hook := sinks.NewWebhook()
	url := serveSink(t, hook)
	dir := t.TempDir()
	p := start(t, dir, "--default-rules=false", "--evaluation-interval", "100ms")
	rule := fmt.Sprintf(`{"name":"too_hot","text":"select *, ev.x? as t from iotEvent as ev where cast(cast(ev.spore_node_cpu_usage_percent?,String),float)>80",
		"action":{"type":"post","template":"{\"node\":\"${node}\",\"cpu\":${value}}","parameters":{"url":"%s/hot"}}}`, url)
	if a := p.perseo("POST", "/rules", "factory", "/line1", rule); a.Status != 200 || !strings.Contains(string(a.Body), `"error":null`) {
		t.Fatalf("create: %d %s", a.Status, a.Body)
	}
	for _, bad := range []struct{ body, want string }{
		{`{"name":"too_hot","text":"up","action":[]}`, "rule exists too_hot"},
		{`{"name":"a b","text":"up","action":[]}`, "invalid char in name a b"},
		{`{"name":"x","action":[]}`, "empty rule, missing text or nosignal"},
		{`{"name":"x","text":"select * from pattern [every a -> b]","action":[]}`, "EPL"},
		{`{"name":"x","text":"up","action":{"type":"fax"}}`, "unknown action type fax"},
	} {
		if a := p.perseo("POST", "/rules", "factory", "/line1", bad.body); a.Status != 400 || !strings.Contains(string(a.Body), bad.want) {
			t.Errorf("%s: %d %s", bad.body, a.Status, a.Body)
		}
	}
	p.counted("factory", "line1", map[string]float64{"okRuleCreation": 1, "failedRuleCreation": 5, "ruleCreation": 6})
	p.kill()
	p = start(t, dir, "--default-rules=false", "--evaluation-interval", "100ms")
	if a := p.perseo("GET", "/rules/too_hot", "factory", "/line1", ""); a.Status != 200 || !strings.Contains(string(a.Body), `"name":"too_hot"`) {
		t.Errorf("after a kill: %d %s", a.Status, a.Body)
	}
	if a := p.perseo("GET", "/rules/too_hot", "factory", "/line2", ""); a.Status != 404 {
		t.Errorf("another tenant sees it: %d %s", a.Status, a.Body)
	}

	device := connect3(t, p.MQTT, "esp")
	device.publish("spore/factory/line2/other/resources", 1, []byte(`{"hostname":"other","cpu":{"usage_percent":99}}`))
	device.spore("spore-a", 95)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	got, err := hook.Wait(ctx, sinks.AtLeast(1))
	if err != nil {
		t.Fatal(err)
	}
	if body := string(got[0].Body); body != `{"node":"spore-a","cpu":95}` || got[0].Header.Get("Fiware-Service") != "factory" || got[0].Header.Get("Fiware-ServicePath") != "/line1" {
		t.Errorf("the action sent %s with %v", body, got[0].Header)
	}
	p.counted("factory", "line1", map[string]float64{
		"okRuleCreation": 1, "failedRuleCreation": 5, "ruleCreation": 6, "firedRules": 1, "okActionHttpPost": 1, "outgoingTransactions": 1,
	})
	if a := p.perseo("DELETE", "/rules/too_hot", "factory", "/line1", ""); a.Status != 200 {
		t.Errorf("delete: %d %s", a.Status, a.Body)
	}
	if n := len(hook.Requests()); n != 1 {
		t.Errorf("%d requests came, expected 1", n)
	}
}
