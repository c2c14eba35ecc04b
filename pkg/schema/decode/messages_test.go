package decode_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"weir/pkg/golden"
	"weir/pkg/schema"
	"weir/pkg/schema/decode"
)

// message is one of testdata/messages.
type message struct {
	name    string
	topic   string
	payload []byte
}

// messages returns the sources' example messages, by name.
func messages(t testing.TB) []message {
	t.Helper()
	data, err := os.ReadFile("testdata/messages/topics.json")
	if err != nil {
		t.Fatal(err)
	}
	topics := map[string]string{}
	if err := json.Unmarshal(data, &topics); err != nil {
		t.Fatal(err)
	}
	var all []message
	for name, topic := range topics {
		payload, err := os.ReadFile(filepath.Join("testdata/messages", name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, message{name, topic, payload})
	}
	slices.SortFunc(all, func(a, b message) int { return strings.Compare(a.name, b.name) })
	return all
}

func TestEveryMessageFileHasATopic(t *testing.T) {
	files, err := filepath.Glob("testdata/messages/*.json")
	if err != nil {
		t.Fatal(err)
	}
	if want := len(files) - 1; len(messages(t)) != want {
		t.Errorf("%d topics in topics.json, %d message files", len(messages(t)), want)
	}
}

func TestMessagesDecodeAsTheContractsSay(t *testing.T) {
	d := decode.New()
	for _, m := range messages(t) {
		t.Run(m.name, func(t *testing.T) {
			topic, ok := decode.ParseTopic(m.topic)
			if m.name == "propeller-results" {
				if ok {
					t.Fatalf("%s is ours: %+v", m.topic, topic)
				}
				return
			}
			if !ok || topic.Kind == decode.TopicBad {
				t.Fatalf("ParseTopic(%q) = %+v, %v", m.topic, topic, ok)
			}
			readings, rejection := d.Decode(topic, m.payload)
			if rejection != nil {
				t.Fatal(rejection)
			}
			golden.Check(t, "readings/"+m.name+".txt", describe(readings))
		})
	}
}

// describe writes readings in the form of the golden files: a line a fact.
func describe(readings []schema.Reading) string {
	var b strings.Builder
	fmt.Fprintf(&b, "readings %d\n", len(readings))
	for _, r := range readings {
		fmt.Fprintf(&b, "\n%s %s\n", r.Kind, r.ID)
		fact(&b, "parent", r.Parent)
		fact(&b, "dialect", r.Dialect.String())
		fact(&b, "clock", [...]string{"", "rfc3339", "epoch", "unix", "uptime"}[r.Clock])
		if r.Time != 0 {
			fact(&b, "time", time.Unix(0, r.Time).UTC().Format(time.RFC3339Nano))
		}
		fact(&b, "presence", r.Presence.String())
		if r.Heartbeat {
			fact(&b, "heartbeat", "true")
		}
		for _, f := range r.Fields {
			fact(&b, "field "+pathOf(f.Field), strconv.FormatFloat(f.Value, 'f', -1, 64))
		}
		for _, l := range r.Labels {
			fact(&b, "label "+l.Name, l.Value)
		}
		for _, a := range r.Attributes {
			fact(&b, "attribute "+a.Name, a.Value)
		}
	}
	return b.String()
}

func fact(b *strings.Builder, name, value string) {
	if value != "" {
		fmt.Fprintf(b, "  %s %s\n", name, value)
	}
}

func pathOf(f schema.Field) string {
	for _, info := range schema.Fields {
		if info.Field == f {
			return info.Path
		}
	}
	return fmt.Sprintf("field_%d", f)
}
