package rule

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Fault is one thing that is wrong with a rule file.
type Fault struct {
	File   string
	Line   int    // 0 if it is about the whole file
	Group  string // "" outside of groups
	Rule   string // the rule's name, or its number if it has none; "" outside of rules
	Reason string
}

// Error returns "file:line: group "g", rule "r": reason".
func (f Fault) Error() string {
	var b strings.Builder
	b.WriteString(f.File)
	if f.Line > 0 {
		b.WriteString(":" + strconv.Itoa(f.Line))
	}
	b.WriteString(": ")
	if f.Group != "" {
		fmt.Fprintf(&b, "group %q", f.Group)
		if f.Rule != "" {
			fmt.Fprintf(&b, ", rule %q", f.Rule)
		}
		b.WriteString(": ")
	}
	b.WriteString(f.Reason)
	return b.String()
}

// Faults is all that is wrong with a rule file, in the order of its lines.
type Faults []Fault

// Error returns the faults, one a line.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i := range f {
		lines[i] = f[i].Error()
	}
	return strings.Join(lines, "\n")
}

// sorted returns the faults in the order of their lines, each once, nil for none.
func (f Faults) sorted() error {
	if len(f) == 0 {
		return nil
	}
	slices.SortStableFunc(f, func(a, b Fault) int { return a.Line - b.Line })
	return slices.Compact(f)
}
