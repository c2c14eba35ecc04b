package slack

import (
	"cmp"

	"github.com/google/uuid"

	"weir/services/alerter/internal/amconfig"
	"weir/services/alerter/internal/notify/notice"
	"weir/services/alerter/internal/notify/render"
)

// Slack's limits. Characters are code points.
const (
	// maxTitle: Slack's documentation names no limit; Alertmanager's notify/slack
	// keeps this one.
	maxTitle = 1024
	// maxText of a message: https://api.slack.com/changelog/2018-04-truncating-really-long-messages
	maxText = 40_000
	// maxAttachmentText: undocumented; what is longer is cut by Slack in silence.
	// https://github.com/ErikKalkoken/slackApiDoc/blob/master/message_limits.md
	maxAttachmentText = 8_000
	// maxFooter: https://api.slack.com/reference/messaging/attachments
	maxFooter = 300
	// maxFields: the documentation of attachments names none; that of a section,
	// which Slack turns fields into, allows 10 of at most 2,000 characters, but
	// attachments take more. This keeps a message readable.
	// https://api.slack.com/reference/block-kit/blocks#section
	maxFields     = 50
	maxFieldValue = 2_000
	// maxActions: "a maximum of 5 actions"
	// https://api.slack.com/legacy/message-buttons
	maxActions = 5
)

// Payload is the body of an incoming webhook or of chat.postMessage. There is
// always one attachment, where Slack takes 100.
type Payload struct {
	Channel     string       `json:"channel,omitempty"`
	ClientMsgID string       `json:"client_msg_id,omitempty"`
	Username    string       `json:"username,omitempty"`
	IconEmoji   string       `json:"icon_emoji,omitempty"`
	IconURL     string       `json:"icon_url,omitempty"`
	LinkNames   bool         `json:"link_names,omitempty"`
	Text        string       `json:"text,omitempty"`
	Attachments []Attachment `json:"attachments"`
}

// Attachment is the box with a coloured edge.
type Attachment struct {
	Title      string   `json:"title,omitempty"`
	TitleLink  string   `json:"title_link,omitempty"`
	Pretext    string   `json:"pretext,omitempty"`
	Text       string   `json:"text"`
	Fallback   string   `json:"fallback"`
	CallbackID string   `json:"callback_id"`
	Fields     []Field  `json:"fields,omitempty"`
	Actions    []Action `json:"actions,omitempty"`
	ImageURL   string   `json:"image_url,omitempty"`
	ThumbURL   string   `json:"thumb_url,omitempty"`
	Footer     string   `json:"footer"`
	Color      string   `json:"color,omitempty"`
	MrkdwnIn   []string `json:"mrkdwn_in,omitempty"`
}

// Field is a line of the attachment's table.
type Field struct {
	Title string `json:"title"`
	Value string `json:"value"`
	Short bool   `json:"short"`
}

// Action is a button.
type Action struct {
	Type    string   `json:"type"`
	Text    string   `json:"text"`
	URL     string   `json:"url,omitempty"`
	Style   string   `json:"style,omitempty"`
	Name    string   `json:"name,omitempty"`
	Value   string   `json:"value,omitempty"`
	Confirm *Confirm `json:"confirm,omitempty"`
}

// Confirm is the question that a button asks.
type Confirm struct {
	Text        string `json:"text"`
	Title       string `json:"title,omitempty"`
	OkText      string `json:"ok_text,omitempty"`
	DismissText string `json:"dismiss_text,omitempty"`
}

// Compose builds the payload of a message. Its error is that of a template.
func Compose(c *amconfig.Slack, p *render.Page, m *notice.Message) (*Payload, error) {
	payload := &Payload{
		Channel:     p.Text("channel", c.Channel),
		Username:    p.Text("username", c.Username),
		IconEmoji:   p.Text("icon_emoji", c.IconEmoji),
		IconURL:     p.Text("icon_url", c.IconURL),
		LinkNames:   c.LinkNames,
		Text:        render.Characters(p.Text("message_text", c.MessageText), maxText),
		Attachments: []Attachment{attachment(c, p)},
	}
	if usesToken(c) { // a webhook knows nothing of it
		payload.ClientMsgID = uuid.NewSHA1(uuid.NameSpaceURL, []byte("weir:notice:"+m.ID)).String()
	}
	return payload, p.Err()
}

func attachment(c *amconfig.Slack, p *render.Page) Attachment {
	a := Attachment{
		Title:      render.Characters(p.Text("title", c.Title), maxTitle),
		TitleLink:  p.Text("title_link", c.TitleLink),
		Pretext:    render.Characters(p.Text("pretext", c.Pretext), maxAttachmentText),
		Text:       render.Characters(p.Text("text", c.Text), maxAttachmentText),
		Fallback:   render.Characters(p.Text("fallback", c.Fallback), maxAttachmentText),
		CallbackID: p.Text("callback_id", c.CallbackID),
		ImageURL:   p.Text("image_url", c.ImageURL),
		ThumbURL:   p.Text("thumb_url", c.ThumbURL),
		Footer:     render.Characters(p.Text("footer", c.Footer), maxFooter),
		Color:      p.Text("color", c.Color),
		MrkdwnIn:   c.MrkdwnIn,
	}
	if len(a.MrkdwnIn) == 0 {
		a.MrkdwnIn = []string{"fallback", "pretext", "text"}
	}
	for _, f := range c.Fields[:min(len(c.Fields), maxFields)] {
		a.Fields = append(a.Fields, Field{
			Title: render.Characters(p.Text("fields.title", f.Title), maxTitle),
			Value: render.Characters(p.Text("fields.value", f.Value), maxFieldValue),
			Short: *cmp.Or(f.Short, &c.ShortFields),
		})
	}
	for _, b := range c.Actions[:min(len(c.Actions), maxActions)] {
		a.Actions = append(a.Actions, action(b, p))
	}
	return a
}

func action(b amconfig.SlackAction, p *render.Page) Action {
	a := Action{
		Type: p.Text("actions.type", b.Type), Text: p.Text("actions.text", b.Text), URL: p.Text("actions.url", b.URL),
		Style: p.Text("actions.style", b.Style), Name: p.Text("actions.name", b.Name), Value: p.Text("actions.value", b.Value),
	}
	if q := b.Confirm; q != nil {
		a.Confirm = &Confirm{
			Text: p.Text("actions.confirm.text", q.Text), Title: p.Text("actions.confirm.title", q.Title),
			OkText: p.Text("actions.confirm.ok_text", q.OkText), DismissText: p.Text("actions.confirm.dismiss_text", q.DismissText),
		}
	}
	return a
}
