package sinks

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// MailOptions says what kind of mail server a sink is.
type MailOptions struct {
	TLS            *tls.Config // with it: STARTTLS, or Implicit
	Implicit       bool        // TLS from the first byte on
	User, Password string      // "" takes everybody
	Mechanisms     []string    // PLAIN, LOGIN, CRAM-MD5; needs User
}

// MailFailure is a mail server's refusal.
type MailFailure struct {
	Stage   string // "MAIL", "RCPT", "DATA"
	Code    int    // 4xx or 5xx
	Message string
	Hang    bool // no answer until the server is closed
}

// MailServer is a sink for mails.
type MailServer struct {
	Addr string // host:port

	options  MailOptions
	server   *smtp.Server
	listener net.Listener
	closed   chan struct{}
	ending   sync.Once

	mu      sync.Mutex
	mails   []Mail
	changed chan struct{}
	planned []MailFailure
	decide  func() *MailFailure
}

// NewMailServer listens at a free port of this machine.
func NewMailServer(o MailOptions) (*MailServer, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for mails: %w", err)
	}
	m := &MailServer{Addr: listener.Addr().String(), options: o, changed: make(chan struct{}), closed: make(chan struct{})}
	m.server = smtp.NewServer(m)
	m.server.Domain = "localhost"
	m.server.AllowInsecureAuth = true
	m.server.EnableSMTPUTF8 = true
	m.server.ReadTimeout, m.server.WriteTimeout = time.Minute, time.Minute
	m.server.TLSConfig = o.TLS
	if o.Implicit {
		m.server.TLSConfig, listener = nil, tls.NewListener(listener, o.TLS)
	}
	m.server.ErrorLog = log.New(io.Discard, "", 0)
	m.listener = listener
	go func() { _ = m.server.Serve(listener) }()
	return m, nil
}

// Close ends the server and all its connections.
func (m *MailServer) Close() error {
	m.ending.Do(func() { close(m.closed) })
	_ = m.listener.Close() // which the server may not know yet
	if err := m.server.Close(); err != nil && !errors.Is(err, smtp.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("close a mail server: %w", err)
	}
	return nil
}

// FailNext makes the next steps of their stages fail.
func (m *MailServer) FailNext(failures ...MailFailure) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.planned = append(m.planned, failures...)
}

// FailWhen decides for each mail, when its data begin, if no failure is planned
// for it; nil means never.
func (m *MailServer) FailWhen(decide func() *MailFailure) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.decide = decide
}

// Mails returns the mails that were taken.
func (m *MailServer) Mails() []Mail {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.mails)
}

// Wait waits until there are at least n mails, and returns them.
func (m *MailServer) Wait(ctx context.Context, n int) ([]Mail, error) {
	for {
		m.mu.Lock()
		changed := m.changed
		m.mu.Unlock()
		if mails := m.Mails(); len(mails) >= n {
			return mails, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return m.Mails(), fmt.Errorf("wait for %d mails: %w; there are %d", n, context.Cause(ctx), len(m.Mails()))
		}
	}
}

// NewSession begins a client's session.
func (m *MailServer) NewSession(*smtp.Conn) (smtp.Session, error) {
	s := &session{server: m}
	if m.options.User != "" {
		return &authSession{session: s}, nil
	}
	return s, nil
}

// fail returns the error of a stage, nil for none.
func (m *MailServer) fail(stage string) error {
	m.mu.Lock()
	var f *MailFailure
	if len(m.planned) > 0 && m.planned[0].Stage == stage {
		f = &m.planned[0]
		m.planned = m.planned[1:]
	} else if stage == "DATA" && len(m.planned) == 0 && m.decide != nil {
		f = m.decide()
	}
	m.mu.Unlock()
	if f == nil {
		return nil
	}
	if f.Hang {
		<-m.closed
	}
	return &smtp.SMTPError{Code: f.Code, EnhancedCode: smtp.NoEnhancedCode, Message: f.Message}
}

func (m *MailServer) take(mail Mail) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mails = append(m.mails, mail)
	close(m.changed)
	m.changed = make(chan struct{})
}

// session is a client's session with a server that wants nobody's name.
type session struct {
	server *MailServer
	from   string
	to     []string
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.from = from
	return s.server.fail("MAIL")
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = append(s.to, to)
	return s.server.fail("RCPT")
}

func (s *session) Data(r io.Reader) error {
	if err := s.server.fail("DATA"); err != nil {
		return err
	}
	data, err := io.ReadAll(r)
	if err != nil {
		return fmt.Errorf("read a mail: %w", err)
	}
	s.server.take(readMail(s.from, s.to, data))
	return nil
}

func (s *session) Reset()        { s.from, s.to = "", nil }
func (s *session) Logout() error { return nil }

// authSession is a session with a server that wants a name and a password.
type authSession struct {
	*session
	known bool
}

// Mail refuses those who did not say who they are.
func (s *authSession) Mail(from string, o *smtp.MailOptions) error {
	if !s.known {
		return &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "Authentication required"}
	}
	return s.session.Mail(from, o)
}

// AuthMechanisms returns what the server offers.
func (s *authSession) AuthMechanisms() []string { return s.server.options.Mechanisms }

// Auth begins an authentication.
func (s *authSession) Auth(mechanism string) (sasl.Server, error) {
	check := func(user, password string) error {
		o := s.server.options
		if user != o.User || password != o.Password {
			return smtp.ErrAuthFailed
		}
		s.known = true
		return nil
	}
	switch mechanism {
	case sasl.Plain:
		return sasl.NewPlainServer(func(_, user, password string) error { return check(user, password) }), nil
	case sasl.Login:
		return &loginServer{check: check}, nil
	case "CRAM-MD5":
		return &cramServer{user: s.server.options.User, secret: s.server.options.Password, known: &s.known}, nil
	}
	return nil, smtp.ErrAuthUnknownMechanism
}

var _ smtp.AuthSession = (*authSession)(nil)

func lines(data []byte) string {
	return strings.ReplaceAll(string(bytes.TrimSpace(data)), "\r\n", "\n")
}
