package actions

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// email sends the template, or the parameter html, by SMTP.
func (s *sender) email(ctx context.Context, j *job) (exchange, error) {
	to, err := j.need("to")
	if err != nil {
		return exchange{}, err
	}
	m := Mail{
		ID: j.id, From: j.parameter("from"), To: to, CC: j.parameter("cc"), BCC: j.parameter("bcc"),
		Subject: j.parameter("subject"), HTML: j.parameter("html"),
	}
	if m.HTML == "" {
		m.Text = expand(j.Template, j.event)
	}
	size, err := s.mailer.Mail(ctx, m)
	return exchange{sent: size}, err
}

// sms posts the template to the SMS gateway. The numbers to send to are split at
// blanks.
//
//	{"to": ["tel:+34600123456"], "message": "…", "from": "tel:22012"}
func (s *sender) sms(ctx context.Context, j *job) (exchange, error) {
	if s.SMSURL == "" {
		return exchange{}, setup("there is no SMS gateway: its address is not set")
	}
	to, err := j.need("to")
	if err != nil {
		return exchange{}, err
	}
	numbers := strings.Fields(to)
	for i, n := range numbers {
		if !strings.HasPrefix(n, "tel:") {
			numbers[i] = "tel:" + n
		}
	}
	h := http.Header{}
	// Not canonical: that is how the gateway's interface writes them.
	if s.SMSAPIKey != "" {
		h["API_KEY"] = []string{s.SMSAPIKey}
	}
	if s.SMSAPISecret != "" {
		h["API_SECRET"] = []string{s.SMSAPISecret}
	}
	return s.postJSON(ctx, s.SMSURL, h, struct {
		To      []string `json:"to"`
		Message string   `json:"message"`
		From    string   `json:"from,omitempty"`
	}{numbers, expand(j.Template, j.event), s.SMSFrom})
}

// post sends a request: the parameter json, or the template as its body.
func (s *sender) post(ctx context.Context, j *job) (exchange, error) {
	address, err := j.need("url")
	if err != nil {
		return exchange{}, err
	}
	if address, err = withQuery(address, j.texts("qs")); err != nil {
		return exchange{}, err
	}
	method := strings.ToUpper(j.parameter("method"))
	if method == "" {
		method = http.MethodPost
	}
	h := j.tenantHeader()
	body := []byte(expand(j.Template, j.event))
	if v, ok := j.Parameters["json"]; ok {
		if body, err = encodeJSON(expandValue(v, j.event)); err != nil {
			return exchange{}, setup("write the request: %w", err)
		}
		h.Set("Content-Type", "application/json")
	}
	for name, value := range j.texts("headers") {
		h.Set(name, value)
	}
	return s.request(ctx, method, address, h, body)
}

// texts returns a parameter that is an object, expanded, its values as texts.
func (j *job) texts(name string) map[string]string {
	all := map[string]string{}
	object, _ := j.Parameters[name].(map[string]any)
	for key, value := range object {
		all[expand(key, j.event)] = expand(text(value), j.event)
	}
	return all
}

func withQuery(address string, query map[string]string) (string, error) {
	if len(query) == 0 {
		return address, nil
	}
	u, err := url.Parse(address)
	if err != nil {
		return "", setup("the parameter url is no address")
	}
	q := u.Query()
	for name, value := range query {
		q.Set(name, value)
	}
	u.RawQuery = q.Encode()
	return u.String(), nil
}

// update changes an entity at the context broker (NGSIv2):
//
//	{"actionType": "append", "entities": [{"id": …, "type": …, "abnormal": {"value": true, "type": "Boolean"}}]}
func (s *sender) update(ctx context.Context, j *job) (exchange, error) {
	if s.ContextBrokerURL == "" {
		return exchange{}, setup("there is no context broker: its address is not set")
	}
	entity, err := j.entity()
	if err != nil {
		return exchange{}, err
	}
	kind := j.parameter("actionType")
	if kind == "" {
		kind = "append"
	}
	return s.postJSON(ctx, strings.TrimSuffix(s.ContextBrokerURL, "/")+"/v2/op/update", j.tenantHeader(), struct {
		ActionType string           `json:"actionType"`
		Entities   []map[string]any `json:"entities"`
	}{kind, []map[string]any{entity}})
}

// unsupportedUpdate are parameters that would make an update mean another one.
var unsupportedUpdate = []string{"filter", "trust"}

func (j *job) entity() (map[string]any, error) {
	for _, name := range unsupportedUpdate {
		if j.Parameters[name] != nil {
			return nil, setup("the action's parameter %s is not supported", name)
		}
	}
	entity := map[string]any{"id": expand("${id}", j.event)}
	if j.event["type"] != nil {
		entity["type"] = j.event.Text("type")
	}
	for _, name := range []string{"id", "type"} {
		if v := j.parameter(name); v != "" {
			entity[name] = v
		}
	}
	attributes, _ := j.Parameters["attributes"].([]any)
	if len(attributes) == 0 {
		return nil, setup("the action's parameter attributes is missing")
	}
	for _, v := range attributes {
		a, _ := v.(map[string]any)
		name, _ := a["name"].(string)
		if name == "" {
			return nil, setup("an attribute without a name: %s", text(v))
		}
		entity[expand(name, j.event)] = attribute(a, j.event)
	}
	return entity, nil
}

// attribute returns an attribute's value, in the form that its type asks for.
func attribute(a map[string]any, e Event) map[string]any {
	kind, _ := a["type"].(string)
	kind = expand(kind, e)
	value := expandValue(a["value"], e)
	template, isText := a["value"].(string)
	switch kind {
	case "None":
		value = nil
	case "Text", "String":
		if isText && value != nil {
			value = expand(template, e)
		}
	case "Number", "Boolean":
		if isText && value != nil {
			value = cast(expand(template, e))
		}
	case "DateTime":
		if isText && value != nil {
			value = dateTime(expand(template, e))
		}
	}
	if kind == "" {
		return map[string]any{"value": value}
	}
	return map[string]any{"type": kind, "value": value}
}

// dateTime makes a time of milliseconds; what is none stays as it is.
func dateTime(s string) string {
	ms, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return s
	}
	return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z07:00")
}

// tweet updates a status with the template.
func (s *sender) tweet(ctx context.Context, j *job) (exchange, error) {
	keys := s.Twitter
	for name, key := range map[string]*string{
		"consumer_key": &keys.ConsumerKey, "consumer_secret": &keys.ConsumerSecret,
		"access_token_key": &keys.Token, "access_token_secret": &keys.TokenSecret,
	} {
		if v := j.parameter(name); v != "" {
			*key = v
		}
	}
	if keys.ConsumerKey == "" || keys.ConsumerSecret == "" || keys.Token == "" || keys.TokenSecret == "" {
		return exchange{}, setup("the keys for Twitter are neither set nor among the action's parameters")
	}
	address := s.TwitterURL
	if address == "" {
		address = DefaultTwitterURL
	}
	form := url.Values{"status": {expand(j.Template, j.event)}}
	authorization, err := keys.authorization(http.MethodPost, address, form, rand.Text(), s.now())
	if err != nil {
		return exchange{}, setup("sign the request: %w", err)
	}
	h := http.Header{}
	h.Set("Authorization", authorization)
	h.Set("Content-Type", "application/x-www-form-urlencoded")
	x, err := s.request(ctx, http.MethodPost, address, h, []byte(form.Encode()))
	if err != nil {
		return x, fmt.Errorf("update the status: %w", err)
	}
	return x, nil
}
