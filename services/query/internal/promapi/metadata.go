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
// in the order of names.
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
	all, err := a.metricsNamed(r.Context(), r.FormValue("metric"))
	if err != nil {
		return err
	}
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

// metricsNamed returns the metrics with a name, or all, ascending: those of the
// schema, and those that sources named themselves.
func (a *API) metricsNamed(ctx context.Context, name string) (all []schema.FieldInfo, err error) {
	if name == "" {
		all = slices.Clone(metrics)
	} else if m := metadataOf(name); m != nil {
		return []schema.FieldInfo{*m}, nil
	}
	if a.Config.Metadata == nil {
		return all, nil
	}
	named, err := a.Config.Metadata(ctx, schema.MetadataRequest{Name: name})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", promread.ErrUnavailable, err)
	}
	for _, m := range named {
		if metadataOf(m.Name) == nil {
			all = append(all, schema.FieldInfo{Name: m.Name, Type: m.Type, Unit: m.Unit, Help: m.Help})
		}
	}
	slices.SortFunc(all, func(a, b schema.FieldInfo) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
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
