package alert_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/prometheus/common/model"

	"weir/services/alerter/internal/alert"
)

func TestAnnotationsAreBounded(t *testing.T) {
	text := func(s string, n int) model.LabelValue { return model.LabelValue(strings.Repeat(s, n)) }
	many := model.LabelSet{}
	for i := range alert.MaxAnnotations {
		many[model.LabelName(fmt.Sprintf("name%d", i))] = "x"
	}
	for _, c := range []struct {
		name string
		all  model.LabelSet
		kept int // so many annotations; those named "kept" as they are
	}{
		{"none", nil, 0},
		{"as much as may be", model.LabelSet{"kept": text("x", alert.MaxAnnotations-4)}, 1},
		{"one byte more", model.LabelSet{"summary": text("x", alert.MaxAnnotations)}, 1},
		{"a long one beside a short one", model.LabelSet{"kept": "it is hot", "description": text("ü", 600<<10)}, 2},
		{"two long ones", model.LabelSet{"kept": "it is hot", "a": text("ü", 600<<10), "b": text("€", 30<<10)}, 3},
		{"a name that is too long", model.LabelSet{model.LabelName(text("n", 100<<10)): "x", "kept": "it is hot"}, 1},
		{"very many", many, -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := alert.BoundAnnotations(c.all)
			if n := alert.Bytes(got); n > alert.MaxAnnotations || alert.Bytes(c.all) > 2*alert.MaxAnnotations && c.kept > 1 && n < alert.MaxAnnotations-20 {
				t.Errorf("%d bytes are left", n)
			}
			if c.kept >= 0 && len(got) != c.kept || got["kept"] != c.all["kept"] {
				t.Errorf("%d annotations, kept is %q", len(got), got["kept"])
			}
			for name, value := range got {
				if !utf8.ValidString(string(value)) || value != c.all[name] && !strings.HasSuffix(string(value), "…") && value != "" {
					t.Errorf("%s ends with %q", name, value[max(0, len(value)-10):])
				}
			}
			if again := alert.BoundAnnotations(got); !again.Equal(got) {
				t.Error("shortened once more it changes")
			}
		})
	}
}
