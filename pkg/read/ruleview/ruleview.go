// Package ruleview is how rules and their alerts are shown: in the shapes of
// Prometheus' HTTP API.
package ruleview

import (
	"time"

	"github.com/prometheus/prometheus/model/labels"
)

// RuleGroup is a group of rules as the API shows it. Durations are in seconds.
type RuleGroup struct {
	Name           string    `json:"name"`
	File           string    `json:"file"`
	Rules          []Rule    `json:"rules"`
	Interval       float64   `json:"interval"`
	Limit          int       `json:"limit"`
	EvaluationTime float64   `json:"evaluationTime"`
	LastEvaluation time.Time `json:"lastEvaluation"`
}

// The types of rules.
const (
	AlertingRule  = "alerting"
	RecordingRule = "recording"
)

// Rule is a rule as the API shows it. A recording rule has none of what is nil
// or omitted when empty.
type Rule struct {
	State          string         `json:"state,omitempty"` // "inactive", "pending", "firing"
	Name           string         `json:"name"`
	Query          string         `json:"query"`
	Duration       *float64       `json:"duration,omitempty"`      // seconds
	KeepFiringFor  *float64       `json:"keepFiringFor,omitempty"` // seconds
	Labels         labels.Labels  `json:"labels"`
	Annotations    *labels.Labels `json:"annotations,omitempty"`
	Alerts         *[]Alert       `json:"alerts,omitempty"`
	Health         string         `json:"health"` // "ok", "err", "unknown"
	LastError      string         `json:"lastError,omitempty"`
	EvaluationTime float64        `json:"evaluationTime"` // seconds
	LastEvaluation time.Time      `json:"lastEvaluation"`
	Type           string         `json:"type"` // AlertingRule or RecordingRule
}

// Alert is an alert as the API shows it.
type Alert struct {
	Labels          labels.Labels `json:"labels"`
	Annotations     labels.Labels `json:"annotations"`
	State           string        `json:"state"` // "pending" or "firing"
	ActiveAt        *time.Time    `json:"activeAt,omitempty"`
	KeepFiringSince *time.Time    `json:"keepFiringSince,omitempty"`
	Value           string        `json:"value"` // with an exponent: "1e+00"

	// What Prometheus does not have.
	NoDataSince *time.Time `json:"noDataSince,omitempty"` // nothing is known of its condition since
	Fingerprint string     `json:"fingerprint,omitempty"` // 16 hex digits: what it is acknowledged by
}
