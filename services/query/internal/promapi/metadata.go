package promapi

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"weir/pkg/schema"
)

// metricMetadata is what is known of a metric.
type metricMetadata struct {
	Type string `json:"type"`
	Help string `json:"help"`
	Unit string `json:"unit"`
}

// metrics are the metrics that sources have, ascending by name.
var metrics = sortedFields()

func sortedFields() []schema.FieldInfo {
	all := slices.Clone(schema.Fields)
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
	data, wanted := map[string][]metricMetadata{}, r.FormValue("metric")
	for i := range metrics {
		m := &metrics[i]
		if limit >= 0 && len(data) >= limit {
			break
		}
		if wanted == "" || wanted == m.Name {
			data[m.Name] = []metricMetadata{{Type: string(m.Type), Help: m.Help, Unit: m.Unit}}
		}
	}
	return respondJSON(w, data)
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
