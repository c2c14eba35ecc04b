package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"weir/cmd/weir/internal/config"
)

// inFile writes a file into a directory of the test's own and returns its path.
func inFile(t *testing.T, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAFlagMayBeGivenSeveralTimes(t *testing.T) {
	c := parsed(t, &alerterCmd{newSettings(config.Alerter)}, "--rules", "a.yml", "--rules=b,c.yml", "--evaluation-interval", "2s")
	want := []config.Flag{{Name: "rules", Text: "a.yml\nb,c.yml"}, {Name: "evaluation-interval", Text: "2s"}}
	if got := c.given(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

const goodRules = `groups:
  - name: hot
    rules: [{alert: Hot, expr: cpu > 80, for: 1m, labels: {severity: page}}]
`

func TestToolsForRules(t *testing.T) {
	dir := t.TempDir()
	good := inFile(t, dir, "good.yml", goodRules)
	bad := inFile(t, t.TempDir(), "bad.yml", strings.Replace(goodRules, "cpu > 80", "sum(", 1))
	unit := func(at string) string {
		return inFile(t, t.TempDir(), "test.yml", `rule_files: [`+good+`]
evaluation_interval: 1m
tests:
  - input_series: [{series: 'cpu{node="a"}', values: '90x5'}]
    alert_rule_test:
      - {eval_time: `+at+`, alertname: Hot, exp_alerts: [{exp_labels: {node: a, severity: page}}]}
`)
	}
	for name, row := range map[string]struct {
		args []string
		code int
		says string
	}{
		"good rules":              {[]string{"check-rules", good}, exitOK, "1 rules found"},
		"a directory":             {[]string{"check-rules", dir}, exitOK, "1 rules found"},
		"bad rules":               {[]string{"check-rules", bad}, exitFailed, `bad.yml:3: group "hot", rule "Hot": could not parse expression`},
		"a file that is not":      {[]string{"check-rules", good + "x"}, exitFailed, "no such file"},
		"a test that succeeds":    {[]string{"test-rules", unit("2m")}, exitOK, "SUCCESS"},
		"a test that fails":       {[]string{"test-rules", unit("30s")}, exitFailed, "FAILED"},
		"rules that are no tests": {[]string{"test-rules", good}, exitFailed, "FAILED"},
	} {
		t.Run(name, func(t *testing.T) {
			if r := weir(t, row.args...); r.code != row.code || !strings.Contains(r.stdout+r.stderr, row.says) {
				t.Errorf("%d\n%s%s", r.code, r.stdout, r.stderr)
			}
		})
	}
}

func TestToolsForRoutes(t *testing.T) {
	var status atomic.Int32
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(int(status.Load())) }))
	defer hook.Close()
	dir := t.TempDir()
	routes := inFile(t, dir, "am.yml", `route: {receiver: ops, routes: [{receiver: pager, matchers: [severity=page]}]}
receivers: [{name: ops}, {name: pager, webhook_configs: [{url: '`+hook.URL+`'}]}]
`)
	unset := inFile(t, dir, "unset.yml", "route: {receiver: ops}\nreceivers: [{name: ops, webhook_configs: [{url: '${WEIR_TEST_IS_NOT_SET}'}]}]\n")
	inFile(t, dir, "broken.tmpl", `{{ define "a" }}{{ end`)
	template := inFile(t, dir, "template.yml", "templates: [broken.tmpl]\nroute: {receiver: ops}\nreceivers: [{name: ops}]\n")
	kinds := inFile(t, dir, "kinds.yml", `route: {receiver: both}
receivers: [{name: both, webhook_configs: [{url: '`+hook.URL+`'}], slack_configs: [{api_url: '`+hook.URL+`'}]}]
`)
	unknown := inFile(t, dir, "unknown.yml", "route: {receiver: ops}\nreceivers: [{name: ops, sns_configs: [{}]}]\n")
	for _, row := range []struct {
		name    string
		args    []string
		answers int32
		code    int
		says    string
	}{
		{"a good file", []string{"check-routes", "--alertmanager-config", routes}, 200, exitOK, "2 receivers"},
		{"an alert's receiver", []string{"check-routes", "--alertmanager-config", routes, "severity=page"}, 200, exitOK, "goes to pager"},
		{"what is no label", []string{"check-routes", "--alertmanager-config", routes, "page"}, 200, exitFailed, "no label"},
		{"a secret that is not here", []string{"check-routes", "--alertmanager-config", unset}, 200, exitOK, "would not start here with it"},
		{"a template that cannot be parsed", []string{"check-routes", "--alertmanager-config", template}, 200, exitFailed, "broken.tmpl"},
		{"a key that weir does not have", []string{"check-routes", "--alertmanager-config", unknown}, 200, exitFailed, "sns_configs is a key of Alertmanager that weir does not support"},
		{"no file", []string{"check-routes"}, 200, exitFailed, "--alertmanager-config"},
		{"a receiver that takes the test", []string{"notify-test", "pager", "--alertmanager-config", routes}, 200, exitOK, "webhook[0] resolved sent"},
		{"a receiver that does not", []string{"notify-test", "pager", "--alertmanager-config", routes}, 503, exitFailed, "webhook[0] firing   FAILED"},
		{"an integration has the number that it has in the file", []string{"notify-test", "both", "--alertmanager-config", kinds}, 503, exitFailed, "webhook[0] firing   FAILED"},
		{"a receiver of nobody", []string{"notify-test", "ops", "--alertmanager-config", routes}, 200, exitFailed, "nobody to tell"},
		{"a receiver that is not", []string{"notify-test", "me", "--alertmanager-config", routes}, 200, exitFailed, "it has ops, pager"},
	} {
		t.Run(row.name, func(t *testing.T) {
			status.Store(row.answers)
			if r := weir(t, row.args...); r.code != row.code || !strings.Contains(r.stdout+r.stderr, row.says) {
				t.Errorf("%d\n%s%s", r.code, r.stdout, r.stderr)
			}
		})
	}
}
