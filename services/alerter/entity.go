package alerter

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"

	"weir/pkg/read/promread"
	"weir/pkg/schema"
	"weir/services/alerter/internal/actions"
)

// What of an entity counts as what it is now.
const (
	entityTime   = 24 * time.Hour
	entitySeries = 10_000
)

// attributes reads an entity's other attributes for the actions of a tenant's
// rule: its numbers are series, its texts are with the source.
func (a *App) attributes(ctx context.Context, e actions.Entity) (map[string]float64, map[string]string, error) {
	numbers, err := a.entityNumbers(ctx, e)
	if err != nil {
		return nil, nil, fmt.Errorf("read the series of %s: %w", e.ID, err)
	}
	texts, err := a.entityTexts(ctx, e)
	if err != nil {
		return nil, nil, fmt.Errorf("read the texts of %s: %w", e.ID, err)
	}
	return numbers, texts, nil
}

// entityNumbers returns the newest value of each name.
func (a *App) entityNumbers(ctx context.Context, e actions.Entity) (map[string]float64, error) {
	now := time.Now()
	req := promread.SelectRequest{From: now.Add(-entityTime).UnixMilli(), To: now.UnixMilli(), Latest: true, MaxSamples: entitySeries,
		Matchers: append(promread.TenantScope(schema.Tenant(e.Tenant)), labels.MustNewMatcher(labels.MatchEqual, e.Label, e.ID))}
	if e.Type != "" {
		req.Matchers = append(req.Matchers, labels.MustNewMatcher(labels.MatchEqual, "type", e.Type))
	}
	numbers, newest := map[string]float64{}, map[string]int64{}
	err := promread.OverReadPort(a.client).Select(ctx, req, func(series labels.Labels, t []int64, v []float64) {
		n, name := len(t)-1, series.Get(model.MetricNameLabel)
		if n < 0 || value.IsStaleNaN(v[n]) || t[n] < newest[name] {
			return
		}
		numbers[name], newest[name] = v[n], t[n]
	})
	return numbers, err
}

// entityTexts returns the texts of the sources that are called so: of one, as a
// rule. A source's own labels are texts of it, too.
func (a *App) entityTexts(ctx context.Context, e actions.Entity) (map[string]string, error) {
	texts := map[string]string{}
	req := schema.SourcesRequest{ID: e.ID, Service: e.Tenant.Service, Subservice: e.Tenant.Subservice}
	for _, kind := range schema.Kinds() {
		if kind.IDLabel() == e.Label {
			req.Kinds = append(req.Kinds, kind)
		}
	}
	if e.Type != "" {
		req.Labels = map[string]string{"type": e.Type}
	}
	err := a.client.Sources(ctx, req, func(s *schema.Source) {
		for _, all := range [][]schema.Label{s.Labels, s.Attributes} {
			for _, l := range all {
				texts[l.Name] = l.Value
			}
		}
	})
	return texts, err
}
