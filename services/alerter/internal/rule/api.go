package rule

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"unicode/utf8"

	"github.com/prometheus/common/model"

	"weir/services/alerter/internal/alert"
)

// APIError is why a tenant's rule is refused, as the answer says it.
type APIError struct {
	Code int // HTTP status
	Text string
}

// Error returns the text.
func (e *APIError) Error() string { return e.Text }

func refuse(format string, args ...any) error {
	return &APIError{Code: 400, Text: fmt.Sprintf(format, args...)}
}

// MaxAPIName is the longest name of a tenant's rule, in bytes.
const MaxAPIName = 50

var apiName = regexp.MustCompile(`^[A-Za-z0-9_-]*$`)

// apiRule is the JSON of a tenant's rule. Keys that it does not name are ignored,
// so that what Perseo answers with can be sent back.
type apiRule struct {
	ID       string          `json:"_id"`
	Name     json.RawMessage `json:"name"`
	Text     string          `json:"text"`
	NoSignal json.RawMessage `json:"nosignal"`
	Action   json.RawMessage `json:"action"`

	// A threshold instead of text. Type and ID are those of the entity; match are
	// further labels that the series must have.
	Metric    string            `json:"metric"`
	Attribute string            `json:"attribute"`
	Op        string            `json:"op"`
	Value     json.RawMessage   `json:"value"`
	Type      string            `json:"type"`
	EntityID  string            `json:"id"`
	Match     map[string]string `json:"match"`

	// What Prometheus' rules have besides.
	For             string            `json:"for"`
	KeepFiringFor   string            `json:"keep_firing_for"`
	Labels          map[string]string `json:"labels"`
	Annotations     map[string]string `json:"annotations"`
	Severity        string            `json:"severity"`
	ResolveOnAbsent bool              `json:"resolve_on_absent"`
}

// FromAPI reads a tenant's rule, which becomes a group of its own. The body is
// Perseo's, with additions:
//
//	{"name": "too_hot",
//	 "action": {"type": "email", "template": "…", "parameters": {…}, "interval": "30e3"} or a list of such,
//
// and one of
//
//	"text": "max by (device) (temperature) > 30"
//	"text": "select *, ev.temperature? as t from iotEvent as ev where cast(cast(ev.temperature?,String),float)>30 and type=\"Room\""
//	"attribute": "temperature", "op": ">", "value": 30, "type": "Room", "id": "room1", "match": {"zone": "a"}
//	"metric": "spore_node_cpu_usage_percent", "op": ">=", "value": "80", "match": {"zone": "a"}
//	"nosignal": {"checkInterval": 1, "reportInterval": 300, "id": "room1" or "idRegexp": "^room", "type": "Room", "attribute": "temperature"}
//
// and any of
//
//	"for": "5m", "keep_firing_for": "1m", "labels": {"team": "a"}, "severity": "critical",
//	"annotations": {"summary": "{{ $labels.device }} is at {{ $value }}"}, "resolve_on_absent": true}
//
// A metric is a series' full name. An attribute is an entity's, or a value's of
// any source: cpu_usage_percent is that of SPORE nodes too, whose series is called
// spore_node_cpu_usage_percent. The name of the series is in the alert's label series.
// An entity's id is its series' label device, its type their label type.
//
// The errors are *APIError.
func FromAPI(tenant alert.Tenant, body json.RawMessage) (Group, error) {
	if len(body) > MaxBody {
		return Group{}, refuse("the rule has %d bytes: expected at most %d", len(body), MaxBody)
	}
	var raw apiRule
	if err := decodeAPI(body, &raw); err != nil {
		return Group{}, err
	}
	name, err := readName(raw.Name)
	if err != nil {
		return Group{}, err
	}
	r := &Rule{Name: name, ResolveOnAbsent: raw.ResolveOnAbsent, API: &API{ID: raw.ID, Text: raw.Text}}
	g := apiGroup(tenant, name)
	g.Rules = []*Rule{r}
	if err := raw.condition(&g, r, body); err != nil {
		return Group{}, err
	}
	if r.API.Actions, err = readActions(raw.Action); err != nil {
		return Group{}, err
	}
	if err := raw.additions(r, tenant); err != nil {
		return Group{}, err
	}
	if err := raw.check(r); err != nil {
		return Group{}, err
	}
	setKeys(&g)
	return g, nil
}

func apiGroup(tenant alert.Tenant, name string) Group {
	return Group{Key: "api;" + tenant.Service + "/" + tenant.Subservice + ";" + name, Name: name, Tenant: &tenant}
}

func decodeAPI(body json.RawMessage, into *apiRule) error {
	if err := json.Unmarshal(body, into); err != nil {
		return refuse("%s", badJSON("the rule: ", err))
	}
	return nil
}

// badJSON says what is wrong with a body, or a part of it, in the words of its
// sender. whole goes before what is said of all of it.
func badJSON(whole string, err error) string {
	var typed *json.UnmarshalTypeError
	if errors.As(err, &typed) {
		if typed.Field != "" {
			whole = typed.Field + ": "
		}
		return whole + "expected " + expected(typed.Type.Kind())
	}
	return fmt.Sprintf("no JSON: %v", err)
}

func expected(k reflect.Kind) string {
	switch k {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "a list"
	}
	return "an object"
}

func readName(raw json.RawMessage) (string, error) {
	var name string
	if len(raw) == 0 || json.Unmarshal(raw, &name) != nil || string(raw) == "null" {
		return "", refuse("name must be a string %s", typeOf(raw))
	}
	switch {
	case name == "":
		return "", refuse(`missing rule name ""`)
	case len(name) > MaxAPIName:
		return "", refuse("rule name too long %s", name)
	case !apiName.MatchString(name):
		return "", refuse("invalid char in name %s", name)
	}
	return name, nil
}

// typeOf names a value's type as JavaScript does.
func typeOf(raw json.RawMessage) string {
	if len(raw) == 0 {
		return "undefined"
	}
	switch raw[0] {
	case '"':
		return "string"
	case 't', 'f':
		return "boolean"
	case '{', '[', 'n':
		return "object"
	}
	return "number"
}

// given reports whether a key is there with something in it.
func given(raw json.RawMessage) bool {
	return len(raw) > 0 && string(raw) != "null"
}

// condition sets the rule's expression.
func (a *apiRule) condition(g *Group, r *Rule, body json.RawMessage) error {
	threshold := a.Metric != "" || a.Attribute != ""
	ways := 0
	for _, has := range []bool{a.Text != "", given(a.NoSignal), threshold} {
		if has {
			ways++
		}
	}
	switch {
	case ways > 1:
		return refuse("a rule has one of text, nosignal and threshold fields (metric or attribute, op, value)")
	case a.Text != "":
		return a.fromText(r)
	case threshold:
		return a.fromThreshold(r)
	case given(a.NoSignal):
		return a.fromNoSignal(g, r)
	}
	return refuse("empty rule, missing text or nosignal %s", compact(body))
}

func compact(raw json.RawMessage) string {
	var b bytes.Buffer
	if json.Compact(&b, raw) != nil {
		return string(raw)
	}
	return b.String()
}

var startsAsEPL = regexp.MustCompile(`(?is)^\s*select\s`)

// fromText reads text: EPL or PromQL.
func (a *apiRule) fromText(r *Rule) error {
	if !utf8.ValidString(a.Text) {
		return refuse("text is no valid UTF-8")
	}
	if err := checkSize(a.Text); err != nil {
		return refuse("text: %v", err)
	}
	if !startsAsEPL.MatchString(a.Text) {
		if _, err := promQL.ParseExpr(a.Text); err != nil {
			return refuse("text is no PromQL expression (%v), and no EPL: %s", err, understood)
		}
		if err := checkType(a.Text); err != nil {
			return refuse("text: %v", err)
		}
		r.Expr = a.Text
		r.Annotations = model.LabelSet{"summary": model.LabelValue(r.Name + ": {{ $value }}")}
		return nil
	}
	e, err := parseEPL(a.Text)
	if err != nil {
		return refuse("EPL text: %v: %s", err, understood)
	}
	if e.ruleName != "" && e.ruleName != r.Name {
		return refuse("invalid name in EPL text, expecting %s", r.Name)
	}
	r.API.Attribute, r.API.Select = e.attribute, e.columns
	r.setThreshold(seriesOf(e.attribute, e.matchers), e.attribute, e.conditions)
	return nil
}
