package strictyaml

import (
	"cmp"
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

// Faults is all that is wrong with a file. As an error it comes from Err.
type Faults []Fault

// Add adds one.
func (f *Faults) Add(line int, format string, a ...any) {
	*f = append(*f, Fault{line, fmt.Sprintf(format, a...)})
}

// Err returns the faults by line, each once; nil if there are none.
func (f Faults) Err() error {
	if len(f) == 0 {
		return nil
	}
	all := slices.Clone(f)
	slices.SortFunc(all, func(a, b Fault) int { return cmp.Or(a.Line-b.Line, strings.Compare(a.Text, b.Text)) })
	return slices.Compact(all)
}

// Error returns the faults, one a line.
func (f Faults) Error() string {
	texts := make([]string, len(f))
	for i := range f {
		texts[i] = f[i].String()
	}
	return strings.Join(texts, "\n")
}

var lineOf = regexp.MustCompile(`^(?:yaml: )?line (\d+): (?s:(.*))$`)

// FaultsOf makes faults of an error: of yaml's, and of any other whose lines begin
// with "line 3: ". A line that does not is of line 0.
func FaultsOf(err error) Faults {
	texts := strings.Split(err.Error(), "\n")
	if several, ok := err.(*yaml.TypeError); ok {
		texts = several.Errors
	}
	var all Faults
	for _, text := range texts {
		if m := lineOf.FindStringSubmatch(text); m != nil {
			line, _ := strconv.Atoi(m[1])
			all = append(all, Fault{line, m[2]})
			continue
		}
		all = append(all, Fault{Text: strings.TrimPrefix(text, "yaml: ")})
	}
	return all
}
