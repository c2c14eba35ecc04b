// Package render turns a message into texts, by the templates of Alertmanager:
// its built-in ones, ours over them, and the user's over both.
package render

import (
	_ "embed"
	"encoding/json"
	"fmt"
	htmltemplate "html/template"
	"path/filepath"
	"regexp"
	"strings"
	texttemplate "text/template"

	"github.com/prometheus/alertmanager/template"
	"github.com/prometheus/common/model"

	"weir/services/alerter/internal/alert"
	"weir/services/alerter/internal/notify/notice"
)

// own redefines what Alertmanager's built-in templates say differently: its name,
// the way to the dashboard, colours by severity, texts by default.
//
//go:embed weir.tmpl
var own string

// Templates expands texts. It is safe for concurrent use.
type Templates struct{ t *template.Template }

// Load reads the files that match globs, over the built-in templates. A glob that
// matches nothing is no error, as in Alertmanager.
func Load(globs []string) (*Templates, error) {
	functions := map[string]any{"weirSeverity": Severity, "weirSlackEscape": slackEscape.Replace}
	t, err := template.FromGlobs(nil, func(text *texttemplate.Template, html *htmltemplate.Template) {
		text.Funcs(functions)
		html.Funcs(functions)
	})
	if err != nil {
		return nil, fmt.Errorf("parse Alertmanager's built-in templates: %w", err)
	}
	if err := t.Parse(strings.NewReader(own)); err != nil {
		return nil, fmt.Errorf("parse the built-in templates: %w", err)
	}
	for _, glob := range globs {
		if _, err := filepath.Match(glob, ""); err != nil {
			return nil, fmt.Errorf("templates %q: %w", glob, err)
		}
		if err := t.FromGlob(glob); err != nil {
			return nil, fmt.Errorf("parse templates %q: %w", glob, err)
		}
	}
	return &Templates{t}, nil
}

// slackEscape keeps texts from being read as Slack's markup.
// https://api.slack.com/reference/surfaces/formatting#escaping
var slackEscape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// Page expands the texts of one message. The first fault is kept, so that a
// payload is built without asking after each text; Err must be looked at in the
// end.
type Page struct {
	Data *template.Data
	t    *template.Template
	err  error
}

// For returns the page of a message.
func (t *Templates) For(m *notice.Message) *Page {
	p := &Page{Data: Data(m), t: t.t}
	labels := t.t.RouteLabelRenderer(p.Data)
	rendered := template.KV{}
	for name := range p.Data.RouteLabels {
		text, err := labels(name)
		p.note("route label "+name, err)
		rendered[name] = text
	}
	p.Data.RouteLabels = rendered
	template.MarkRouteLabelsRendered(p.Data)
	return p
}

func (p *Page) note(what string, err error) {
	if err != nil && p.err == nil {
		p.err = notice.Permanent("expand the template of %s: %w", what, err)
	}
}

// Text expands a text; what names it in the error.
func (p *Page) Text(what, text string) string {
	expanded, err := p.t.ExecuteTextString(text, p.Data)
	p.note(what, err)
	return expanded
}

// HTML expands a text as HTML, escaped where data stand in it.
func (p *Page) HTML(what, text string) string {
	expanded, err := p.t.ExecuteHTMLString(text, p.Data)
	p.note(what, err)
	return expanded
}

// Tree expands all texts in maps and lists. A text that then reads as YAML of
// another type is that: `{{ .Alerts | toJson }}` becomes a list.
func (p *Page) Tree(what string, value any) any {
	expanded, err := template.DeepCopyWithTemplate(value, func(text string) (string, error) {
		return p.t.ExecuteTextString(text, p.Data)
	})
	p.note(what, err)
	return expanded
}

// Err returns the first fault, an *notice.Error that is permanent.
func (p *Page) Err() error { return p.err }

// Data returns a message in the shape that Alertmanager's templates and webhooks
// know. Firing alerts stand before resolved ones, but for those that fire again:
// theirs is one fingerprint, of which the last word is what counts. Alertmanager
// says nothing of such an end.
func Data(m *notice.Message) *template.Data {
	d := &template.Data{
		Receiver: regexp.QuoteMeta(m.Receiver), Status: string(model.AlertResolved), Alerts: template.Alerts{},
		NotificationReason: m.Reason, GroupLabels: pairs(m.GroupLabels), RouteLabels: pairs(m.RouteLabels),
		CommonLabels: template.KV{}, CommonAnnotations: template.KV{}, ExternalURL: m.ExternalURL,
	}
	if len(m.Firing) > 0 {
		d.Status = string(model.AlertFiring)
	}
	again, ended := firingAgain(m)
	for _, a := range again {
		d.Alerts = append(d.Alerts, entry(a, model.AlertResolved))
	}
	for _, a := range m.Firing {
		d.Alerts = append(d.Alerts, entry(a, model.AlertFiring))
	}
	for _, a := range ended {
		d.Alerts = append(d.Alerts, entry(a, model.AlertResolved))
	}
	for i, a := range d.Alerts {
		if i == 0 {
			d.CommonLabels, d.CommonAnnotations = a.Labels.Remove(nil), a.Annotations.Remove(nil)
		}
		keepCommon(d.CommonLabels, a.Labels)
		keepCommon(d.CommonAnnotations, a.Annotations)
	}
	return d
}

// firingAgain tells the resolved alerts apart whose labels are those of one that
// fires.
func firingAgain(m *notice.Message) (again, ended []*alert.Alert) {
	if len(m.Firing) == 0 || len(m.Resolved) == 0 {
		return nil, m.Resolved
	}
	fires := make(map[model.Fingerprint]bool, len(m.Firing))
	for _, a := range m.Firing {
		fires[a.Fingerprint()] = true
	}
	for _, a := range m.Resolved {
		if fires[a.Fingerprint()] {
			again = append(again, a)
		} else {
			ended = append(ended, a)
		}
	}
	return again, ended
}

func entry(a *alert.Alert, status model.AlertStatus) template.Alert {
	e := template.Alert{
		Status: string(status), Labels: pairs(a.Labels), Annotations: pairs(a.Annotations),
		StartsAt: a.ActiveAt.UTC(), GeneratorURL: a.GeneratorURL, Fingerprint: a.Fingerprint().String(),
	}
	if !a.FiredAt.IsZero() {
		e.StartsAt = a.FiredAt.UTC()
	}
	if status == model.AlertResolved {
		e.EndsAt = a.ResolvedAt.UTC()
	}
	return e
}

func pairs(labels model.LabelSet) template.KV {
	kv := make(template.KV, len(labels))
	for name, value := range labels {
		kv[string(name)] = string(value)
	}
	return kv
}

func keepCommon(common, other template.KV) {
	for name, value := range common {
		if v, ok := other[name]; !ok || v != value {
			delete(common, name)
		}
	}
}

// JSON returns a value as JSON without escaping HTML, a newline at its end. An
// error is permanent.
func JSON(value any) ([]byte, error) {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		return nil, notice.Permanent("encode the payload: %w", err)
	}
	return []byte(b.String()), nil
}
