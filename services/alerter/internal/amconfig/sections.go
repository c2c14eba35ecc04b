package amconfig

import (
	"github.com/prometheus/alertmanager/timeinterval"

	"weir/pkg/strictyaml"
)

// file is alertmanager.yml as it is written.
type file struct {
	Global            Global            `yaml:"global"`
	Templates         []glob            `yaml:"templates"`
	Route             *routeSection     `yaml:"route"`
	InhibitRules      []inhibitSection  `yaml:"inhibit_rules"`
	Receivers         []Receiver        `yaml:"receivers"`
	MuteTimeIntervals []intervalSection `yaml:"mute_time_intervals"` // deprecated: the same as TimeIntervals
	TimeIntervals     []intervalSection `yaml:"time_intervals"`
}

// inhibitSection is one of inhibit_rules as it is written.
type inhibitSection struct {
	Name           string       `yaml:"name"`
	SourceMatch    equalities   `yaml:"source_match"`
	SourceMatchRE  patterns     `yaml:"source_match_re"`
	SourceMatchers matcherLines `yaml:"source_matchers"`
	TargetMatch    equalities   `yaml:"target_match"`
	TargetMatchRE  patterns     `yaml:"target_match_re"`
	TargetMatchers matcherLines `yaml:"target_matchers"`
	Equal          []string     `yaml:"equal"`
}

// Validate says what is wrong with the rule.
func (i *inhibitSection) Validate() []string {
	_, found := labelNames("equal", i.Equal)
	return found
}

func (i *inhibitSection) rule() InhibitRule {
	equal, _ := labelNames("", i.Equal)
	return InhibitRule{Name: i.Name, Equal: equal,
		Source: sorted(i.SourceMatch.all, i.SourceMatchRE.all, i.SourceMatchers.all),
		Target: sorted(i.TargetMatch.all, i.TargetMatchRE.all, i.TargetMatchers.all)}
}

// intervalSection is one of time_intervals as it is written.
type intervalSection struct {
	strictyaml.At
	Name          string                      `yaml:"name"`
	TimeIntervals []timeinterval.TimeInterval `yaml:"time_intervals"`
}

// Validate says what is wrong with it alone.
func (s *intervalSection) Validate() []string { return missing("name", s.Name) }

// intervals returns the intervals by name, and which names are there twice.
func (f *file) intervals() (map[string][]timeinterval.TimeInterval, strictyaml.Faults) {
	all := map[string][]timeinterval.TimeInterval{}
	var found strictyaml.Faults
	for _, list := range [][]intervalSection{f.MuteTimeIntervals, f.TimeIntervals} {
		for _, s := range list {
			if _, twice := all[s.Name]; twice {
				found.Add(s.Line(), "time interval %q is not unique", s.Name)
			}
			all[s.Name] = append([]timeinterval.TimeInterval{}, s.TimeIntervals...)
		}
	}
	return all, found
}
