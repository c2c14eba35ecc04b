package promapi

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"weir/pkg/read/promread"
	"weir/pkg/schema"
)

// metricMetadata is what is known of a metric.
type metricMetadata struct {
	Type string `json:"type"`
	Help string `json:"help"`
	Unit string `json:"unit"`
}

// metrics are the metrics that sources have, and the live ones, ascending by name.
var metrics = sortedFields()

func sortedFields() []schema.FieldInfo {
	all := slices.Clone(schema.Fields)
	for _, l := range schema.LiveSeries {
		all = append(all, schema.FieldInfo{Name: l.Name, Type: l.Type, Unit: l.Unit, Help: l.Help})
	}
	slices.SortFunc(all, func(a, b schema.FieldInfo) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// metadataOf returns what is known of a metric, nil for nothing.
func metadataOf(name string) *schema.FieldInfo {
	i, ok := slices.BinarySearchFunc(metrics, name, func(f schema.FieldInfo, name string) int { return strings.Compare(f.Name, name) })
	if !ok {
		return nil
	}
	return &metrics[i]
}

// metadata answers with {metric: [{type, help, unit}], …}, a limit's first ones
// in the order of names. A histogram is one metric, by the name before _bucket,
// _sum and _count, and a summary too. A tenant sees those of which it has series.
func (a *API) metadata(w http.ResponseWriter, r *request) error {
	limit, err := numberParam(r, "limit")
	if err != nil {
		return err
	}
	// There is never more than one entry a metric, so that any limit of them
	// holds: 0 and less are none, as in Prometheus.
	if _, err := numberParam(r, "limit_per_metric"); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), a.Timeout)
	defer cancel()
	all, err := a.metricsNamed(ctx, r.FormValue("metric"))
	if err != nil {
		return err
	}
	if all, err = visibleIn(ctx, r, all); err != nil {
		return err
	}
	all = families(all, r.FormValue("metric"))
	if limit >= 0 {
		all = all[:min(limit, len(all))]
	}
	data := make(map[string][]metricMetadata, len(all))
	for _, m := range all {
		data[m.Name] = []metricMetadata{{Type: string(cmp.Or(m.Type, unknownType)), Help: m.Help, Unit: m.Unit}}
	}
	return respondJSON(w, data)
}

// unknownType is Prometheus' word for it.
const unknownType schema.SeriesType = "unknown"

// suffixes are what the series of a metric have behind its name.
var suffixes = map[schema.SeriesType][]string{
	schema.Histogram:    {"_bucket", "_sum", "_count"},
	schema.Distribution: {"_sum", "_count"},
}

// metricsNamed returns the names of the series that a metric may have, or all:
// those of the schema, and those that sources named themselves.
func (a *API) metricsNamed(ctx context.Context, metric string) ([]schema.FieldInfo, error) {
	if metric == "" {
		named, err := a.named(ctx, "")
		return slices.Concat(metrics, named), err
	}
	if m := metadataOf(metric); m != nil {
		return []schema.FieldInfo{*m}, nil
	}
	var all []schema.FieldInfo
	for _, suffix := range append([]string{""}, suffixes[schema.Histogram]...) {
		named, err := a.named(ctx, metric+suffix)
		if err != nil {
			return nil, err
		}
		all = append(all, named...)
	}
	return all, nil
}

// named returns the names that sources brought, all or one, less the schema's.
func (a *API) named(ctx context.Context, name string) (all []schema.FieldInfo, err error) {
	if a.Config.Metadata == nil {
		return nil, nil
	}
	known, err := a.Config.Metadata(ctx, schema.MetadataRequest{Name: name})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", promread.ErrUnavailable, err)
	}
	for _, m := range known {
		if metadataOf(m.Name) == nil {
			all = append(all, schema.FieldInfo{Name: m.Name, Type: m.Type, Unit: m.Unit, Help: m.Help})
		}
	}
	return all, nil
}

// visibleIn returns those of the names of which the request may see series: what
// others call theirs is none of a tenant's business.
func visibleIn(ctx context.Context, r *request, all []schema.FieldInfo) ([]schema.FieldInfo, error) {
	if len(r.scope) == 0 || len(all) == 0 {
		return all, nil
	}
	names, err := r.reader.LabelValues(ctx, schema.MetricNameLabel, promread.LabelsRequest{From: promread.MinTime.UnixMilli(), To: promread.MaxTime.UnixMilli()})
	if err != nil {
		return nil, fmt.Errorf("read the names of series: %w", err)
	}
	slices.Sort(names)
	return slices.DeleteFunc(all, func(m schema.FieldInfo) bool {
		_, seen := slices.BinarySearch(names, m.Name)
		return !seen
	}), nil
}

// families makes metrics of the names of series, each once, ascending by name:
// all, or the one that is named.
func families(all []schema.FieldInfo, metric string) []schema.FieldInfo {
	for i := range all {
		all[i].Name = family(&all[i])
	}
	slices.SortStableFunc(all, func(a, b schema.FieldInfo) int { return strings.Compare(a.Name, b.Name) })
	all = slices.CompactFunc(all, func(a, b schema.FieldInfo) bool { return a.Name == b.Name })
	return slices.DeleteFunc(all, func(m schema.FieldInfo) bool { return metric != "" && m.Name != metric })
}

// family returns the name of the metric that a series is of.
func family(m *schema.FieldInfo) string {
	for _, suffix := range suffixes[m.Type] {
		if name, has := strings.CutSuffix(m.Name, suffix); has && name != "" {
			return name
		}
	}
	return m.Name
}

// numberParam reads a number; absent it is -1.
func numberParam(r *request, name string) (int, error) {
	s := r.FormValue(name)
	if s == "" {
		return -1, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0, badData("%s must be a number", name)
	}
	return n, nil
}
