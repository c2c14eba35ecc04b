package pushtopic

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"weir/pkg/schema"
)

// JobLabel is the label that every group has.
const JobLabel = "job"

// The limits of a group.
const (
	MaxGroupLabels = 32
	MaxGroupName   = 256 // bytes of GroupName
	maxLabelName   = 128
)

// base64Suffix stands behind the name of a component whose value is in base64:
// one that is empty or has a slash.
const base64Suffix = "@base64"

// ParseGroup reads the path of a pushed group as the Pushgateway does, in its
// escaped form:
//
//	/metrics/job/JOB{/LABEL/VALUE}
//
// where "@base64" behind a label's name says that its value is in base64, of the
// URL's alphabet. A label that is there twice has its last value, but the job
// stays; one whose value is empty is none. The result is ascending by name.
func ParseGroup(path string) ([]schema.Label, error) {
	below, ok := strings.CutPrefix(path, GroupPath)
	if !ok {
		return nil, fmt.Errorf("the path is not below %s", GroupPath)
	}
	components := strings.Split(below, "/")
	if n := len(components); n > 2 && components[n-1] == "" { // a slash at the end
		components = components[:n-1]
	}
	if len(components)%2 != 0 {
		return nil, fmt.Errorf("odd number of components in label string %q", shown(below))
	}
	if first := strings.TrimSuffix(components[0], base64Suffix); first != JobLabel {
		return nil, fmt.Errorf("the path begins with the label %q: expected %s%s/…", shown(first), GroupPath, JobLabel)
	}
	byName := map[string]string{}
	for i := len(components) - 2; i >= 0; i -= 2 {
		label, err := groupLabel(components[i], components[i+1])
		if err != nil {
			return nil, err
		}
		if _, later := byName[label.Name]; !later || i == 0 {
			byName[label.Name] = label.Value
		}
	}
	return group(byName)
}

// group makes a group of labels and checks it as a whole.
func group(byName map[string]string) (labels []schema.Label, err error) {
	if byName[JobLabel] == "" {
		return nil, errors.New("job name is required")
	}
	for name, value := range byName {
		if value != "" {
			labels = append(labels, schema.Label{Name: name, Value: value})
		}
	}
	slices.SortFunc(labels, func(a, b schema.Label) int { return strings.Compare(a.Name, b.Name) })
	if len(labels) > MaxGroupLabels {
		return nil, fmt.Errorf("the group has %d labels: expected at most %d", len(labels), MaxGroupLabels)
	}
	if n := len(groupName(labels)); n > MaxGroupName {
		return nil, fmt.Errorf("the group's labels have %d bytes as a path: expected at most %d", n, MaxGroupName)
	}
	return labels, nil
}

func groupLabel(name, value string) (l schema.Label, err error) {
	name, inBase64 := strings.CutSuffix(name, base64Suffix)
	if !validLabelName(name) {
		return l, fmt.Errorf("improper label name %q", shown(name))
	}
	if l.Value, err = url.PathUnescape(value); err != nil {
		return l, fmt.Errorf("the value of the label %s: %w", name, err)
	}
	if inBase64 {
		decoded, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(l.Value, "="))
		if err != nil {
			return l, fmt.Errorf("invalid base64 encoding in label %s=%q: %w", name+base64Suffix, shown(value), err)
		}
		l.Value = string(decoded)
	}
	if !utf8.ValidString(l.Value) || strings.ContainsFunc(l.Value, unicode.IsControl) {
		return l, fmt.Errorf("the value of the label %s is %q: expected UTF-8 without control characters", name, shown(l.Value))
	}
	l.Name = name
	return l, nil
}

// validLabelName reports whether a name may be a label's: those that begin with
// two underscores are reserved.
func validLabelName(name string) bool {
	if name == "" || len(name) > maxLabelName || strings.HasPrefix(name, "__") {
		return false
	}
	for i := range len(name) {
		c := name[i]
		if c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// GroupName names a pushed group: its job, and its other labels as in a path:
// "backup", "backup/instance/db1".
func (t *Topic) GroupName() string { return groupName(t.Group) }

func groupName(labels []schema.Label) string {
	var b strings.Builder
	for _, l := range labels {
		if l.Name == JobLabel {
			b.WriteString(url.PathEscape(l.Value))
		}
	}
	for _, l := range labels {
		if l.Name != JobLabel {
			b.WriteString("/" + l.Name + "/" + url.PathEscape(l.Value))
		}
	}
	return b.String()
}

// groupPath returns the one path that we write for a group.
func groupPath(labels []schema.Label) string {
	var b strings.Builder
	b.WriteString(strings.TrimSuffix(GroupPath, "/"))
	component := func(l schema.Label) {
		b.WriteString("/" + l.Name)
		if strings.Contains(l.Value, "/") {
			b.WriteString(base64Suffix + "/" + base64.RawURLEncoding.EncodeToString([]byte(l.Value)))
		} else {
			b.WriteString("/" + url.PathEscape(l.Value))
		}
	}
	for _, l := range labels {
		if l.Name == JobLabel {
			component(l)
		}
	}
	for _, l := range labels {
		if l.Name != JobLabel {
			component(l)
		}
	}
	return b.String()
}
