// Package expand expands the templates in rules' labels and annotations, as
// Prometheus does: with its functions, query among them.
package expand

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/timestamp"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/template"

	"weir/services/alerter/internal/rule"
)

// variables are what templates may write for the fields of their data.
const variables = "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}{{$externalURL := .ExternalURL}}{{$value := .Value}}"

// Expander expands templates with Prometheus' template package, within bounds: they
// are tenants', too. It is for one goroutine.
type Expander struct {
	ctx            context.Context
	query          template.QueryFunc
	externalLabels map[string]string
	externalURL    *url.URL
	prepared       map[string]string // texts with their bounds in them
}

var _ rule.Expander = (*Expander)(nil)

// New returns an expander for the evaluations that ctx bounds. The query evaluates
// what templates ask for; nil lets them ask for nothing.
func New(ctx context.Context, query template.QueryFunc, externalLabels map[string]string, externalURL string) *Expander {
	u, err := url.Parse(externalURL)
	if err != nil {
		u = &url.URL{}
	}
	if query == nil {
		query = func(context.Context, string, time.Time) (promql.Vector, error) {
			return nil, fmt.Errorf("no query can be answered here")
		}
	}
	if externalLabels == nil {
		externalLabels = map[string]string{}
	}
	return &Expander{ctx: ctx, query: query, externalLabels: externalLabels, externalURL: u, prepared: map[string]string{}}
}

// Expand is rule.Expander's.
func (e *Expander) Expand(name, text string, s rule.Sample, at time.Time) (string, error) {
	l := make(map[string]string, len(s.Labels))
	for name, value := range s.Labels {
		l[string(name)] = string(value)
	}
	ms := timestamp.FromTime(at)
	sample := promql.Sample{T: ms, F: s.Value, Metric: labels.FromMap(l)}
	data := template.AlertTemplateData(l, e.externalLabels, e.externalURL.String(), sample)
	name = "__alert_" + name
	within, err := e.bounded(name, variables+text)
	if err != nil {
		return "", fmt.Errorf("error parsing template %s: %w", name, err)
	}
	b := newBudget(e.ctx)
	t := template.NewTemplateExpander(e.ctx, within, name, data, model.Time(ms), b.query(e.query), e.externalURL, nil)
	t.Funcs(b.functions())
	return t.Expand()
}

// bounded returns a text with the bounds in it.
func (e *Expander) bounded(name, text string) (string, error) {
	if done, ok := e.prepared[text]; ok {
		return done, nil
	}
	with, err := bounded(name, text)
	if err != nil {
		return "", err
	}
	e.prepared[text] = with
	return with, nil
}
