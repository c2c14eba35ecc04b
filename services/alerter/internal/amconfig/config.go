// Package amconfig reads alertmanager.yml as Alertmanager's users know it. It
// is strict: a key that is unknown, or known to Alertmanager and not supported
// here, is an error that names the key and its line. It does no I/O: files that
// the configuration names are read by those who use them.
package amconfig

import (
	"encoding/json"
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"
	"github.com/prometheus/alertmanager/timeinterval"
	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"
)

// Config is a whole alertmanager.yml, checked, with the defaults filled in and
// what the global section says carried into the receivers.
type Config struct {
	Global        Global                                 `yaml:"global"`
	Templates     []string                               `yaml:"templates,omitempty"` // globs of files, relative ones joined to the file's directory
	Route         *Route                                 `yaml:"route"`
	InhibitRules  []InhibitRule                          `yaml:"inhibit_rules,omitempty"`
	Receivers     []Receiver                             `yaml:"receivers,omitempty"`
	TimeIntervals map[string][]timeinterval.TimeInterval `yaml:"-"` // those of time_intervals and of mute_time_intervals

	original string
}

// Route is a node of the routing tree, with what it inherits filled in.
type Route struct {
	Receiver            string
	GroupBy             []model.LabelName // ascending; empty with GroupByAll: every label
	GroupByAll          bool
	GroupWait           time.Duration
	GroupInterval       time.Duration
	RepeatInterval      time.Duration
	Matchers            labels.Matchers // sorted: those of matchers, match and match_re
	Continue            bool
	MuteTimeIntervals   []string
	ActiveTimeIntervals []string
	Routes              []*Route
	Line                int // where it begins in the file, 0 in Default
}

// InhibitRule mutes alerts that match the target while one that matches the
// source fires and has the same values of the labels in Equal.
type InhibitRule struct {
	Name   string
	Source labels.Matchers
	Target labels.Matchers
	Equal  []model.LabelName
}

// The defaults of a route.
const (
	DefaultGroupWait      = 30 * time.Second
	DefaultGroupInterval  = 5 * time.Minute
	DefaultRepeatInterval = 4 * time.Hour
)

// DefaultReceiver is the only receiver of Default. It has no integrations:
// what would go to it stands in the log and on the dashboard anyway.
const DefaultReceiver = "log"

// Default returns what holds without a file: everything goes to a receiver
// without integrations.
func Default() *Config {
	return &Config{
		Global: DefaultGlobal(),
		Route: &Route{Receiver: DefaultReceiver, GroupWait: DefaultGroupWait,
			GroupInterval: DefaultGroupInterval, RepeatInterval: DefaultRepeatInterval},
		Receivers:     []Receiver{{Name: DefaultReceiver}},
		TimeIntervals: map[string][]timeinterval.TimeInterval{},
		original:      "route:\n  receiver: " + DefaultReceiver + "\nreceivers:\n  - name: " + DefaultReceiver + "\n",
	}
}

// Receiver returns the receiver of a name, nil if there is none.
func (c *Config) Receiver(name string) *Receiver {
	for i := range c.Receivers {
		if c.Receivers[i].Name == name {
			return &c.Receivers[i]
		}
	}
	return nil
}

// String returns the file as it was written but for comments, its secrets
// hidden.
func (c Config) String() string { return hideSecrets(c.original) }

// MarshalYAML writes the same as String.
func (c Config) MarshalYAML() (any, error) {
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(c.String()), &document); err != nil || len(document.Content) == 0 {
		return nil, err
	}
	return document.Content[0], nil
}

// GoString is String, so that %#v hides the secrets as well.
func (c Config) GoString() string { return c.String() }

// MarshalJSON writes what Alertmanager's API shows of its configuration.
func (c Config) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Original string `json:"original"`
	}{c.String()})
}
