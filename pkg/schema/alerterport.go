package schema

// Where each alerter answers.
const (
	AlerterService       = "weir-alerter"
	AlerterHTTPSubject   = "weir.alerter.http"   // HTTP over NATS: weir/pkg/natshttp
	AlerterHealthSubject = "weir.alerter.health" // no request -> AlerterHealth, JSON
)

// The paths that alerters serve at AlerterHTTPSubject for the other services
// only.
const (
	// AlerterRulesPath answers with all groups of rules in Prometheus' shape, as
	// a JSON list.
	AlerterRulesPath = "/internal/rules"
	// AlerterAlertsPath answers with all pending and firing alerts in Prometheus'
	// shape, as a JSON list.
	AlerterAlertsPath = "/internal/alerts"
	// AlerterTransitionsPath answers with the transitions into the state "firing"
	// after the parameter from and not after to, both unix milliseconds, as a
	// JSON list of AlertTransition, ascending in time.
	AlerterTransitionsPath = "/internal/transitions"
)

// AlertTransition is an alert's change of state.
type AlertTransition struct {
	At     int64             `json:"at"` // unix milliseconds
	To     string            `json:"to"` // "firing"
	Labels map[string]string `json:"labels"`
}

// The states of an alerter.
const (
	AlerterRunning  = "running"
	AlerterDegraded = "degraded" // something that it should do it cannot: the numbers and errors say what
)

// AlerterHealth says how an alerter does.
type AlerterHealth struct {
	State string `json:"state"` // AlerterRunning or AlerterDegraded

	Groups  uint64 `json:"groups"`
	Rules   uint64 `json:"rules"`
	Firing  uint64 `json:"firing"`  // alerts
	Pending uint64 `json:"pending"` // alerts

	// LastEvaluationAgeMS is how long ago the last evaluation of any group ended,
	// in milliseconds; -1 before the first.
	LastEvaluationAgeMS int64  `json:"last_evaluation_age_ms"`
	MissedEvaluations   uint64 `json:"missed_evaluations"` // since the start
	EvaluationError     string `json:"evaluation_error"`   // the last rule's that failed, "" when none does

	NoticesOwed    uint64 `json:"notices_owed"`    // due and not delivered yet
	NoticesFailing uint64 `json:"notices_failing"` // of these, tried at least once
	NoticeError    string `json:"notice_error"`    // the last failure of those, "" for none
	NoticeReceiver string `json:"notice_receiver"` // whose it was

	LedgerError string `json:"ledger_error"` // "" when the events can be stored
	ConfigError string `json:"config_error"` // why the last reload changed nothing, "" when it was taken
}
