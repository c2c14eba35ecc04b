package amconfig

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Fault is one thing that is wrong with a file.
type Fault struct {
	Line int // 0: of the file as a whole
	Text string
}

// String returns "line 3: …".
func (f Fault) String() string {
	if f.Line == 0 {
		return f.Text
	}
	return fmt.Sprintf("line %d: %s", f.Line, f.Text)
}

// Error is all that is wrong with a file, by line.
type Error struct{ Faults []Fault }

// Error returns the faults, one a line.
func (e *Error) Error() string {
	texts := make([]string, len(e.Faults))
	for i, f := range e.Faults {
		texts[i] = f.String()
	}
	return strings.Join(texts, "\n")
}

func newError(faults []Fault) *Error {
	slices.SortStableFunc(faults, func(a, b Fault) int { return cmp.Or(a.Line-b.Line, strings.Compare(a.Text, b.Text)) })
	return &Error{slices.Compact(faults)}
}

var lineOf = regexp.MustCompile(`^(?:yaml: )?line (\d+): (?s:(.*))$`)

// newFault makes a Fault of yaml.v3's "line 3: …".
func newFault(text string) Fault {
	m := lineOf.FindStringSubmatch(text)
	if m == nil {
		return Fault{Text: strings.TrimPrefix(text, "yaml: ")}
	}
	line, _ := strconv.Atoi(m[1])
	return Fault{line, m[2]}
}

// newFaults makes faults of an error of yaml.v3, none of nil.
func newFaults(err error) []Fault {
	if err == nil {
		return nil
	}
	var several *yaml.TypeError
	if !errors.As(err, &several) {
		return []Fault{newFault(err.Error())}
	}
	var all []Fault
	for _, text := range several.Errors {
		all = append(all, newFault(text))
	}
	return all
}

// unknown says what is wrong with a key that a section does not have.
func unknown(key, section string) string {
	known := func(k string) bool {
		prefix, family := strings.CutSuffix(k, "*")
		return k == key || family && strings.HasPrefix(key, prefix)
	}
	if slices.ContainsFunc(unsupported[section], known) || strings.HasSuffix(key, "_ref") {
		return fmt.Sprintf("%s: %s is not supported by weir", section, key)
	}
	return fmt.Sprintf("%s: unknown key %s", section, key)
}

// unsupported lists, by section, the keys that Alertmanager 0.34 knows and weir
// does not; "x_*" is a family of them.
var unsupported = map[string][]string{
	"the file": {"tracing", "event_recorder"},
	"global": {"jira_*", "wechat_*", "victorops_*", "telegram_*", "webex_*", "rocketchat_*", "mattermost_*",
		"hipchat_*"},
	"route":  {"labels"},
	"routes": {"labels"},
	"receivers": {"discord_configs", "incidentio_configs", "wechat_configs", "pushover_configs", "victorops_configs",
		"sns_configs", "telegram_configs", "webex_configs", "msteams_configs", "msteamsv2_configs", "jira_configs",
		"rocketchat_configs", "mattermost_configs", "hipchat_configs"},
	"slack_configs":     {"update_message"},
	"pagerduty_configs": {"service_key", "service_key_file"},
}
