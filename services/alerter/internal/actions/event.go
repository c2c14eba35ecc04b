package actions

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"strconv"

	"github.com/prometheus/common/model"

	"weir/pkg/schema"
	"weir/services/alerter/internal/alert"
	"weir/services/alerter/internal/rule"
)

// Event is what templates take their values from: what a rule selected of the
// entity for which it fired. Numbers are json.Number.
type Event map[string]any

// ParseEvent reads an event as rule engines send it: flat, or nested in "ev".
func ParseEvent(body []byte) (Event, error) {
	var e Event
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := d.Decode(&e); err != nil {
		return nil, fmt.Errorf("read the event: %w", err)
	}
	if inner, ok := e["ev"].(map[string]any); ok {
		flat := maps.Clone(e)
		delete(flat, "ev")
		maps.Copy(flat, inner)
		e = flat
	}
	return e, nil
}

// Text returns a value as a template shows it, "" for what is not there.
func (e Event) Text(name string) string {
	v, ok := e[name]
	if !ok || v == nil {
		return ""
	}
	return text(v)
}

// text returns a value as it stands within a text.
func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("BUG: a value of an event that is no JSON: %v", err))
	}
	return string(b)
}

// entityLabels are the labels that name what a series is of, and what kind of
// entity that is. A task's series name its proplet, too.
var entityLabels = []struct{ label, kind model.LabelName }{
	{"task_id", "task"}, {"proplet_id", "proplet"}, {"node", "node"}, {"device", "device"}, {"source", "source"},
}

// alertEvent returns the event of an alert of a tenant's rule: the alert's
// labels, id and type of the entity, value, the attribute that the rule is about
// and those that it selects of these. Runner.complete adds what else is asked for.
func alertEvent(a *alert.Alert, r *rule.Rule, t alert.Tenant) Event {
	e := Event{}
	for name, value := range a.Labels {
		e[string(name)] = string(value)
	}
	value := number(float64(a.Value))
	e["value"], e["ruleName"], e["service"], e["subservice"] = value, r.Name, t.Service, servicePath(t)
	for _, entity := range entityLabels {
		if id, ok := a.Labels[entity.label]; ok {
			e["id"] = string(id)
			if _, ok := a.Labels["type"]; !ok {
				e["type"] = string(entity.kind)
			}
			break
		}
	}
	if r.API == nil {
		return e
	}
	if r.API.Attribute != "" {
		e[r.API.Attribute] = value
	}
	for name, attribute := range r.API.Select {
		if v, ok := e[attribute]; ok {
			e[name] = v
		}
	}
	return e
}

// number returns a number as JSON can have it.
func number(v float64) any {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	form := byte('f')
	if math.Abs(v) >= 1e21 || v != 0 && math.Abs(v) < 1e-6 { // as JavaScript writes numbers
		form = 'e'
	}
	return json.Number(strconv.FormatFloat(v, form, -1, 64))
}

// servicePath returns the path that a tenant's subservice is.
func servicePath(t alert.Tenant) string {
	if t.Subservice == schema.RootSubservice {
		return "/"
	}
	return "/" + t.Subservice
}
