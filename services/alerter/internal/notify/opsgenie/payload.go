package opsgenie

import (
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"unicode/utf16"

	"weir/services/alerter/internal/amconfig"
	"weir/services/alerter/internal/notify/notice"
	"weir/services/alerter/internal/notify/render"
)

// OpsGenie's limits, in characters, which we count as UTF-16 units: a vendor that
// counts code points takes those too. The alias has 64 of 512.
// https://docs.opsgenie.com/docs/alert-api#create-alert
const (
	maxMessage     = 130
	maxDescription = 15_000
	maxNote        = 25_000
	maxEntity      = 512
	maxSource      = 100
	maxTags        = 20
	maxTag         = 50
	maxActions     = 10
	maxAction      = 50
	maxResponders  = 50
	maxDetails     = 8_000 // of all keys and values together
)

// Alert is the body of a call that creates an alert.
type Alert struct {
	Alias       string            `json:"alias"`
	Message     string            `json:"message"`
	Description string            `json:"description,omitempty"`
	Details     map[string]string `json:"details"`
	Source      string            `json:"source"`
	Responders  []Responder       `json:"responders,omitempty"`
	Tags        []string          `json:"tags,omitempty"`
	Note        string            `json:"note,omitempty"`
	Priority    string            `json:"priority,omitempty"`
	Entity      string            `json:"entity,omitempty"`
	Actions     []string          `json:"actions,omitempty"`
}

// Responder is whom OpsGenie tells.
type Responder struct {
	ID       string `json:"id,omitempty"`
	Name     string `json:"name,omitempty"`
	Username string `json:"username,omitempty"`
	Type     string `json:"type"`
}

// Call is one call of OpsGenie's alert API.
type Call struct {
	Method string `json:"method"`
	Path   string `json:"path"` // from the API's address on, without a slash before it
	Body   any    `json:"body"`

	// GoneIsFine: there need be no such alert: somebody closed it, or it was never
	// open.
	GoneIsFine bool `json:"-"`
}

// Compose returns the calls that tell of a message, in their order. Its error is
// that of a template.
func Compose(c *amconfig.OpsGenie, p *render.Page, m *notice.Message) ([]Call, error) {
	alias, source := m.DedupKey(), render.UTF16(p.Text("source", c.Source), maxSource)
	if len(m.Firing) == 0 {
		body := map[string]string{"source": source}
		return []Call{{http.MethodPost, "v2/alerts/" + alias + "/close?identifierType=alias", body, true}}, p.Err()
	}
	a := &Alert{
		Alias:       alias,
		Message:     render.UTF16(p.Text("message", c.Message), maxMessage),
		Description: render.UTF16(p.Text("description", c.Description), maxDescription),
		Details:     details(c, p),
		Source:      source,
		Responders:  responders(c, p),
		Tags:        list(p.Text("tags", c.Tags), maxTags, maxTag),
		Note:        render.UTF16(p.Text("note", c.Note), maxNote),
		Priority:    priority(p.Text("priority", c.Priority)),
		Entity:      render.UTF16(p.Text("entity", c.Entity), maxEntity),
		Actions:     list(p.Text("actions", c.Actions), maxActions, maxAction),
	}
	calls := []Call{{Method: http.MethodPost, Path: "v2/alerts", Body: a}}
	if c.UpdateAlerts {
		path := "v2/alerts/" + alias
		calls = append(calls,
			Call{http.MethodPut, path + "/message?identifierType=alias", map[string]string{"message": a.Message}, true},
			Call{http.MethodPut, path + "/description?identifierType=alias", map[string]string{"description": a.Description}, true})
	}
	return calls, p.Err()
}

var priorities = regexp.MustCompile(`^P[1-5]$`)

// priority leaves out what OpsGenie would refuse the alert for.
func priority(text string) string {
	if text = strings.ToUpper(strings.TrimSpace(text)); priorities.MatchString(text) {
		return text
	}
	return ""
}

// list splits a text at its commas.
func list(text string, most, longest int) (items []string) {
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" && len(items) < most {
			items = append(items, render.UTF16(item, longest))
		}
	}
	return items
}

func responders(c *amconfig.OpsGenie, p *render.Page) (all []Responder) {
	for _, r := range c.Responders {
		one := Responder{
			ID: p.Text("responders.id", r.ID), Name: p.Text("responders.name", r.Name),
			Username: p.Text("responders.username", r.Username), Type: strings.ToLower(p.Text("responders.type", r.Type)),
		}
		switch {
		case one.ID == "" && one.Name == "" && one.Username == "": // a template that found nobody
		case one.Type == "teams":
			for _, team := range list(one.Name, maxResponders, 1000) {
				all = append(all, Responder{Name: team, Type: "team"})
			}
		default:
			all = append(all, one)
		}
	}
	return all[:min(len(all), maxResponders)]
}

// details are the common labels, and over them the configuration's. What does not
// fit is left out, the configuration's last.
func details(c *amconfig.OpsGenie, p *render.Page) map[string]string {
	all, room := map[string]string{}, maxDetails
	add := func(key, value string) {
		if value = render.UTF16(value, room-units(key)); value != "" && units(key) < room {
			all[key] = value
			room -= units(key) + units(value)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(c.Details)) {
		add(key, p.Text("details."+key, c.Details[key]))
	}
	for _, key := range slices.Sorted(maps.Keys(p.Data.CommonLabels)) {
		if _, given := c.Details[key]; !given {
			add(key, p.Data.CommonLabels[key])
		}
	}
	return all
}

// units is how many UTF-16 units a text has.
func units(s string) int { return len(utf16.Encode([]rune(s))) }
