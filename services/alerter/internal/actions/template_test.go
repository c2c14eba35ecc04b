package actions

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var room = Event{
	"id": "sensor:7", "type": "Room", "t": "31.5", "n": json.Number("12"), "on": true, "none": nil,
	"list": []any{json.Number("1"), "a"}, "place": map[string]any{"x": json.Number("1")},
}

func TestTemplatesTakeTheirValuesFromTheEvent(t *testing.T) {
	for _, c := range []struct{ name, template, want string }{
		{"nothing to fill in", "hello", "hello"},
		{"texts and numbers", "Room ${id} is at ${t}, ${n}", "Room sensor:7 is at 31.5, 12"},
		{"the same one twice", "${id}${id}", "sensor:7sensor:7"},
		{"blanks within the braces", "${ id }", "sensor:7"},
		{"what is not there", "a ${nothing} b", "a null b"},
		{"what is null", "${none}", "null"},
		{"a boolean", "${on}", "true"},
		{"an object", "${place} ${list}", `{"x":1} [1,"a"]`},
		{"braces that do not end", "a ${id", "a ${id"},
		{"a value that looks like a placeholder", "$${id}", "$sensor:7"},
		{"no name", "${}", "null"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := expand(c.template, room); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestValuesBecomeWhatTheyReadAs(t *testing.T) {
	for _, c := range []struct {
		name  string
		value any
		want  string
	}{
		{"a number", "${t}", `31.5`},
		{"a boolean", "${on}", `true`},
		{"an object", "${place}", `{"x":1}`},
		{"a text", "${id}", `"sensor:7"`},
		{"only what is not there", " ${nothing} ", `null`},
		{"what is not there among other text", "a ${nothing}", `"a null"`},
		{"a number put together", "1${n}", `112`},
		{"a text that its author wrote", "007", `"007"`},
		{"a number that its author wrote", json.Number("7"), `7`},
		{"two values", "${n} ${n}", `"12 12"`},
		{"keys and lists", map[string]any{"k${n}": []any{"${n}", nil, true}}, `{"k12":[12,null,true]}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := json.Marshal(expandValue(c.value, room))
			if err != nil || string(got) != c.want {
				t.Errorf("got %s %v, want %s", got, err, c.want)
			}
		})
	}
}

func TestEventsAreFlatOrNested(t *testing.T) {
	flat, err := ParseEvent([]byte(`{"ruleName":"hot","id":"a","t":31.50}`))
	if err != nil {
		t.Fatal(err)
	}
	nested, err := ParseEvent([]byte(`{"ev":{"id":"a","t":31.50},"ruleName":"hot"}`))
	if err != nil || cmp.Diff(flat, nested) != "" {
		t.Errorf("%v %s", err, cmp.Diff(flat, nested))
	}
	if flat.Text("t") != "31.50" || flat.Text("x") != "" {
		t.Errorf("got %v", flat)
	}
	if _, err := ParseEvent([]byte(`[]`)); err == nil {
		t.Error("a list is no event")
	}
}

func FuzzTemplate(f *testing.F) {
	for _, s := range []string{"${id}", "${", "$${id}}", "${${id}}", "a${nothing}b", "1e${n}", "\xff${id"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, template string) {
		expand(template, room)
		if _, err := json.Marshal(expandValue(template, room)); err != nil {
			t.Errorf("%q: %v", template, err)
		}
	})
}

func TestATextThatBecomesTooLong(t *testing.T) {
	got := expand(strings.Repeat("${long}", 50_000), Event{"long": strings.Repeat("x", 10_000)})
	if len(got) > maxText+20_000 || !strings.HasSuffix(got, "x…") {
		t.Errorf("%d bytes", len(got))
	}
	if got := expand(strings.Repeat("y", 2*maxText), Event{}); len(got) > maxText+10 {
		t.Errorf("%d bytes without a placeholder", len(got))
	}
}
