package email

import (
	"bytes"
	"fmt"
	"net/mail"
	"strings"

	gomail "github.com/wneessen/go-mail"

	"weir/services/alerter/internal/notify/notice"
)

// message gives the mail its form: text and HTML as alternatives, the chart
// related to the HTML.
func (m *Mail) message() (*gomail.Msg, error) {
	message := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	message.EnvelopeFromMailAddress(m.From)
	message.FromMailAddress(m.From)
	message.BccMailAddress(m.To...) // the envelope's; the header To is a text of its own
	message.SetGenHeaderPreformatted(gomail.Header("To"), written(m.To))
	if m.MessageID != "" {
		message.SetMessageIDWithValue(m.MessageID)
	}
	if !m.Date.IsZero() {
		message.SetDateWithValue(m.Date)
	}
	for name, value := range m.Headers {
		if err := setHeader(message, name, value); err != nil {
			return nil, err
		}
	}
	m.body(message)
	if m.Chart == nil {
		return message, nil
	}
	err := message.EmbedReader("chart.png", bytes.NewReader(m.Chart),
		gomail.WithFileContentID("<"+chartID+">"), gomail.WithFileContentType("image/png"))
	if err != nil {
		return nil, fmt.Errorf("embed the chart: %w", err)
	}
	return message, nil
}

func (m *Mail) body(message *gomail.Msg) {
	switch {
	case m.Text != "" && m.HTML != "":
		message.SetBodyString(gomail.TypeTextPlain, m.Text)
		message.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	case m.HTML != "":
		message.SetBodyString(gomail.TypeTextHTML, m.HTML)
	default:
		message.SetBodyString(gomail.TypeTextPlain, m.Text)
	}
}

// setHeader sets a header. From, To and Cc are what is shown only: the envelope
// is none of their business.
func setHeader(message *gomail.Msg, name, value string) error {
	switch name {
	case "Subject":
		message.Subject(value)
	case "Message-Id":
		message.SetMessageIDWithValue(strings.Trim(value, "<>"))
	case "References", "In-Reply-To":
		message.SetGenHeaderPreformatted(gomail.Header(name), value)
	case "From", "To", "Cc":
		shown, err := mail.ParseAddressList(value)
		if err != nil {
			return notice.Permanent("header %s %q: expected addresses: %w", name, value, err)
		}
		if name == "From" {
			message.FromMailAddress(shown[0])
			return nil
		}
		message.SetGenHeaderPreformatted(gomail.Header(name), written(shown))
	default:
		message.SetGenHeader(gomail.Header(name), value)
	}
	return nil
}

// written are addresses as a header has them, a line for each.
func written(addresses []*mail.Address) string {
	texts := make([]string, len(addresses))
	for i, a := range addresses {
		texts[i] = a.String()
	}
	return strings.Join(texts, ",\r\n ")
}
