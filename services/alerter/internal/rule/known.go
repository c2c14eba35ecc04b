package rule

import (
	"github.com/prometheus/common/model"

	"weir/services/alerter/internal/alert"
)

// ReasonReplaced is why an alert ends whose source goes on under other labels: a
// firmware's new version ended the series, and the new ones speak for it now.
const ReasonReplaced alert.Reason = "replaced"

// Known returns what Input.Data returns for a data expression's result: the
// fingerprints of its series, and of the sources that they are of.
func Known(result []Sample) map[model.Fingerprint]bool {
	known := make(map[model.Fingerprint]bool, 2*len(result))
	for _, s := range result {
		series := SeriesOf(s.Labels)
		known[series.Fingerprint()] = true
		if source, ok := sourceOf(series); ok {
			known[source] = true
		}
	}
	return known
}

// sourceMark keeps a source from being taken for a series with the same labels:
// no series has a label of this name.
const sourceMark = "__source__"

// sourceOf returns which node, proplet or task a series is of, whatever its other
// labels are. Of others it cannot be told: theirs may differ in what they measure.
func sourceOf(series model.LabelSet) (model.Fingerprint, bool) {
	for _, name := range []model.LabelName{"task_id", "proplet_id", "node"} {
		if id := series[name]; id != "" {
			return model.LabelSet{sourceMark: model.LabelValue(name), name: id, "service": series["service"], "subservice": series["subservice"]}.Fingerprint(), true
		}
	}
	return 0, false
}
