package alert

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/prometheus/common/model"
)

// Event is one thing that happened: exactly one of its pointers is set. Events
// are what is stored, and never change afterwards.
type Event struct {
	At time.Time `json:"at"`

	Transition *Transition `json:"transition,omitempty"`
	Notice     *Notice     `json:"notice,omitempty"`
	Action     *Action     `json:"action,omitempty"`
	Silence    *Silence    `json:"silence,omitempty"`
	Rule       *RuleChange `json:"rule,omitempty"`
	Forgotten  *Forgotten  `json:"forgotten,omitempty"`
	Alive      *Alive      `json:"alive,omitempty"`
}

// Alive says that rules were being evaluated, while nothing else happened. A
// process that dies cannot say when: see State.At.
type Alive struct{}

// Transition is a change of an alert, with the alert as it is after it. A change
// of what is known (no data, data again, acknowledged) has the same From as
// Alert.Status.
type Transition struct {
	From   Status `json:"from"`
	Reason Reason `json:"reason,omitempty"`
	Alert  Alert  `json:"alert"`
}

// ErrStale means that an alert is not what a transition says it was: somebody
// else changed it in between.
var ErrStale = errors.New("the alert has changed meanwhile")

// Reason says why an alert changed.
type Reason string

// The reasons.
const (
	ReasonCondition    Reason = ""             // its condition became true or false, or was true for long enough
	ReasonNoData       Reason = "no_data"      // its series vanished
	ReasonData         Reason = "data"         // its series is there again
	ReasonAbsent       Reason = "absent"       // its series vanished, which resolves it: its rule says so
	ReasonAcknowledged Reason = "acknowledged" // a person acknowledged it
	ReasonAway         Reason = "away"         // weir was away while it was pending, which does not count as `for`
	ReasonRuleRemoved  Reason = "rule_removed" // its rule is there no more
	ReasonPosted       Reason = "posted"       // somebody outside said so
	ReasonExpired      Reason = "expired"      // posted from outside, and not posted again in time
)

// NoticeKey names what notices of one group go to: one integration of one
// receiver.
type NoticeKey struct {
	Group       string `json:"group"`       // the group's key: its route and its labels
	Receiver    string `json:"receiver"`    // as the routes name it
	Integration string `json:"integration"` // "slack[0]"
}

// Outcome says how an attempt to send something ended.
type Outcome string

// The outcomes.
const (
	Sent     Outcome = "sent"     // the receiver acknowledged it
	Retrying Outcome = "retrying" // it failed, and is tried again
	Failed   Outcome = "failed"   // it failed in a way that trying again at once will not mend
)

// Notice is one attempt to notify a receiver of a group. One that tells of more
// alerts than fit into an event is several events of the same ID and Attempt.
type Notice struct {
	NoticeKey
	ID          string         `json:"id"` // the same for each attempt of the same news: what vendors deduplicate by
	GroupLabels model.LabelSet `json:"groupLabels,omitempty"`
	Reason      string         `json:"reason"`             // why it was due, as package route names it
	Firing      []ID           `json:"firing,omitempty"`   // the alerts that it told, or would have told, of
	Resolved    []ID           `json:"resolved,omitempty"` //
	Fallback    bool           `json:"fallback,omitempty"` // it stands in for a receiver that has failed for long

	// How many more it told of; in a State's history alone, which leaves these out.
	MoreFiring   int `json:"moreFiring,omitempty"`
	MoreResolved int `json:"moreResolved,omitempty"`

	Outcome     Outcome       `json:"outcome"`
	Error       string        `json:"error,omitempty"`
	Code        int           `json:"code,omitempty"` // status of the receiver's answer, 0 for none
	Attempt     int           `json:"attempt"`        // 1, 2, 3 … since the last one that was acknowledged
	Took        time.Duration `json:"took"`
	NextAttempt time.Time     `json:"nextAttempt,omitzero"` // unless Sent: not before
}

// Action is one attempt at an action of a tenant's rule.
type Action struct {
	ActionKey
	Tenant      Tenant    `json:"tenant"`
	Rule        string    `json:"rule"` // its name
	Type        string    `json:"type"` // email, sms, post, update, twitter
	Alert       ID        `json:"alert,omitempty"`
	Outcome     Outcome   `json:"outcome"`
	Error       string    `json:"error,omitempty"`
	Code        int       `json:"code,omitempty"`
	Attempt     int       `json:"attempt"`
	NextAttempt time.Time `json:"nextAttempt,omitzero"`
}

// ActionKey names what is throttled: an action of a rule for an entity.
type ActionKey struct {
	RuleKey string `json:"ruleKey"`
	Entity  string `json:"entity"`
	Index   int    `json:"index"` // of the action in its rule
}

// Tenant is whose a rule is.
type Tenant struct {
	Service    string `json:"service"`
	Subservice string `json:"subservice"`
}

// String returns "service/subservice", as it stands in logs.
func (t Tenant) String() string { return t.Service + "/" + t.Subservice }

// Silence mutes alerts for a time, in the shape of Alertmanager's API. An event
// carries the silence as it is after the change; one that was ended early has
// its EndsAt at that moment.
type Silence struct {
	ID        string    `json:"id"`
	Matchers  []Matcher `json:"matchers"`
	StartsAt  time.Time `json:"startsAt"`
	EndsAt    time.Time `json:"endsAt"`
	UpdatedAt time.Time `json:"updatedAt"`
	CreatedBy string    `json:"createdBy"`
	Comment   string    `json:"comment"`

	Annotations map[string]string `json:"annotations,omitempty"`
}

// Patterns returns the regular expressions of the matchers.
func (s *Silence) Patterns() (all []string) {
	for _, m := range s.Matchers {
		if m.IsRegex {
			all = append(all, m.Value)
		}
	}
	return all
}

// Matcher is a matcher of a silence in the shape of Alertmanager's API.
type Matcher struct {
	Name    string `json:"name"`
	Value   string `json:"value"`
	IsRegex bool   `json:"isRegex"`
	IsEqual bool   `json:"isEqual"`
}

// RuleChange is a tenant's rule that was created, updated or deleted.
type RuleChange struct {
	Tenant  Tenant          `json:"tenant"`
	Name    string          `json:"name"`
	ID      string          `json:"id,omitempty"`
	Deleted bool            `json:"deleted,omitempty"`
	Body    json.RawMessage `json:"body,omitempty"` // as it was sent; what package rule reads

	// UpdatedAt is the time of the change. Alerts that ended before it are not
	// the changed rule's.
	UpdatedAt time.Time `json:"updatedAt,omitzero"`
}

// Forgotten says that something needs not be known any more.
type Forgotten struct {
	Alerts   []ID        `json:"alerts,omitempty"`   // resolved, and nobody is owed a notice of them
	Notices  []NoticeKey `json:"notices,omitempty"`  // of groups that are no more
	Silences []string    `json:"silences,omitempty"` // that ended long ago
	Actions  []ActionKey `json:"actions,omitempty"`
}
