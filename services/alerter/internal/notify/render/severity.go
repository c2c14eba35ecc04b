package render

import (
	"slices"
	"strings"

	"github.com/prometheus/alertmanager/template"
)

// The severities, in the words of PagerDuty, the worst last.
const (
	Info     = "info"
	Warning  = "warning"
	Error    = "error"
	Critical = "critical"
)

var severities = map[string][]string{
	Critical: {"critical", "crit", "page", "emergency", "emerg", "fatal", "disaster", "p1", "sev1"},
	Error:    {"error", "err", "major", "high", "p2", "sev2"},
	Warning:  {"warning", "warn", "minor", "medium", "average", "p3", "sev3"},
	Info:     {"info", "information", "informational", "notice", "low", "none", "debug", "p4", "p5", "sev4", "sev5"},
}

// ParseSeverity returns the severity that a word means, "" if it means none.
func ParseSeverity(word string) string {
	word = strings.ToLower(strings.TrimSpace(word))
	for severity, words := range severities {
		if slices.Contains(words, word) {
			return severity
		}
	}
	return ""
}

// Severity returns the worst severity that the firing alerts' labels severity
// name, or if none fires, the resolved ones'; "" if none names one.
func Severity(d *template.Data) string {
	alerts := d.Alerts.Firing()
	if len(alerts) == 0 {
		alerts = d.Alerts
	}
	worst, order := "", []string{"", Info, Warning, Error, Critical}
	for _, a := range alerts {
		s := ParseSeverity(a.Labels["severity"])
		if slices.Index(order, s) > slices.Index(order, worst) {
			worst = s
		}
	}
	return worst
}
