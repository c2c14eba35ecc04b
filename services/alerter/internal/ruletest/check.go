// Package ruletest checks rule files and runs their unit tests, which are written
// in the format of Prometheus' promtool.
package ruletest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"weir/services/alerter/internal/rule"
)

// ErrFaults is what Check returns if there are faults, which it printed.
var ErrFaults = errors.New("there are faults in the files")

// Check reads rule files, and all .yml and .yaml files of directories among them,
// and prints how many rules each has, or its faults with their lines. The error is
// ErrFaults if there are any, or the writer's.
func Check(files []string, out io.Writer) error {
	failed := false
	for _, file := range withDirectories(files) {
		text := fmt.Sprintf("Checking %s\n", file)
		n, err := count(file)
		if err != nil {
			failed = true
			text += "  FAILED:\n" + indent(err.Error(), "  ") + "\n"
		} else {
			text += fmt.Sprintf("  SUCCESS: %d rules found\n", n)
		}
		if _, err := io.WriteString(out, text); err != nil {
			return fmt.Errorf("print: %w", err)
		}
	}
	if failed {
		return ErrFaults
	}
	return nil
}

func count(file string) (int, error) {
	groups, err := load(file)
	n := 0
	for _, g := range groups {
		n += len(g.Rules)
	}
	return n, err
}

func load(file string) ([]rule.Group, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read rule file: %w", err)
	}
	return rule.Parse(file, content)
}

// withDirectories replaces directories by the rule files in them.
func withDirectories(files []string) []string {
	var all []string
	for _, file := range files {
		entries, err := os.ReadDir(file)
		if err != nil {
			all = append(all, file) // no directory: reading it says what it is
			continue
		}
		for _, e := range entries {
			if !e.IsDir() && slices.Contains([]string{".yml", ".yaml"}, filepath.Ext(e.Name())) {
				all = append(all, filepath.Join(file, e.Name()))
			}
		}
	}
	return all
}

func indent(text, by string) string {
	return by + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n"+by)
}
