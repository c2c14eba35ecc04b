package actions

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"weir/services/alerter/internal/amconfig"
	"weir/services/alerter/internal/notify/notice"
)

// mailServer takes mails and remembers them.
type mailServer struct {
	mu   sync.Mutex
	to   []string
	data string
}

type mailSession struct{ *mailServer }

func (s *mailServer) NewSession(*smtp.Conn) (smtp.Session, error) { return mailSession{s}, nil }

func (s mailSession) Mail(string, *smtp.MailOptions) error { return nil }

func (s mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if strings.HasPrefix(to, "nobody") {
		return &smtp.SMTPError{Code: 550, Message: "no such user"}
	}
	s.to = append(s.to, to)
	return nil
}

func (s mailSession) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.data = string(b)
	return err
}

func (s mailSession) Reset()        {}
func (s mailSession) Logout() error { return nil }

func TestMailGoesByTheServerOfTheGlobalSection(t *testing.T) {
	taken := &mailServer{}
	server := smtp.NewServer(taken)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	global := amconfig.DefaultGlobal()
	global.SMTPSmarthost, global.SMTPRequireTLS, global.SMTPFrom = amconfig.HostPort{Host: "127.0.0.1", Port: port}, false, "cep@example.org"
	mailer, err := NewSMTP(&global, nil, func() time.Time { return noon })
	if err != nil {
		t.Fatal(err)
	}
	size, err := mailer.Mail(t.Context(), Mail{ID: "7", To: "Ops <ops@example.org>", CC: "boss@example.org", BCC: "spy@example.org", Subject: "hot\r\nBcc: x", Text: "31.5"})
	if err != nil || size != len("hot\r\nBcc: x31.5") {
		t.Fatalf("%d %v", size, err)
	}
	taken.mu.Lock()
	defer taken.mu.Unlock()
	if got := strings.Join(taken.to, " "); got != "ops@example.org boss@example.org spy@example.org" {
		t.Errorf("envelope: %s", got)
	}
	for _, want := range []string{"Subject: hot Bcc: x\r\n", "From: <cep@example.org>", `To: "Ops" <ops@example.org>`, "Cc: <boss@example.org>", "Message-ID: <weir.7@example.org>", "\r\n31.5"} {
		if !strings.Contains(taken.data, want) {
			t.Errorf("no %q in\n%s", want, taken.data)
		}
	}
	if strings.Contains(taken.data, "spy") {
		t.Errorf("a blind copy is shown:\n%s", taken.data)
	}
}

func TestMailThatCannotBeSentSaysWhy(t *testing.T) {
	none, err := NewSMTP(&amconfig.Global{}, nil, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := none.Mail(t.Context(), Mail{To: "a@b"}); err == nil || !strings.Contains(err.Error(), "no mail server") {
		t.Errorf("no mail server: %v", err)
	}
	if _, err := NewSMTP(&amconfig.Global{SMTPSmarthost: amconfig.HostPort{Host: "a", Port: "smtp"}}, nil, time.Now); err == nil {
		t.Error("a port of letters was taken")
	}
	for _, m := range []Mail{{From: "x", To: "a@b"}, {From: "a@b", To: "x y"}, {From: "a@b", To: "a@b", CC: ","}} {
		if _, err := m.compose(noon); err == nil || notice.Failure(err).Retry {
			t.Errorf("%+v: %v", m, err)
		}
	}
}
