package actions

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/services/alerter/internal/alert"
)

// attributed has a rule that selects an attribute which it does not compare, and
// an action with the template.
func attributed(t *testing.T, b *bench, read Attributes, template string) {
	t.Helper()
	b.Runner.Attributes = read
	quoted, _ := json.Marshal(template)
	body := `{"name":"too_hot","text":"select *, ev.temperature? as t, ev.humidity? as h from iotEvent as ev where cast(cast(ev.temperature?,String),float)>30",
		"action":{"type":"email","template":` + string(quoted) + `,"parameters":{"to":"${owner}@example.org"}}}`
	at := b.Now()
	if err := b.Append(t.Context(), alert.Event{At: at, Rule: &alert.RuleChange{Tenant: line1, Name: "too_hot", ID: "1", Body: json.RawMessage(body), UpdatedAt: at}}); err != nil {
		t.Fatal(err)
	}
}

// What a rule selects and a template names is read where the alert does not say it.
func TestAttributesThatAnActionNames(t *testing.T) {
	simulate(t, "[]", func(t *testing.T, b *bench) {
		var asked []Entity
		attributed(t, b, func(_ context.Context, e Entity) (map[string]float64, map[string]string, error) {
			asked = append(asked, e)
			return map[string]float64{"humidity": 40, "air__temp": 21.5, "spore_node_cpu_usage_percent": 7, "temperature": 99}, map[string]string{"owner": "ada", "colour": "red"}, nil
		}, "${t} ${h} ${humidity} ${air.temp} ${cpu_usage_percent} ${colour} ${nothing}")
		stop := b.run()
		b.fire(time.Now())
		eventually(t, "the mail", func() bool { return len(b.outcomes()) == 1 })
		stop()
		mail := b.post.mail[0]
		if mail.Text != "31.5 40 40 21.5 7 red null" || mail.To != "ada@example.org" {
			t.Errorf("got %q to %q", mail.Text, mail.To)
		}
		want := Entity{Tenant: line1, Label: "device", ID: string(labels["device"]), Type: string(labels["type"])}
		if !slices.Equal(asked, []Entity{want}) {
			t.Errorf("asked for %+v, want %+v", asked, want)
		}
	})
}

func TestAttributesAreReadOnlyIfTheyAreNamed(t *testing.T) {
	simulate(t, mails("0"), func(t *testing.T, b *bench) {
		b.Runner.Attributes = func(context.Context, Entity) (map[string]float64, map[string]string, error) {
			t.Error("they are read")
			return nil, nil, nil
		}
		stop := b.run()
		b.fire(time.Now())
		eventually(t, "the mail", func() bool { return len(b.outcomes()) == 1 })
		stop()
	})
}

// Attributes that cannot be read keep nobody from being told.
func TestAttributesThatCannotBeRead(t *testing.T) {
	for fails, want := range map[int]string{2: "31.5 40", 3: "31.5 null"} {
		simulate(t, "[]", func(t *testing.T, b *bench) {
			tries := 0
			attributed(t, b, func(context.Context, Entity) (map[string]float64, map[string]string, error) {
				if tries++; tries <= fails {
					return nil, nil, errors.New("nobody answers")
				}
				return map[string]float64{"humidity": 40}, map[string]string{"owner": "ada"}, nil
			}, "${t} ${h}")
			stop := b.run()
			b.fire(time.Now())
			eventually(t, "the mail", func() bool { return len(b.outcomes()) == 1 })
			stop()
			if got := b.post.mail[0].Text; got != want {
				t.Errorf("after %d failures: got %q", fails, got)
			}
			if logged := strings.Contains(b.log.String(), "nobody answers"); logged != (fails == 3) {
				t.Errorf("after %d failures the log says %s", fails, b.log.String())
			}
		})
	}
}
