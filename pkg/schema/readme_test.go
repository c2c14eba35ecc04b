package schema_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/pkg/schema"
)

// The README's table of series is the table of fields; -update rewrites it.
func TestReadmeSeries(t *testing.T) {
	path := filepath.Join("..", "..", "README.md")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- series: kept by a test -->\n", "<!-- end of series -->"
	before, rest, found := strings.Cut(string(data), begin)
	table, after, foundEnd := strings.Cut(rest, end)
	if !found || !foundEnd {
		t.Fatalf("%s has no lines %q and %q", path, begin, end)
	}
	if *update {
		if err := os.WriteFile(path, []byte(before+begin+seriesTable()+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(seriesTable(), table); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
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
