package config

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"weir/pkg/golden"
)

const root = "../../../.."

// The README's table of settings is the table of settings; -update rewrites it.
func TestReadmeTable(t *testing.T) {
	golden.Section(t, filepath.Join(root, "README.md"), "settings", MarkdownTable())
}

// The example file names every setting, with its default where it has one.
func TestExampleFile(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(root, "deployments", "weir.example.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	lines := regexp.MustCompile(`(?m)^# ([a-z_]+): +([^ \n]+)`).FindAllStringSubmatch(string(data), -1)
	given := map[string]string{}
	var active strings.Builder
	for _, m := range lines {
		given[m[1]] = m[2]
		active.WriteString(m[1] + ": " + m[2] + "\n")
	}
	for _, s := range Settings {
		if value, ok := given[s.Key]; !ok || s.Default != "" && value != s.Default {
			t.Errorf("%s: the example says %q (given: %v), the default is %q", s.Key, value, ok, s.Default)
		}
	}
	file := filepath.Join(t.TempDir(), "weir.yaml")
	if err := os.WriteFile(file, []byte(active.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Load(All, Sources{Flags: []Flag{{ConfigFlag, file}}}); err != nil {
		t.Errorf("the example with its comment signs taken away:\n%v", err)
	}
}
