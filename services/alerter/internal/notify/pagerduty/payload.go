package pagerduty

import (
	"weir/services/alerter/internal/amconfig"
	"weir/services/alerter/internal/notify/notice"
	"weir/services/alerter/internal/notify/render"
)

// PagerDuty's limits.
const (
	// maxSummary, in characters: https://developer.pagerduty.com/docs/events-api-v2/trigger-events/
	maxSummary = 1024
	// maxEvent, in bytes ("Events API payloads are limited to 512 KB", read as Alertmanager does):
	// https://developer.pagerduty.com/docs/events-api-v2/overview/#size-limits
	maxEvent = 512_000
)

// tooLarge stands in for details that do not fit; Alertmanager's words.
const tooLarge = "Custom details have been removed because the original event exceeds the maximum size of 512KB"

// Event is an alert event of the Events API version 2.
// https://developer.pagerduty.com/docs/events-api-v2/trigger-events/
type Event struct {
	RoutingKey  string  `json:"routing_key"`
	EventAction string  `json:"event_action"` // trigger, resolve
	DedupKey    string  `json:"dedup_key"`
	Client      string  `json:"client,omitempty"`
	ClientURL   string  `json:"client_url,omitempty"`
	Payload     Payload `json:"payload"`
	Images      []Image `json:"images,omitempty"`
	Links       []Link  `json:"links,omitempty"`
}

// Payload is the part in PagerDuty's common event format.
type Payload struct {
	Summary       string         `json:"summary"`
	Source        string         `json:"source"`
	Severity      string         `json:"severity"` // critical, error, warning, info
	Class         string         `json:"class,omitempty"`
	Component     string         `json:"component,omitempty"`
	Group         string         `json:"group,omitempty"`
	CustomDetails map[string]any `json:"custom_details,omitempty"`
}

// Image is a picture.
type Image struct {
	Src  string `json:"src"`
	Alt  string `json:"alt"`
	Href string `json:"href"`
}

// Link is a link.
type Link struct {
	Href string `json:"href"`
	Text string `json:"text"`
}

// Compose builds the event of a message. Its error is that of a template.
func Compose(c *amconfig.PagerDuty, p *render.Page, m *notice.Message, routingKey string) (*Event, error) {
	e := &Event{
		RoutingKey: p.Text("routing_key", routingKey), EventAction: "trigger", DedupKey: m.DedupKey(),
		Client: p.Text("client", c.Client), ClientURL: p.Text("client_url", c.ClientURL),
		Payload: Payload{
			Summary:       render.Characters(p.Text("description", c.Description), maxSummary),
			Source:        p.Text("source", c.Source),
			Severity:      severity(c, p),
			Class:         p.Text("class", c.Class),
			Component:     p.Text("component", c.Component),
			Group:         p.Text("group", c.Group),
			CustomDetails: details(c, p),
		},
	}
	if len(m.Firing) == 0 {
		e.EventAction = "resolve"
	}
	for _, i := range c.Images {
		image := Image{Src: p.Text("images.src", i.Src), Alt: p.Text("images.alt", i.Alt), Href: p.Text("images.href", i.Href)}
		if image.Src != "" {
			e.Images = append(e.Images, image)
		}
	}
	for _, l := range c.Links {
		link := Link{Href: p.Text("links.href", l.Href), Text: p.Text("links.text", l.Text)}
		if link.Href != "" {
			e.Links = append(e.Links, link)
		}
	}
	if err := p.Err(); err != nil {
		return nil, err
	}
	if e.RoutingKey == "" {
		return nil, notice.Permanent("the routing key is empty")
	}
	return e, nil
}

// severity is one of the four that PagerDuty takes: it refuses events with
// another. What the configuration leaves open, the alerts' labels say.
func severity(c *amconfig.PagerDuty, p *render.Page) string {
	word := p.Text("severity", c.Severity)
	if c.Severity == "" {
		word = render.Severity(p.Data)
	}
	if s := render.ParseSeverity(word); s != "" {
		return s
	}
	return render.Error
}

func details(c *amconfig.PagerDuty, p *render.Page) map[string]any {
	d := make(map[string]any, len(c.Details))
	for key, value := range c.Details {
		d[key] = p.Tree("details."+key, value)
	}
	return d
}

// Encode returns the event as JSON, without its details if it is too large with
// them, as Alertmanager does. An event that is too large even so is an error.
func (e *Event) Encode() ([]byte, error) {
	body, err := render.JSON(e)
	if err != nil || len(body) <= maxEvent {
		return body, err
	}
	small := *e
	small.Payload.CustomDetails = map[string]any{"error": tooLarge}
	if body, err = render.JSON(small); err == nil && len(body) > maxEvent {
		return nil, notice.Permanent("the event has %d bytes without its details: PagerDuty takes %d", len(body), maxEvent)
	}
	return body, err
}
