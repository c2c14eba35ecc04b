package rule

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"time"
)

// ActionTypes are the types of actions that a tenant's rule may have.
var ActionTypes = []string{"email", "sms", "update", "post", "twitter"}

type rawAction struct {
	Type       json.RawMessage `json:"type"`
	Template   string          `json:"template"`
	Parameters json.RawMessage `json:"parameters"`
	Interval   json.RawMessage `json:"interval"` // milliseconds
}

// readActions reads one action or a list of them, which may be empty: such a rule
// only alerts.
func readActions(raw json.RawMessage) ([]Action, error) {
	if !given(raw) {
		return nil, refuse("missing action")
	}
	list := []json.RawMessage{raw}
	if raw[0] == '[' {
		if err := json.Unmarshal(raw, &list); err != nil {
			return nil, refuse("action: %s", badJSON("", err))
		}
	}
	actions := make([]Action, 0, len(list))
	for _, one := range list {
		a, err := readAction(one)
		if err != nil {
			return nil, err
		}
		actions = append(actions, a)
	}
	return actions, nil
}

func readAction(one json.RawMessage) (Action, error) {
	if len(one) == 0 || one[0] != '{' {
		return Action{}, refuse("missing type in action %s", show(one))
	}
	var raw rawAction
	if err := json.Unmarshal(one, &raw); err != nil {
		return Action{}, refuse("action: %s", badJSON("", err))
	}
	if !given(raw.Type) || string(raw.Type) == `""` {
		return Action{}, refuse("missing type in action [object Object]") // as Perseo words it
	}
	a := Action{Type: show(raw.Type), Template: raw.Template, Raw: one}
	if !slices.Contains(ActionTypes, a.Type) {
		return Action{}, refuse("unknown action type %s", a.Type)
	}
	if given(raw.Parameters) {
		d := json.NewDecoder(bytes.NewReader(raw.Parameters))
		d.UseNumber()
		if err := d.Decode(&a.Parameters); err != nil {
			return Action{}, refuse("action parameters: %s", badJSON("", err))
		}
	}
	if given(raw.Interval) {
		ms, err := readNumber(raw.Interval)
		if err != nil || ms < 0 || ms > math.MaxInt64/1e7 {
			return Action{}, refuse("invalid action interval %s", show(raw.Interval))
		}
		a.Interval = time.Duration(ms * float64(time.Millisecond))
	}
	if a.Type == "update" {
		return a, checkUpdate(raw.Parameters)
	}
	return a, nil
}

// checkUpdate refuses to set what identifies an entity.
func checkUpdate(parameters json.RawMessage) error {
	var p struct {
		Attributes []json.RawMessage `json:"attributes"`
	}
	if !given(parameters) {
		return nil
	}
	if err := json.Unmarshal(parameters, &p); err != nil {
		return refuse("action parameters: %s", badJSON("", err))
	}
	for _, attribute := range append(p.Attributes, parameters) {
		var named struct {
			Name any `json:"name"`
		}
		if json.Unmarshal(attribute, &named) == nil && (named.Name == "id" || named.Name == "type") {
			return refuse("%s as attribute %s", named.Name, compact(attribute))
		}
	}
	return nil
}
