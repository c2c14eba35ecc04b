// Package alert is the alerter's state: what happened, as events, and what
// follows from them. The state is a pure fold of the events, so that a restart
// knows what the process before it knew.
package alert

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/common/model"
)

// Status is where an occurrence of an alert stands. An alert that is inactive
// has no occurrence.
type Status string

// The statuses, in their order. A pending occurrence may also end without ever
// having fired: then it goes to Inactive and is forgotten.
const (
	Inactive Status = "inactive"
	Pending  Status = "pending"
	Firing   Status = "firing"
	Resolved Status = "resolved"
)

// ID names one occurrence of an alert: from when its condition became true to
// when it was resolved. An alert that fires again is another occurrence.
type ID string

// NewID returns the ID of an occurrence: its rule, its labels and the moment at
// which it began.
func NewID(rule string, labels model.LabelSet, began time.Time) ID {
	h := model.LabelSet{"rule": model.LabelValue(rule)}.Fingerprint()
	return ID(fmt.Sprintf("%s-%s-%s", labels.Fingerprint(), h, strconv.FormatInt(began.UnixNano(), 36)))
}

// Alert is one occurrence of an alert. It is handled as a value: what is in a
// State is never changed in place.
type Alert struct {
	ID           ID             `json:"id"`
	Rule         string         `json:"rule,omitempty"` // the key of its rule; "" for one posted from outside
	Labels       model.LabelSet `json:"labels"`
	Annotations  model.LabelSet `json:"annotations,omitempty"`
	Series       model.LabelSet `json:"series,omitempty"` // the labels of the rule's result that raised it, without __name__
	GeneratorURL string         `json:"generatorURL,omitempty"`

	Status Status `json:"status"`
	Value  Value  `json:"value"`

	ActiveAt        time.Time `json:"activeAt"`                 // its condition is true since
	FiredAt         time.Time `json:"firedAt,omitzero"`         // zero while pending
	KeepFiringSince time.Time `json:"keepFiringSince,omitzero"` // its condition is false since, keep_firing_for holds it
	NoDataSince     time.Time `json:"noDataSince,omitzero"`     // nothing is known of its condition since
	ResolvedAt      time.Time `json:"resolvedAt,omitzero"`      //
	EndsAt          time.Time `json:"endsAt,omitzero"`          // posted from outside: resolved then unless posted again
	PostedAt        time.Time `json:"postedAt,omitzero"`        // when it was posted last, with the EndsAt that it has
	Acknowledged    *Ack      `json:"acknowledged,omitempty"`   // a person knows of it
	Firings         uint64    `json:"firings,omitempty"`        // which firing of its labels this is, 1, 2, 3 …
}

// Ack says who acknowledged an alert. One that has no data is resolved by it.
type Ack struct {
	By      string    `json:"by"`
	Comment string    `json:"comment,omitempty"`
	At      time.Time `json:"at"`
}

// Active reports whether the alert is pending or firing.
func (a *Alert) Active() bool { return a.Status == Pending || a.Status == Firing }

// NoData reports whether the alert is active although nothing is known of its
// condition any more.
func (a *Alert) NoData() bool { return a.Active() && !a.NoDataSince.IsZero() }

// Fingerprint names the alert by its labels, whichever occurrence it is.
func (a *Alert) Fingerprint() model.Fingerprint { return a.Labels.Fingerprint() }

// Name returns the label alertname.
func (a *Alert) Name() string { return string(a.Labels[model.AlertNameLabel]) }

// Compare orders alerts by their labels and then by when they began.
func Compare(a, b *Alert) int {
	if a.Labels.Equal(b.Labels) {
		return cmp.Or(a.ActiveAt.Compare(b.ActiveAt), cmp.Compare(a.ID, b.ID))
	}
	if a.Labels.Before(b.Labels) {
		return -1
	}
	return 1
}

// Sort sorts alerts as Compare orders them.
func Sort(alerts []*Alert) { slices.SortFunc(alerts, Compare) }

// Value is a number that may be NaN or infinite: in JSON it is a text.
type Value float64

// MarshalJSON writes "81.5", "NaN", "+Inf".
func (v Value) MarshalJSON() ([]byte, error) {
	return json.Marshal(strconv.FormatFloat(float64(v), 'g', -1, 64))
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (v *Value) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return fmt.Errorf("alert value %s: expected a number in quotes", data)
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return fmt.Errorf("alert value %q: expected a number", text)
	}
	*v = Value(f)
	return nil
}
