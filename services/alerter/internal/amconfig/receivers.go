package amconfig

import (
	"fmt"
	"net/textproto"
	"slices"
	"strings"
	"time"

	commonconfig "github.com/prometheus/common/config"

	"weir/pkg/strictyaml"
)

// HTTPConfig says how to make HTTP requests: Alertmanager's http_config, whole.
type HTTPConfig = commonconfig.HTTPClientConfig

// TLSConfig is Alertmanager's tls_config.
type TLSConfig = commonconfig.TLSConfig

// Receiver is whom to notify. A receiver without integrations is shown by the
// log and the dashboard only.
//
// Each of its integrations begins as SetDefaults says, is then read strictly, and
// then says with Validate what is wrong with it. After that SetDirectory and
// Complete of the receiver make it ready for use.
type Receiver struct {
	strictyaml.At
	Name      string            `yaml:"name"`
	Labels    map[string]string `yaml:"labels,omitempty"`
	Slack     []Slack           `yaml:"slack_configs,omitempty"`
	Email     []Email           `yaml:"email_configs,omitempty"`
	PagerDuty []PagerDuty       `yaml:"pagerduty_configs,omitempty"`
	OpsGenie  []OpsGenie        `yaml:"opsgenie_configs,omitempty"`
	Webhook   []Webhook         `yaml:"webhook_configs,omitempty"`
}

// Slack is one of slack_configs. Exactly one of APIURL, APIURLFile, AppToken and
// AppTokenFile is set after Complete, unless HTTPConfig brings a token for an
// APIURL of chat.postMessage.
type Slack struct {
	strictyaml.At
	SendResolved bool        `yaml:"send_resolved"`
	HTTPConfig   *HTTPConfig `yaml:"http_config,omitempty"`

	APIURL       SecretURL `yaml:"api_url,omitempty"`        // an incoming webhook's
	APIURLFile   string    `yaml:"api_url_file,omitempty"`   //
	AppToken     Secret    `yaml:"app_token,omitempty"`      // a bot's, for AppURL
	AppTokenFile string    `yaml:"app_token_file,omitempty"` //
	AppURL       URL       `yaml:"app_url,omitempty"`        // chat.postMessage

	Channel     string        `yaml:"channel,omitempty"`
	Username    string        `yaml:"username,omitempty"`
	Color       string        `yaml:"color,omitempty"`
	Title       string        `yaml:"title,omitempty"`
	TitleLink   string        `yaml:"title_link,omitempty"`
	Pretext     string        `yaml:"pretext,omitempty"`
	Text        string        `yaml:"text,omitempty"`
	MessageText string        `yaml:"message_text,omitempty"`
	Fields      []SlackField  `yaml:"fields,omitempty"`
	ShortFields bool          `yaml:"short_fields"`
	Footer      string        `yaml:"footer,omitempty"`
	Fallback    string        `yaml:"fallback,omitempty"`
	CallbackID  string        `yaml:"callback_id,omitempty"`
	IconEmoji   string        `yaml:"icon_emoji,omitempty"`
	IconURL     string        `yaml:"icon_url,omitempty"`
	ImageURL    string        `yaml:"image_url,omitempty"`
	ThumbURL    string        `yaml:"thumb_url,omitempty"`
	LinkNames   bool          `yaml:"link_names"`
	MrkdwnIn    []string      `yaml:"mrkdwn_in,omitempty"`
	Actions     []SlackAction `yaml:"actions,omitempty"`
	Timeout     time.Duration `yaml:"timeout"` // 0: none of its own
}

// SlackField is a line of a table in a message. Short nil means ShortFields.
type SlackField struct {
	Title string `yaml:"title"`
	Value string `yaml:"value"`
	Short *bool  `yaml:"short,omitempty"`
}

// SlackAction is a button below a message.
type SlackAction struct {
	Type    string        `yaml:"type"`
	Text    string        `yaml:"text"`
	URL     string        `yaml:"url,omitempty"`
	Style   string        `yaml:"style,omitempty"`
	Name    string        `yaml:"name,omitempty"`
	Value   string        `yaml:"value,omitempty"`
	Confirm *SlackConfirm `yaml:"confirm,omitempty"`
}

// SlackConfirm is the question that a button asks.
type SlackConfirm struct {
	Text        string `yaml:"text"`
	Title       string `yaml:"title,omitempty"`
	OkText      string `yaml:"ok_text,omitempty"`
	DismissText string `yaml:"dismiss_text,omitempty"`
}

// Email is one of email_configs. RequireTLS is set after Complete.
type Email struct {
	strictyaml.At
	SendResolved     bool              `yaml:"send_resolved"`
	To               string            `yaml:"to"`
	From             string            `yaml:"from,omitempty"`
	Hello            string            `yaml:"hello,omitempty"`
	Smarthost        HostPort          `yaml:"smarthost,omitempty"`
	AuthUsername     string            `yaml:"auth_username,omitempty"`
	AuthPassword     Secret            `yaml:"auth_password,omitempty"` // PLAIN and LOGIN
	AuthPasswordFile string            `yaml:"auth_password_file,omitempty"`
	AuthSecret       Secret            `yaml:"auth_secret,omitempty"` // CRAM-MD5
	AuthSecretFile   string            `yaml:"auth_secret_file,omitempty"`
	AuthIdentity     string            `yaml:"auth_identity,omitempty"`
	Headers          map[string]string `yaml:"headers,omitempty"` // by canonical name
	HTML             string            `yaml:"html,omitempty"`
	Text             string            `yaml:"text,omitempty"` // unlike Alertmanager's, not empty by default
	RequireTLS       *bool             `yaml:"require_tls,omitempty"`
	TLSConfig        *TLSConfig        `yaml:"tls_config,omitempty"`
	ForceImplicitTLS *bool             `yaml:"force_implicit_tls,omitempty"` // nil: on port 465
	Threading        *Threading        `yaml:"threading,omitempty"`          // nil: on, whatever the day, unless Headers say where it belongs
}

// Threading says whether the mails of a group are shown as one conversation, and
// whether each day begins another.
type Threading struct {
	Enabled      bool   `yaml:"enabled"`
	ThreadByDate string `yaml:"thread_by_date,omitempty"` // none, daily
}

// PagerDuty is one of pagerduty_configs, of the Events API version 2.
type PagerDuty struct {
	SendResolved   bool             `yaml:"send_resolved"`
	HTTPConfig     *HTTPConfig      `yaml:"http_config,omitempty"`
	RoutingKey     Secret           `yaml:"routing_key,omitempty"`
	RoutingKeyFile string           `yaml:"routing_key_file,omitempty"`
	URL            URL              `yaml:"url,omitempty"`
	Client         string           `yaml:"client,omitempty"`
	ClientURL      string           `yaml:"client_url,omitempty"`
	Description    string           `yaml:"description,omitempty"`
	Details        map[string]any   `yaml:"details,omitempty"`
	Images         []PagerDutyImage `yaml:"images,omitempty"`
	Links          []PagerDutyLink  `yaml:"links,omitempty"`
	Source         string           `yaml:"source,omitempty"`   // "": Client
	Severity       string           `yaml:"severity,omitempty"` // "": as the label severity says
	Class          string           `yaml:"class,omitempty"`
	Component      string           `yaml:"component,omitempty"`
	Group          string           `yaml:"group,omitempty"`
	Timeout        time.Duration    `yaml:"timeout"`
}

// PagerDutyImage is a picture of an event.
type PagerDutyImage struct {
	Src  string `yaml:"src,omitempty"`
	Alt  string `yaml:"alt,omitempty"`
	Href string `yaml:"href,omitempty"`
}

// PagerDutyLink is a link of an event.
type PagerDutyLink struct {
	Href string `yaml:"href,omitempty"`
	Text string `yaml:"text,omitempty"`
}

// OpsGenie is one of opsgenie_configs. APIURL ends in "/" after Complete; Jira
// Service Management takes the same calls at an address of its own.
type OpsGenie struct {
	strictyaml.At
	SendResolved bool                `yaml:"send_resolved"`
	HTTPConfig   *HTTPConfig         `yaml:"http_config,omitempty"`
	APIKey       Secret              `yaml:"api_key,omitempty"`
	APIKeyFile   string              `yaml:"api_key_file,omitempty"`
	APIURL       URL                 `yaml:"api_url,omitempty"`
	Message      string              `yaml:"message,omitempty"`
	Description  string              `yaml:"description,omitempty"`
	Source       string              `yaml:"source,omitempty"`
	Details      map[string]string   `yaml:"details,omitempty"`
	Entity       string              `yaml:"entity,omitempty"`
	Responders   []OpsGenieResponder `yaml:"responders,omitempty"`
	Actions      string              `yaml:"actions,omitempty"`
	Tags         string              `yaml:"tags,omitempty"`
	Note         string              `yaml:"note,omitempty"`
	Priority     string              `yaml:"priority,omitempty"`
	UpdateAlerts bool                `yaml:"update_alerts,omitempty"`
}

// OpsGenieResponder is whom OpsGenie tells, by one of ID, Name and Username.
type OpsGenieResponder struct {
	ID       string `yaml:"id,omitempty"`
	Name     string `yaml:"name,omitempty"`
	Username string `yaml:"username,omitempty"`
	Type     string `yaml:"type"` // team, teams (Name lists them), user, escalation, schedule, or a template
}

// Webhook is one of webhook_configs.
type Webhook struct {
	SendResolved bool          `yaml:"send_resolved"`
	HTTPConfig   *HTTPConfig   `yaml:"http_config,omitempty"`
	URL          Secret        `yaml:"url,omitempty"` // may be a template
	URLFile      string        `yaml:"url_file,omitempty"`
	MaxAlerts    uint64        `yaml:"max_alerts"` // 0: all
	Timeout      time.Duration `yaml:"timeout"`
	Payload      any           `yaml:"payload,omitempty"` // sent instead of Alertmanager's; texts in it are templates
}

// Validate lists what is wrong with the receiver alone.
func (r *Receiver) Validate() []string { return missing("name", r.Name) }

// SetDefaults makes it what it is when nothing is given.
func (s *Slack) SetDefaults() {
	*s = Slack{
		Color:      `{{ template "slack.default.color" . }}`,
		Username:   `{{ template "slack.default.username" . }}`,
		Title:      `{{ template "slack.default.title" . }}`,
		TitleLink:  `{{ template "slack.default.titlelink" . }}`,
		IconEmoji:  `{{ template "slack.default.iconemoji" . }}`,
		IconURL:    `{{ template "slack.default.iconurl" . }}`,
		Pretext:    `{{ template "slack.default.pretext" . }}`,
		Text:       `{{ template "slack.default.text" . }}`,
		Fallback:   `{{ template "slack.default.fallback" . }}`,
		CallbackID: `{{ template "slack.default.callbackid" . }}`,
		Footer:     `{{ template "slack.default.footer" . }}`,
	}
}

// Validate fills in what follows from what was given, and lists what is wrong.
func (s *Slack) Validate() []string {
	return slices.Concat(
		both("api_url", s.APIURL.Secret != "", "api_url_file", s.APIURLFile != ""),
		both("app_token", s.AppToken != "", "app_token_file", s.AppTokenFile != ""),
		both("api_url or api_url_file", s.APIURL.Secret != "" || s.APIURLFile != "", "app_token or app_token_file", s.AppToken != "" || s.AppTokenFile != ""),
		s.fieldFaults(), s.actionFaults(),
	)
}

func (s *Slack) fieldFaults() (found []string) {
	for i, f := range s.Fields {
		found = append(found, missing(fmt.Sprintf("fields[%d].title", i), f.Title)...)
		found = append(found, missing(fmt.Sprintf("fields[%d].value", i), f.Value)...)
	}
	return found
}

func (s *Slack) actionFaults() (found []string) {
	for i := range s.Actions {
		a, at := &s.Actions[i], fmt.Sprintf("actions[%d]", i)
		found = append(found, missing(at+".type", a.Type)...)
		found = append(found, missing(at+".text", a.Text)...)
		if a.URL == "" && a.Name == "" {
			found = append(found, at+": name or url is missing")
		}
		if a.URL != "" { // a link asks nothing and sends nothing
			a.Name, a.Value, a.Confirm = "", "", nil
		}
		if a.Confirm != nil {
			found = append(found, missing(at+".confirm.text", a.Confirm.Text)...)
		}
	}
	return found
}

// SetDefaults makes it what it is when nothing is given.
func (e *Email) SetDefaults() {
	*e = Email{HTML: `{{ template "email.default.html" . }}`, Text: `{{ template "email.default.text" . }}`}
}

// Validate fills in what follows from what was given, and lists what is wrong.
func (e *Email) Validate() []string {
	found := slices.Concat(missing("to", e.To),
		both("auth_password", e.AuthPassword != "", "auth_password_file", e.AuthPasswordFile != ""),
		both("auth_secret", e.AuthSecret != "", "auth_secret_file", e.AuthSecretFile != ""))
	headers := make(map[string]string, len(e.Headers))
	for name, value := range e.Headers {
		canonical := textproto.CanonicalMIMEHeaderKey(name)
		if _, twice := headers[canonical]; twice {
			found = append(found, "headers: "+canonical+" is given twice")
		}
		headers[canonical] = value
	}
	e.Headers = headers
	return append(found, e.threadingFaults()...)
}

func (e *Email) threadingFaults() (found []string) {
	_, references := e.Headers["References"]
	_, reply := e.Headers["In-Reply-To"]
	if e.Threading == nil {
		e.Threading = &Threading{Enabled: !references && !reply, ThreadByDate: "none"}
	}
	if !e.Threading.Enabled {
		return nil
	}
	if references || reply {
		found = append(found, "threading: not together with a header References or In-Reply-To")
	}
	if !slices.Contains([]string{"none", "daily"}, e.Threading.ThreadByDate) {
		found = append(found, fmt.Sprintf("threading.thread_by_date %q: expected none or daily", e.Threading.ThreadByDate))
	}
	return found
}

// SetDefaults makes it what it is when nothing is given.
func (p *PagerDuty) SetDefaults() {
	*p = PagerDuty{
		SendResolved: true,
		Description:  `{{ template "pagerduty.default.description" .}}`,
		Client:       `{{ template "pagerduty.default.client" . }}`,
		ClientURL:    `{{ template "pagerduty.default.clientURL" . }}`,
	}
}

// Validate fills in what follows from what was given, and lists what is wrong.
func (p *PagerDuty) Validate() []string {
	if p.Source == "" {
		p.Source = p.Client
	}
	if p.Details == nil {
		p.Details = map[string]any{}
	}
	for key, value := range map[string]any{
		"firing":       `{{ .Alerts.Firing | toJson }}`,
		"resolved":     `{{ .Alerts.Resolved | toJson }}`,
		"num_firing":   `{{ .Alerts.Firing | len }}`,
		"num_resolved": `{{ .Alerts.Resolved | len }}`,
	} {
		if _, given := p.Details[key]; !given {
			p.Details[key] = value
		}
	}
	found := both("routing_key", p.RoutingKey != "", "routing_key_file", p.RoutingKeyFile != "")
	if p.RoutingKey == "" && p.RoutingKeyFile == "" {
		found = append(found, "routing_key or routing_key_file is missing")
	}
	return found
}

var responderTypes = []string{"team", "teams", "user", "escalation", "schedule"}

// SetDefaults makes it what it is when nothing is given.
func (o *OpsGenie) SetDefaults() {
	*o = OpsGenie{
		SendResolved: true,
		Message:      `{{ template "opsgenie.default.message" . }}`,
		Description:  `{{ template "opsgenie.default.description" . }}`,
		Source:       `{{ template "opsgenie.default.source" . }}`,
	}
}

// Validate fills in what follows from what was given, and lists what is wrong.
func (o *OpsGenie) Validate() []string {
	found := both("api_key", o.APIKey != "", "api_key_file", o.APIKeyFile != "")
	for i := range o.Responders {
		r := &o.Responders[i]
		if r.ID == "" && r.Username == "" && r.Name == "" {
			found = append(found, fmt.Sprintf("responders[%d]: id, username or name is missing", i))
		}
		if strings.Contains(r.Type, "{{") {
			continue
		}
		if r.Type = strings.ToLower(r.Type); !slices.Contains(responderTypes, r.Type) {
			found = append(found, fmt.Sprintf("responders[%d].type %q: expected one of %s", i, r.Type, strings.Join(responderTypes, ", ")))
		}
	}
	return found
}

// SetDefaults makes it what it is when nothing is given.
func (w *Webhook) SetDefaults() {
	*w = Webhook{SendResolved: true}
}

// Validate fills in what follows from what was given, and lists what is wrong.
func (w *Webhook) Validate() []string {
	found := slices.Concat(templateAddress("url", string(w.URL)), both("url", w.URL != "", "url_file", w.URLFile != ""))
	if w.URL == "" && w.URLFile == "" {
		found = append(found, "url or url_file is missing")
	}
	return found
}

func missing(key, value string) []string {
	if value == "" {
		return []string{key + " is missing"}
	}
	return nil
}

func both(a string, hasA bool, b string, hasB bool) []string {
	if hasA && hasB {
		return []string{"at most one of " + a + " and " + b + " may be given"}
	}
	return nil
}

// templateAddress checks an address of HTTP, unless it is a template or a
// variable of the environment, which are known only later. It does not quote it:
// it is secret.
func templateAddress(key, value string) []string {
	if _, later := variable(value); later || value == "" || strings.Contains(value, "{{") {
		return nil
	}
	if _, err := parseURL(value); err != nil {
		return []string{key + " " + err.Error()}
	}
	return nil
}
