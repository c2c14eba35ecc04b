package config

import (
	"fmt"
	"strings"

	"github.com/agnivade/levenshtein"
)

// Fault is one thing that is wrong with the settings, and where it stands.
type Fault struct {
	Place   string // "weir.yaml:12", "environment WEIR_LOG_LEVEL", "--mqtt-addr"; "" where it stands nowhere
	Message string
}

// String returns "place: message".
func (f Fault) String() string {
	if f.Place == "" {
		return f.Message
	}
	return f.Place + ": " + f.Message
}

// Faults is the error of settings that cannot be used: all that is wrong with
// them, at once.
type Faults []Fault

// Error returns one line for each fault.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, fault := range f {
		lines[i] = fault.String()
	}
	return strings.Join(lines, "\n")
}

func (f *Faults) add(place, format string, args ...any) {
	*f = append(*f, Fault{place, fmt.Sprintf(format, args...)})
}

// unknown says that no setting has the name given, and which comes near.
func unknown(given string, name func(Setting) string) string {
	// Two slips of the finger are taken for a mistyped name, three for another one.
	best, distance := "", 3
	for _, s := range Settings {
		if d := levenshtein.ComputeDistance(given, name(s)); d < distance {
			best, distance = name(s), d
		}
	}
	if best == "" {
		return fmt.Sprintf("unknown key %q", given)
	}
	return fmt.Sprintf("unknown key %q (did you mean %s?)", given, best)
}
