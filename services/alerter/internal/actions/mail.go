package actions

import (
	"context"
	"fmt"
	"net/mail"
	"slices"
	"strings"
	"time"

	"weir/services/alerter/internal/amconfig"
	"weir/services/alerter/internal/notify/email"
	"weir/services/alerter/internal/notify/secret"
)

// SMTP sends by the mail server that alertmanager.yml names for all. The zero
// SMTP has none, and sends nothing.
type SMTP struct {
	server *email.Server
	from   string
	now    func() time.Time
}

var _ Mailer = (*SMTP)(nil)

// NewSMTP returns the mailer of a section global. Its smtp_from stands for
// actions that do not say whom they are from.
func NewSMTP(g *amconfig.Global, environment secret.Environment, now func() time.Time) (*SMTP, error) {
	if g.SMTPSmarthost == (amconfig.HostPort{}) {
		return &SMTP{}, nil
	}
	server, err := email.NewServer(&amconfig.Email{
		Smarthost: g.SMTPSmarthost, Hello: g.SMTPHello,
		AuthUsername: g.SMTPAuthUsername, AuthIdentity: g.SMTPAuthIdentity,
		AuthPassword: g.SMTPAuthPassword, AuthPasswordFile: g.SMTPAuthPasswordFile,
		AuthSecret: g.SMTPAuthSecret, AuthSecretFile: g.SMTPAuthSecretFile,
		RequireTLS: &g.SMTPRequireTLS, TLSConfig: g.SMTPTLSConfig, ForceImplicitTLS: g.SMTPForceImplicitTLS,
	}, environment)
	if err != nil {
		return nil, fmt.Errorf("mail server for actions: %w", err)
	}
	return &SMTP{server, g.SMTPFrom, now}, nil
}

// Mail sends a mail. Its size is that of the texts within.
func (s *SMTP) Mail(ctx context.Context, m Mail) (size int, err error) {
	if s.server == nil {
		return 0, setup("there is no mail server: the global section of alertmanager.yml has no smtp_smarthost")
	}
	if m.From == "" {
		m.From = s.from
	}
	made, err := m.compose(s.now())
	if err != nil {
		return 0, err
	}
	return len(m.Subject) + len(m.Text) + len(m.HTML), s.server.Send(ctx, made)
}

// compose reads the addresses. What stands in bcc is in the envelope only.
func (m *Mail) compose(now time.Time) (*email.Mail, error) {
	lists := map[string][]*mail.Address{"from": nil, "to": nil, "cc": nil, "bcc": nil}
	for name, text := range map[string]string{"from": m.From, "to": m.To, "cc": m.CC, "bcc": m.BCC} {
		if text == "" && name != "from" && name != "to" {
			continue
		}
		list, err := mail.ParseAddressList(text)
		if err != nil {
			return nil, setup("the action's parameter %s: %q is no list of addresses: %w", name, text, err)
		}
		lists[name] = list
	}
	made := &email.Mail{
		From: lists["from"][0], To: slices.Concat(lists["to"], lists["cc"], lists["bcc"]), Date: now,
		Headers: map[string]string{"Subject": strings.Join(strings.Fields(m.Subject), " "), "To": m.To}, Text: m.Text, HTML: m.HTML,
	}
	if _, host, ok := strings.Cut(made.From.Address, "@"); ok && m.ID != "" {
		made.MessageID = "weir." + m.ID + "@" + host
	}
	if m.CC != "" {
		made.Headers["Cc"] = m.CC
	}
	return made, nil
}
