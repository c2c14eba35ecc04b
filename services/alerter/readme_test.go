package alerter

import (
	"os"
	"strings"
	"testing"

	"weir/services/alerter/internal/rule"
)

// Each shipped rule has its line in the README, to which its alert links.
func TestEveryShippedRuleHasItsRunbook(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range rule.Defaults() {
		for _, r := range g.Rules {
			file, anchor, _ := strings.Cut(string(r.Annotations["runbook_url"]), "#")
			if file != "README.md" || !strings.Contains(string(readme), `<a id="`+anchor+`"></a>`+r.Name) {
				t.Errorf("%s: the README has no runbook %q", r.Name, anchor)
			}
		}
	}
}
