package schema_test

import (
	"fmt"
	"strings"
	"testing"

	"weir/pkg/golden"
	"weir/pkg/schema"
)

// The README's table of series is the table of fields; -update rewrites it.
func TestReadmeSeries(t *testing.T) {
	golden.Section(t, "../../README.md", "series", seriesTable())
}

// seriesTable is a Markdown table of all series.
func seriesTable() string {
	var b strings.Builder
	b.WriteString("| series | type | unit | what |\n|---|---|---|---|\n")
	for _, f := range schema.Fields {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", f.Name, f.Type, f.Unit, f.Help)
	}
	return b.String()
}
