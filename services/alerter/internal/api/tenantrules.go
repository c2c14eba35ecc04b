package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"weir/pkg/schema"
	"weir/services/alerter/internal/alert"
)

// MaxRules is how many rules a tenant may have. Each is kept in memory, evaluated
// and looked at by whoever lists them: they must not become so many that others
// wait. Those that are stored already go on, however many they are.
const MaxRules = 1000

// defaultRules is how many rules are listed when the client does not say.
const defaultRules = 1000

// ruleDocument is a rule as Perseo shows it: what was sent, and whose it is.
func ruleDocument(c *alert.RuleChange) map[string]json.RawMessage {
	d := map[string]json.RawMessage{}
	if err := json.Unmarshal(c.Body, &d); err != nil {
		panic(fmt.Sprintf("BUG: a stored rule that is no object: %v", err))
	}
	for key, value := range map[string]string{
		"_id": c.ID, "name": c.Name, "service": c.Tenant.Service, "subservice": servicePath(c.Tenant),
	} {
		d[key] = bytes.TrimSpace(encode(value))
	}
	return d
}

// listRules serves GET /rules: the tenant's rules by name.
func (a *api) listRules(c *call) answer {
	limit, err := uintParameter(c.Request, "limit", defaultRules)
	if err != nil {
		return fail(&problem{http.StatusBadRequest, err.Error()})
	}
	offset, err := uintParameter(c.Request, "offset", 0)
	if err != nil {
		return fail(&problem{http.StatusBadRequest, err.Error()})
	}
	var all []*alert.RuleChange
	a.Ledger.Read(func(s *alert.State) {
		for name, r := range s.Rules {
			if name.Tenant == c.tenant {
				all = append(all, r)
			}
		}
	})
	slices.SortFunc(all, func(a, b *alert.RuleChange) int { return strings.Compare(a.Name, b.Name) })
	total := len(all)
	all = all[min(offset, total):]
	all = all[:min(limit, len(all))]
	documents := make([]map[string]json.RawMessage, len(all))
	for i, r := range all {
		documents[i] = ruleDocument(r)
	}
	return answer{data: documents, count: &total}
}

func (a *api) findRule(t alert.Tenant, name string) (found *alert.RuleChange) {
	a.Ledger.Read(func(s *alert.State) { found = s.Rules[alert.RuleName{Tenant: t, Name: name}] })
	return found
}

// rulesOf returns how many rules a tenant has.
func (a *api) rulesOf(t alert.Tenant) (n int) {
	a.Ledger.Read(func(s *alert.State) {
		for name := range s.Rules {
			if name.Tenant == t {
				n++
			}
		}
	})
	return n
}

func notFound(name string) error { return &problem{http.StatusNotFound, "rule not found " + name} }

// getRule serves GET /rules/{name}.
func (a *api) getRule(c *call) answer {
	r := a.findRule(c.tenant, c.PathValue("name"))
	if r == nil {
		return fail(notFound(c.PathValue("name")))
	}
	return answer{data: ruleDocument(r)}
}

// createRule serves POST /rules. The answer's data is an array as Perseo has
// it; clients look at its error only.
func (a *api) createRule(c *call) answer {
	id, err := a.create(c)
	c.count(schema.RuleCreation, schema.OkRuleCreation, schema.FailedRuleCreation, err)
	if err != nil {
		return fail(err)
	}
	return answer{data: []any{false, []any{}, map[string]any{"acknowledged": true, "insertedId": id}, nil}}
}

func (a *api) create(c *call) (id string, err error) {
	r := &alert.RuleChange{Tenant: c.tenant, ID: a.NewID(), Body: c.body, UpdatedAt: a.Now()}
	if r.Name, err = a.checkRule(c.tenant, c.body); err != nil {
		return "", err
	}
	a.changing.Lock()
	defer a.changing.Unlock()
	if a.findRule(c.tenant, r.Name) != nil {
		return "", &problem{http.StatusBadRequest, "rule exists " + r.Name}
	}
	if n := a.rulesOf(c.tenant); n >= MaxRules {
		return "", &problem{http.StatusBadRequest, fmt.Sprintf("too many rules: the service path has %d, at most %d: delete one to create another", n, MaxRules)}
	}
	return r.ID, a.storeRule(c, r)
}

// checkRule returns the rule's name if the rule is good. A rule without an
// action is: it alerts, and its notices go by the routes.
func (a *api) checkRule(tenant alert.Tenant, body []byte) (name string, err error) {
	if _, err := a.ParseRule(tenant, body); err != nil {
		return "", &problem{http.StatusBadRequest, err.Error()}
	}
	var named struct {
		Name string `json:"name"`
	}
	if err := json.Unmarshal(body, &named); err != nil || named.Name == "" {
		return "", &problem{http.StatusBadRequest, "a rule must be an object with a name"}
	}
	return named.Name, nil
}

func (a *api) storeRule(c *call, r *alert.RuleChange) error {
	if err := a.Ledger.Append(c.Context(), alert.Event{At: r.UpdatedAt, Rule: r}); err != nil {
		return fmt.Errorf("store the rule: %w", err)
	}
	return nil
}

// updateRule serves PUT /rules/{name}: the body takes the rule's place. Its name
// is that of the path.
func (a *api) updateRule(c *call) answer {
	r, err := a.update(c)
	c.count(schema.RuleUpdate, schema.OkRuleUpdate, schema.FailedRuleUpdate, err)
	if err != nil {
		return fail(err)
	}
	return answer{data: ruleDocument(r)}
}

func (a *api) update(c *call) (*alert.RuleChange, error) {
	name := c.PathValue("name")
	a.changing.Lock()
	defer a.changing.Unlock()
	before := a.findRule(c.tenant, name)
	if before == nil {
		return nil, notFound(name)
	}
	body, err := renamed(c.body, name)
	if err != nil {
		return nil, err
	}
	if _, err := a.checkRule(c.tenant, body); err != nil {
		return nil, err
	}
	r := &alert.RuleChange{Tenant: c.tenant, Name: name, ID: before.ID, Body: body, UpdatedAt: a.Now()}
	return r, a.storeRule(c, r)
}

// renamed returns a rule's body with its name as it is in the path.
func renamed(body []byte, name string) ([]byte, error) {
	var d map[string]json.RawMessage
	if err := json.Unmarshal(body, &d); err != nil || d == nil {
		return nil, &problem{http.StatusBadRequest, "a rule must be an object"}
	}
	d["name"] = bytes.TrimSpace(encode(name))
	return bytes.TrimSpace(encode(d)), nil
}

// deleteRule serves DELETE /rules/{name}: a success whether or not there was
// such a rule.
func (a *api) deleteRule(c *call) answer {
	deleted, err := a.remove(c)
	c.count(schema.RuleDeletion, schema.OkRuleDeletion, schema.FailedRuleDeletion, err)
	if err != nil {
		return fail(err)
	}
	return answer{data: []any{[]any{}, map[string]any{"acknowledged": true, "deletedCount": deleted}}}
}

func (a *api) remove(c *call) (deleted int, err error) {
	a.changing.Lock()
	defer a.changing.Unlock()
	before := a.findRule(c.tenant, c.PathValue("name"))
	if before == nil {
		return 0, nil
	}
	gone := &alert.RuleChange{Tenant: c.tenant, Name: before.Name, ID: before.ID, Deleted: true, UpdatedAt: a.Now()}
	return 1, a.storeRule(c, gone)
}
