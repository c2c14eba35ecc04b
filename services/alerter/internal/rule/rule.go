// Package rule is what alerting and recording rules mean: rule files, tenants'
// rules, and the state machine that turns a rule's results into an alert's
// transitions. It is pure: time, results and templates' queries come from
// outside.
package rule

import (
	"encoding/json"
	"time"

	"github.com/prometheus/common/model"

	"weir/services/alerter/internal/alert"
)

// Group is rules that are evaluated one after the other, at the same moments.
type Group struct {
	Key         string         // "file;name" or "api;service/subservice;name"
	File        string         // "" for tenants' rules
	Name        string         //
	Interval    time.Duration  // 0: the evaluator's default
	Limit       int            // the most alerts or series of each rule; 0 for any number
	QueryOffset time.Duration  // how long before the moment of evaluation the rules look; 0: not at all
	Labels      model.LabelSet // are in each rule's Labels already
	Tenant      *alert.Tenant  // of a tenant's rule: its queries see only that tenant's series, its alerts have its labels
	Rules       []*Rule        //
}

// Rule is an alerting rule, or a recording rule if Record is set.
type Rule struct {
	Key    string // survives an edit of the expression: the group's key, the name and a hash of the labels
	Record bool
	Name   string // alertname, or the name of the recorded series
	Expr   string // PromQL

	// Data is the expression with each condition made true: a series that is
	// missing in its result has no data. It is "" where absence ends an alert,
	// as in Prometheus: with absent(), for example.
	Data string
	// Sources is Data without what it says of sources' own labels: a source that is
	// in its result is there, under whatever labels. It is "" where that is Data.
	Sources string

	For             time.Duration
	KeepFiringFor   time.Duration
	Labels          model.LabelSet // not expanded; the group's among them
	Annotations     model.LabelSet // not expanded
	ResolveOnAbsent bool           // an alert whose series vanishes is resolved
	Limit           int            // the group's
	Line            int            // in the group's file; 0 for tenants' rules

	// Fault is why the rule is not evaluated, "" for one that is.
	Fault string

	API *API // of a tenant's rule, else nil
}

// API is what a tenant's rule has besides: Perseo's part of it.
type API struct {
	ID      string            // as the rule's body has it in "_id"; may be ""
	Text    string            // as it was sent: EPL or PromQL; "" for nosignal and threshold fields
	Actions []Action          //
	Select  map[string]string // names for templates, and which attribute each stands for: {"t": "temperature"}
	// NoSignal is set for rules that watch for silence.
	NoSignal *NoSignal
	// Attribute is the attribute that a threshold is about, "" if Expr was given as PromQL.
	Attribute string
}

// Action is what a tenant's rule does when it fires.
type Action struct {
	Type       string         `json:"type"` // email, sms, post, update, twitter
	Template   string         `json:"template,omitempty"`
	Parameters map[string]any `json:"parameters,omitempty"` // numbers are json.Number
	Interval   time.Duration  `json:"-"`                    // for an entity it acts at most once in this time; 0: no such limit

	Raw json.RawMessage `json:"-"` // the action as it was sent, whatever else it has
}

// NoSignal watches for entities that fall silent.
type NoSignal struct {
	CheckInterval  time.Duration // how often to look
	ReportInterval time.Duration // silent for longer than this
	ID             string        // one of ID and IDRegexp may be set
	IDRegexp       string
	Type           string
	Attribute      string
}

// Sample is one element of a rule's result.
type Sample struct {
	Labels model.LabelSet // __name__ may be among them
	Value  float64
}

// Expander expands the templates in labels and annotations. Its error becomes
// the text, as in Prometheus. Package expand has the real one.
type Expander interface {
	// Expand expands text, which may use $labels, $value, $externalLabels and
	// $externalURL, for the sample that raises the alert.
	Expand(rule, text string, s Sample, at time.Time) (string, error)
}

// Input is what a rule is evaluated with.
type Input struct {
	At     time.Time // the moment of the evaluation
	Result []Sample  // of Rule.Expr at that moment, less the group's QueryOffset
	Expand Expander  // nil: only $labels and $value are understood

	// Active has the rule's pending and firing alerts.
	Active []*alert.Alert
	// Data returns what Known says of Rule.Data's result. It is called once at the
	// most, and only if an alert's series vanished from the result.
	Data func() (map[model.Fingerprint]bool, error)
	// Sources returns the same of Rule.Sources' result. It is called once at the most,
	// and only if a source is not among the data. nil: nobody can say.
	Sources func() (map[model.Fingerprint]bool, error)
	// ExternalURL is where people reach weir: alerts link to their expression there.
	ExternalURL string

	// Listening is since when weir hears sources and evaluates rules without a break,
	// zero for always. Series may take Lookback from then to be there again.
	Listening time.Time
	Lookback  time.Duration
	// Seen is the evaluation before's Output.Seen.
	Seen map[alert.ID]time.Time

	// Previous has a recording rule's Samples of the evaluation before.
	Previous []Sample
}

// Output is what follows from an evaluation.
type Output struct {
	Transitions []alert.Transition // in the order of the alerts' labels
	Refreshed   []Refresh          // what changed without being news
	Warnings    []string           // templates that could not be expanded, the first of them

	// Seen has since when the conditions of alerts that are older than
	// Input.Listening were found to be true after it, as far as that matters.
	Seen map[alert.ID]time.Time

	Samples []Sample         // of a recording rule, with name and labels set
	Ended   []model.LabelSet // the series that Previous had and Samples has not
}

// Refresh is an active alert's present value and annotations.
type Refresh struct {
	ID          alert.ID
	Value       alert.Value
	Annotations model.LabelSet
}
