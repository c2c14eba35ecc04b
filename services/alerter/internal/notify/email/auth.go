package email

import (
	"errors"
	"fmt"
	"slices"

	"github.com/wneessen/go-mail/smtp"

	"weir/services/alerter/internal/notify/secret"
)

// credentials are what a mail server may ask for: a password for PLAIN and LOGIN,
// a secret for CRAM-MD5.
type credentials struct {
	user, identity   string
	password, secret secret.Source
}

// mechanism is a way to authenticate, chosen when the server has said which ones
// it knows.
type mechanism struct {
	user, identity, password, secret string
	chosen                           smtp.Auth
}

func (c *credentials) read() (*mechanism, error) {
	password, err := c.password.Read()
	if err != nil {
		return nil, err
	}
	key, err := c.secret.Read()
	if err != nil {
		return nil, err
	}
	if password == "" && key == "" {
		return nil, errors.New("auth_username is set, but neither auth_password nor auth_secret")
	}
	return &mechanism{user: c.user, identity: c.identity, password: password, secret: key}, nil
}

// Start chooses CRAM-MD5 if there is a secret for it, else PLAIN, else LOGIN.
// PLAIN and LOGIN are refused where they could be overheard.
func (m *mechanism) Start(server *smtp.ServerInfo) (string, []byte, error) {
	offers := func(name string) bool { return slices.Contains(server.Auth, name) }
	switch {
	case m.secret != "" && offers("CRAM-MD5"):
		m.chosen = smtp.CRAMMD5Auth(m.user, m.secret)
	case m.password != "" && offers("PLAIN"):
		m.chosen = smtp.PlainAuth(m.identity, m.user, m.password, server.Name, false)
	case m.password != "" && offers("LOGIN"):
		m.chosen = smtp.LoginAuth(m.user, m.password, server.Name, false)
	default:
		return "", nil, fmt.Errorf("the server offers %q to authenticate: expected PLAIN or LOGIN for auth_password, CRAM-MD5 for auth_secret", server.Auth)
	}
	return m.chosen.Start(server)
}

// Next answers the server.
func (m *mechanism) Next(fromServer []byte, more bool) ([]byte, error) {
	return m.chosen.Next(fromServer, more)
}
