package email

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/mail"
	"strings"
	"time"

	"weir/services/alerter/internal/amconfig"
	"weir/services/alerter/internal/notify/notice"
	"weir/services/alerter/internal/notify/render"
)

// chartID is how HTML refers to the picture: <img src="cid:chart">.
const chartID = "chart"

// Mail is a mail, before it has any form.
type Mail struct {
	From      *mail.Address
	To        []*mail.Address
	MessageID string // without angle brackets
	Date      time.Time
	Headers   map[string]string // by canonical name: Subject, and others than those above
	Text      string            // "" for none
	HTML      string            // "" for none
	Chart     []byte            // a PNG that HTML refers to as cid:chart, nil for none
}

// Compose builds the mail of a message. The chart, nil for none, is put where the
// HTML refers to it, else at its end. Its error is that of a template or of an
// address.
func Compose(c *amconfig.Email, p *render.Page, m *notice.Message, chart []byte) (*Mail, error) {
	from, to := p.Text("from", c.From), p.Text("to", c.To)
	made := &Mail{
		Date: m.Now, Headers: map[string]string{"Subject": p.Text("headers.Subject", `{{ template "email.default.subject" . }}`)},
		Text: p.Text("text", c.Text), HTML: p.HTML("html", c.HTML),
	}
	for name, value := range c.Headers {
		made.Headers[name] = oneLine(p.Text("headers."+name, value))
	}
	made.Headers["Subject"] = oneLine(made.Headers["Subject"])
	if err := p.Err(); err != nil {
		return nil, err
	}
	if err := made.address(from, to); err != nil {
		return nil, err
	}
	_, host, _ := strings.Cut(made.From.Address, "@")
	made.MessageID = "weir." + hash(m.ID) + "@" + host
	if c.Threading != nil && c.Threading.Enabled {
		// No mail has this ID: it is the root that mail readers put the group's
		// mails under.
		root := "<weir.group." + hash(m.GroupKey+day(c.Threading, m.Now)) + "@" + host + ">"
		made.Headers["References"], made.Headers["In-Reply-To"] = root, root
	}
	if chart != nil && made.HTML != "" {
		made.Chart, made.HTML = chart, withChart(made.HTML)
	}
	return made, nil
}

// address reads the addresses. The headers From and To, if there are any, are
// what is shown; the envelope keeps to the configuration's from and to.
func (m *Mail) address(from, to string) error {
	senders, err := mail.ParseAddressList(from)
	if err != nil || len(senders) != 1 {
		return notice.Permanent("from %q: expected one address", from)
	}
	m.From = senders[0]
	if m.To, err = mail.ParseAddressList(to); err != nil {
		return notice.Permanent("to %q: expected addresses: %w", to, err)
	}
	return nil
}

func day(t *amconfig.Threading, now time.Time) string {
	if t.ThreadByDate == "daily" {
		return now.UTC().Format(" 2006-01-02")
	}
	return ""
}

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:16])
}

// oneLine keeps a header from becoming two.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

func withChart(html string) string {
	if strings.Contains(html, "cid:"+chartID) {
		return html
	}
	picture := fmt.Sprintf("<p><img src=\"cid:%s\" alt=\"the series of the first alert\"></p>\n", chartID)
	if i := strings.LastIndex(strings.ToLower(html), "</body>"); i >= 0 {
		return html[:i] + picture + html[i:]
	}
	return html + picture
}
