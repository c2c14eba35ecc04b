package render_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	amalert "github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/alertmanager/template"
	"github.com/prometheus/common/model"

	"weir/services/alerter/internal/alert"
	"weir/services/alerter/internal/notify/notice"
	"weir/services/alerter/internal/notify/notifytest"
	"weir/services/alerter/internal/notify/render"
)

func TestDataAreAsAlertmanagerMakesThem(t *testing.T) {
	theirs, err := template.FromGlobs(nil)
	if err != nil {
		t.Fatal(err)
	}
	if theirs.ExternalURL, err = theirs.ExternalURL.Parse("https://weir.example"); err != nil {
		t.Fatal(err)
	}
	for name, m := range map[string]*notice.Message{"firing": notifytest.Firing(), "resolved": notifytest.Resolved(), "many": notifytest.Many(3), "none": {Receiver: "a.b", ExternalURL: "https://weir.example"}} {
		var alerts []*amalert.Alert
		add := func(a *alert.Alert, ends time.Time) {
			alerts = append(alerts, &amalert.Alert{Alert: model.Alert{Labels: a.Labels, Annotations: a.Annotations, StartsAt: a.FiredAt, EndsAt: ends, GeneratorURL: a.GeneratorURL}})
		}
		for _, a := range m.Firing {
			add(a, time.Time{})
		}
		for _, a := range m.Resolved {
			add(a, time.Now().Add(-time.Hour)) // Alertmanager asks the clock whether it is over
		}
		want := theirs.Data(m.Receiver, m.GroupLabels, nil, m.Reason, alerts...)
		got := render.Data(m)
		if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(template.Data{}), cmpopts.IgnoreFields(template.Alert{}, "EndsAt")); diff != "" {
			t.Errorf("%s (-Alertmanager +weir):\n%s", name, diff)
		}
	}
}

// Whoever keeps alerts by their fingerprint, and takes them in order, must not take
// one that fires for one that has ended.
func TestTheEndOfAnAlertThatFiresAgainStandsBeforeIt(t *testing.T) {
	flapped, other := notifytest.Alert("a", "warning", "hot"), notifytest.Alert("b", "warning", "hot")
	m := &notice.Message{
		Firing:   []*alert.Alert{notifytest.Alert("0", "warning", "hot"), notifytest.Alert("a", "warning", "hot")},
		Resolved: []*alert.Alert{notifytest.Resolve(flapped), notifytest.Resolve(other)},
	}
	var got []string
	for _, a := range render.Data(m).Alerts {
		got = append(got, a.Status+" "+a.Labels["source"])
	}
	if want := "resolved a, firing 0, firing a, resolved b"; strings.Join(got, ", ") != want {
		t.Errorf("%q, expected %q", got, want)
	}
}

func TestTemplatesOfUsersStandOverOurs(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "mine.tmpl")
	if err := os.WriteFile(file, []byte(`{{ define "slack.default.color" }}pink{{ end }}{{ define "mine" }}{{ .Receiver | toUpper }}{{ end }}`), 0o600); err != nil {
		t.Fatal(err)
	}
	p := notifytest.Templates(t, filepath.Join(dir, "*.tmpl"), filepath.Join(dir, "none-*")).For(notifytest.Firing())
	if got := p.Text("x", `{{ template "mine" . }} {{ template "slack.default.color" . }}`); got != "ON-CALL pink" || p.Err() != nil {
		t.Errorf("%q, %v", got, p.Err())
	}
	if err := os.WriteFile(file, []byte("{{ define"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := render.Load([]string{file}); err == nil || !strings.Contains(err.Error(), "mine.tmpl") {
		t.Errorf("a bad file: %v", err)
	}
}

func TestTheFirstFaultOfATemplateIsKept(t *testing.T) {
	p := notifytest.Templates(t).For(notifytest.Firing())
	p.Text("title", "{{ .Nonsense }}")
	p.Text("text", `{{ template "nobody" . }}`)
	if e := notifytest.Failed(t, p.Err()); e.Retry || !strings.Contains(e.Error(), "title") {
		t.Errorf("%+v: %v", *e, e)
	}
}

func TestRouteLabelsAreTemplates(t *testing.T) {
	m := notifytest.Firing()
	m.RouteLabels = model.LabelSet{"team": "{{ .GroupLabels.alertname }}-team"}
	p := notifytest.Templates(t).For(m)
	if got := p.Text("x", `{{ routeLabels "team" }} {{ .RouteLabels.team }}`); got != "NodeCPUHigh-team NodeCPUHigh-team" || p.Err() != nil {
		t.Errorf("%q, %v", got, p.Err())
	}
}

func TestShortening(t *testing.T) {
	for _, row := range []struct {
		name, text string
		n          int
		want       string
		utf16      string
	}{
		{"what fits stays", "abc", 3, "abc", "abc"},
		{"what does not ends in an ellipsis", "abcd", 3, "ab…", "ab…"},
		{"nothing fits", "abc", 0, "", ""},
		{"the ellipsis alone", "abc", 1, "…", "…"},
		{"characters beyond the first plane are one, or two units", "🔥🔥🔥🔥", 3, "🔥🔥…", "🔥…"},
		{"a mark stays with its base", "abe\u0301e\u0301", 4, "ab…", "ab…"},
		{"what a joiner joins is not parted", "ab👩\u200d🚀👩\u200d🚀", 5, "ab…", "ab…"},
		{"a skin stays with its hand", "ab👍🏽cd", 4, "ab…", "ab…"},
		{"a text that ends in a mark", "ae\u0301", 3, "ae\u0301", "ae\u0301"},
	} {
		if got := render.Characters(row.text, row.n); got != row.want {
			t.Errorf("%s: Characters(%q, %d) = %q, want %q", row.name, row.text, row.n, got, row.want)
		}
		if got := render.UTF16(row.text, row.n); got != row.utf16 {
			t.Errorf("%s: UTF16(%q, %d) = %q, want %q", row.name, row.text, row.n, got, row.utf16)
		}
	}
	if got := render.Bytes("aß", 2); got != "a…" || !utf8.ValidString(got) {
		t.Errorf("Bytes: %q", got)
	}
}
