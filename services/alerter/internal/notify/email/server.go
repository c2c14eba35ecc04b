package email

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"strconv"
	"time"

	commonconfig "github.com/prometheus/common/config"
	gomail "github.com/wneessen/go-mail"

	"weir/services/alerter/internal/amconfig"
	"weir/services/alerter/internal/notify/notice"
	"weir/services/alerter/internal/notify/secret"
)

// patience is how long a mail server may take for one command, if the context
// does not end before.
const patience = time.Minute

// Server sends mails by one mail server. It is safe for concurrent use: each mail
// has a connection of its own.
type Server struct {
	host, hello string
	port        int
	implicit    bool
	startTLS    bool
	tls         *commonconfig.TLSConfig
	credentials credentials
}

// NewServer returns the server of a configuration that is complete.
func NewServer(c *amconfig.Email, environment secret.Environment) (*Server, error) {
	port, err := strconv.ParseUint(c.Smarthost.Port, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("smarthost %s: expected a port of digits", c.Smarthost)
	}
	s := &Server{
		host: c.Smarthost.Host, port: int(port), hello: c.Hello, tls: c.TLSConfig,
		implicit: port == 465, startTLS: c.RequireTLS == nil || *c.RequireTLS,
		credentials: credentials{
			user: c.AuthUsername, identity: c.AuthIdentity,
			password: secret.Source{Inline: c.AuthPassword, File: c.AuthPasswordFile, Environment: environment},
			secret:   secret.Source{Inline: c.AuthSecret, File: c.AuthSecretFile, Environment: environment},
		},
	}
	if c.ForceImplicitTLS != nil {
		s.implicit = *c.ForceImplicitTLS
	}
	if s.tls == nil {
		s.tls = &commonconfig.TLSConfig{}
	}
	return s, errors.Join(s.credentials.password.Check(), s.credentials.secret.Check())
}

// Send sends a mail. Nil means that the mail server has taken it. The error is an
// *notice.Error.
func (s *Server) Send(ctx context.Context, m *Mail) error {
	message, err := m.message()
	if err != nil {
		return notice.Failure(err)
	}
	attempt, cancel := context.WithCancel(ctx)
	defer cancel() // closes the connection, which go-mail leaves open when it fails early
	client, err := s.client(attempt)
	if err != nil {
		return notice.Failure(err)
	}
	err = client.DialAndSendWithContext(attempt, message)
	if err == nil || message.IsDelivered() { // what went wrong after the server took it is no matter
		return nil
	}
	return s.failure(ctx, err)
}

func (s *Server) client(ctx context.Context) (*gomail.Client, error) {
	config, err := commonconfig.NewTLSConfig(s.tls)
	if err != nil {
		return nil, fmt.Errorf("tls_config: %w", err)
	}
	if config.ServerName == "" {
		config.ServerName = s.host
	}
	options := []gomail.Option{
		gomail.WithPort(s.port), gomail.WithTimeout(patience), gomail.WithTLSConfig(config), gomail.WithoutNoop(),
		gomail.WithTLSPolicy(gomail.NoTLS), gomail.WithDialContextFunc(s.dial(ctx, config)),
	}
	if s.startTLS && !s.implicit {
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	if s.hello != "" {
		options = append(options, gomail.WithHELO(s.hello))
	}
	if s.credentials.user != "" {
		auth, err := s.credentials.read()
		if err != nil {
			return nil, err
		}
		options = append(options, gomail.WithSMTPAuthCustom(auth))
	}
	return gomail.NewClient(s.host, options...)
}

// dial connects, with TLS at once if that is wanted. The end of the context ends
// the connection, which go-mail itself heeds while it connects only.
func (s *Server) dial(ctx context.Context, config *tls.Config) gomail.DialContextFunc {
	return func(dialing context.Context, network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(dialing, network, address)
		if err != nil {
			return nil, err
		}
		context.AfterFunc(ctx, func() { _ = conn.Close() })
		if !s.implicit {
			return conn, nil
		}
		secured := tls.Client(conn, config)
		if err := secured.HandshakeContext(dialing); err != nil {
			_ = conn.Close()
			return nil, err
		}
		return secured, nil
	}
}

// failure says what came of an error of go-mail's.
func (s *Server) failure(ctx context.Context, err error) *notice.Error {
	code := 0
	var protocol *textproto.Error
	var send *gomail.SendError
	switch {
	case errors.As(err, &protocol):
		code = protocol.Code
	case errors.As(err, &send):
		code, err = send.ErrorCode(), send // without what went wrong while it said good-bye
	}
	if ctx.Err() != nil {
		err = fmt.Errorf("%w: %w", context.Cause(ctx), err)
	}
	e := notice.Temporary("send a mail by %s: %w", net.JoinHostPort(s.host, strconv.Itoa(s.port)), err)
	e.Code, e.Retry = code, code/100 != 5
	return e
}
