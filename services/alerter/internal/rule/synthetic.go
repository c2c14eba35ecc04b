package rule

import (
	"github.com/prometheus/common/model"

	"weir/services/alerter/internal/alert"
)

// The names of the series in which Prometheus shows alerts to expressions.
const (
	AlertsName      = "ALERTS"           // 1 for each pending and firing alert
	AlertsForName   = "ALERTS_FOR_STATE" // since when its condition is true, in unix seconds
	AlertStateLabel = "alertstate"       // of AlertsName: "pending" or "firing"
)

// Synthetic returns the series that Prometheus makes of active alerts.
func Synthetic(active []*alert.Alert) []Sample {
	all := make([]Sample, 0, 2*len(active))
	for _, a := range active {
		if !a.Active() {
			continue
		}
		state, since := a.Labels.Clone(), a.Labels.Clone()
		state[model.MetricNameLabel], state[AlertStateLabel] = AlertsName, model.LabelValue(a.Status)
		since[model.MetricNameLabel] = AlertsForName
		all = append(all, Sample{state, 1}, Sample{since, float64(a.ActiveAt.Unix())})
	}
	return all
}
