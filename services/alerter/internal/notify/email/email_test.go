package email

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"image/png"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/devices/sinks"
	"weir/pkg/golden"
	"weir/services/alerter/internal/alert"
	"weir/services/alerter/internal/notify/notice"
	"weir/services/alerter/internal/notify/notifytest"
)

const bare = "  email_configs: [{to: 'Ops <ops@example.org>, b@example.org', from: weir@example.org, smarthost: 'mail.example.org:25'}]"

const everything = `  email_configs:
  - to: '{{ .CommonLabels.service }}@example.org'
    from: 'Weir at {{ .CommonLabels.subservice }} <weir@example.org>'
    smarthost: mail.example.org:25
    headers:
      subject: "{{ .CommonAnnotations.summary }}\nBcc: evil@example.org"
      X-Service: '{{ .CommonLabels.service }}'
    html: '<p>{{ .CommonAnnotations.summary }}</p><img src="cid:chart"><p>end</p>'
    text: '{{ .Status }}'
    threading: {enabled: true, thread_by_date: daily}
`

// printed is a mail as a golden file shows it.
func printed(m *Mail) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "from: %s\n", m.From)
	for _, to := range m.To {
		fmt.Fprintf(&b, "to: %s\n", to)
	}
	fmt.Fprintf(&b, "id: %s\ndate: %s\n", m.MessageID, m.Date.Format(time.RFC3339))
	for _, name := range slices.Sorted(maps.Keys(m.Headers)) {
		fmt.Fprintf(&b, "%s: %s\n", name, m.Headers[name])
	}
	fmt.Fprintf(&b, "chart: %d bytes\n-- text --\n%s\n-- html --\n%s\n", len(m.Chart), m.Text, m.HTML)
	return b.Bytes()
}

func TestMails(t *testing.T) {
	for _, row := range []struct {
		name, receiver, golden string
		message                *notice.Message
		chart                  []byte
	}{
		{"an alert fires, nothing configured", bare, "firing.txt", notifytest.Firing(), nil},
		{"an alert is resolved", bare, "resolved.txt", notifytest.Resolved(), nil},
		{"some alerts with a chart", bare, "many.txt", notifytest.Many(3), []byte("chart")},
		{"all keys", everything, "everything.txt", notifytest.Firing(), []byte("chart")},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := &notifytest.Receiver(t, "", row.receiver).Email[0]
			mail, err := Compose(c, notifytest.Templates(t).For(row.message), row.message, row.chart)
			if err != nil {
				t.Fatal(err)
			}
			golden.Check(t, row.golden, printed(mail))
		})
	}
}

func TestMailsOfAGroupAreOneConversation(t *testing.T) {
	compose := func(receiver string, m *notice.Message) *Mail {
		mail, err := Compose(&notifytest.Receiver(t, "", receiver).Email[0], notifytest.Templates(t).For(m), m, nil)
		if err != nil {
			t.Fatal(err)
		}
		return mail
	}
	first, second, other := notifytest.Firing(), notifytest.Resolved(), notifytest.Firing()
	second.ID, other.GroupKey = "another", "another"
	a, b, c := compose(bare, first), compose(bare, second), compose(bare, other)
	if a.Headers["References"] != b.Headers["References"] || a.Headers["References"] == c.Headers["References"] || a.MessageID == b.MessageID || a.MessageID != c.MessageID {
		t.Errorf("%s %v\n%s %v\n%s %v", a.MessageID, a.Headers, b.MessageID, b.Headers, c.MessageID, c.Headers)
	}
	off := compose("  email_configs: [{to: a@b.c, from: d@e.f, smarthost: 'g:25', threading: {enabled: false}}]", first)
	if off.Headers["References"] != "" {
		t.Errorf("threading is off: %v", off.Headers)
	}
}

// place is how a test reaches a mail server.
func place(t *testing.T, o sinks.MailOptions, keys string) (*sinks.MailServer, *Integration) {
	t.Helper()
	server, err := sinks.NewMailServer(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	receiver := fmt.Sprintf("  email_configs: [{to: 'Größe <ops@example.org>', from: weir@example.org, smarthost: '%s', %s}]", server.Addr, keys)
	i, err := New(&notifytest.Receiver(t, "", receiver).Email[0], notifytest.Templates(t), notifytest.Options().Environment)
	if err != nil {
		t.Fatal(err)
	}
	return server, i
}

// authority makes a certificate and the keys of a configuration that trusts it.
func authority(t *testing.T) (*tls.Config, string) {
	t.Helper()
	certificate, pem, err := sinks.NewCertificate()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem, 0o600); err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}, "tls_config: {ca_file: " + file + "}"
}

func TestAMailArrivesWhole(t *testing.T) {
	server, i := place(t, sinks.MailOptions{}, "require_tls: false, headers: {Reply-To: team@example.org}")
	m := notifytest.Firing()
	m.Firing[0].Annotations["summary"] = "Größe über 90 % 🔥"
	m.Chart = func(context.Context, *alert.Alert) (notice.Series, error) {
		return notice.Series{Name: "cpu", Times: []time.Time{notifytest.Began, notifytest.Began.Add(time.Minute), notifytest.Began.Add(time.Hour)}, Values: []float64{1, math.NaN(), 3}}, nil
	}
	if err := i.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	got := server.Mails()[0]
	if got.Fault != nil || got.From != "weir@example.org" || !slices.Equal(got.To, []string{"ops@example.org"}) || got.Subject != "[FIRING:1] NodeCPUHigh (factory critical node-1 /line1)" ||
		!strings.Contains(got.Text, "Größe über 90 % 🔥") || !strings.Contains(got.HTML, "Größe über 90 % 🔥") || !strings.Contains(got.HTML, `<img src="cid:chart"`) {
		t.Errorf("%+v\n%s", got.Fault, got.Raw)
	}
	var paths []string
	for _, p := range got.Parts {
		paths = append(paths, p.Path)
	}
	want := []string{"multipart/related > multipart/alternative > text/plain", "multipart/related > multipart/alternative > text/html", "multipart/related > image/png"}
	if !slices.Equal(paths, want) {
		t.Fatalf("parts %q", paths)
	}
	picture := got.Parts[2]
	if id := picture.Header.Get("Content-Id"); id != "<chart>" {
		t.Errorf("the picture's id is %q", id)
	}
	if _, err := png.Decode(bytes.NewReader(picture.Body)); err != nil {
		t.Error(err)
	}
	to, err := got.Header.AddressList("To")
	if err != nil || len(to) != 1 || to[0].Name != "Größe" || got.Header.Get("Reply-To") != "team@example.org" || got.Header.Get("Bcc") != "" ||
		got.Header.Get("References") == "" || got.Header.Get("Message-Id") != "<weir."+hash(m.ID)+"@example.org>" || got.Header.Get("Date") != "Sat, 21 Nov 2026 17:00:10 +0000" {
		t.Errorf("%v %v", err, got.Header)
	}
}

func TestAFailingChartCostsThePictureOnly(t *testing.T) {
	server, i := place(t, sinks.MailOptions{}, "require_tls: false")
	m := notifytest.Firing()
	m.Chart = func(context.Context, *alert.Alert) (notice.Series, error) {
		return notice.Series{}, errors.New("no history")
	}
	if err := i.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if got := server.Mails()[0]; strings.Contains(got.HTML, "cid:") {
		t.Errorf("%s", got.HTML)
	}
}

func TestWaysToReachAServer(t *testing.T) {
	encrypted, trust := authority(t)
	for _, row := range []struct {
		name, keys string
		options    sinks.MailOptions
		fault      string
	}{
		{"STARTTLS", trust, sinks.MailOptions{TLS: encrypted}, ""},
		{"TLS from the first byte on", trust + ", force_implicit_tls: true", sinks.MailOptions{TLS: encrypted, Implicit: true}, ""},
		{"a server without STARTTLS that must have it", trust, sinks.MailOptions{}, "STARTTLS"},
		{"a certificate that nobody trusts", "require_tls: true", sinks.MailOptions{TLS: encrypted}, "certificate"},
		{"PLAIN", trust + ", auth_username: weir, auth_password: '${TOKEN}'", sinks.MailOptions{TLS: encrypted, User: "weir", Password: "xoxb-1-secret", Mechanisms: []string{"PLAIN", "LOGIN"}}, ""},
		{"LOGIN", trust + ", auth_username: weir, auth_password: '${TOKEN}'", sinks.MailOptions{TLS: encrypted, User: "weir", Password: "xoxb-1-secret", Mechanisms: []string{"LOGIN"}}, ""},
		{"CRAM-MD5", "require_tls: false, auth_username: weir, auth_secret: '${TOKEN}'", sinks.MailOptions{User: "weir", Password: "xoxb-1-secret", Mechanisms: []string{"CRAM-MD5"}}, ""},
		{"a wrong password", trust + ", auth_username: weir, auth_password: geheim", sinks.MailOptions{TLS: encrypted, User: "weir", Password: "x", Mechanisms: []string{"PLAIN"}}, "SMTP AUTH failed"},
		{"no way to authenticate", trust + ", auth_username: weir, auth_password: geheim", sinks.MailOptions{TLS: encrypted, User: "weir", Password: "x", Mechanisms: []string{"CRAM-MD5"}}, "expected PLAIN or LOGIN"},
	} {
		t.Run(row.name, func(t *testing.T) {
			server, i := place(t, row.options, row.keys)
			err := i.Send(t.Context(), notifytest.Firing())
			if row.fault == "" {
				if err != nil || len(server.Mails()) != 1 {
					t.Fatalf("%v, %d mails", err, len(server.Mails()))
				}
				return
			}
			e := notifytest.Failed(t, err)
			if !strings.Contains(e.Error(), row.fault) || strings.Contains(e.Error(), "geheim") {
				t.Errorf("%+v: %v", *e, e)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	for _, row := range []struct {
		name    string
		failure sinks.MailFailure
		retry   bool
	}{
		{"a grey list is worth another try", sinks.MailFailure{Stage: "RCPT", Code: 451, Message: "try later"}, true},
		{"a recipient that is not there is final", sinks.MailFailure{Stage: "RCPT", Code: 550, Message: "no such user"}, false},
		{"a sender that may not is final", sinks.MailFailure{Stage: "MAIL", Code: 553, Message: "not you"}, false},
		{"a full disk is worth another try", sinks.MailFailure{Stage: "DATA", Code: 452, Message: "full"}, true},
		{"a mail that looks bad is final", sinks.MailFailure{Stage: "DATA", Code: 554, Message: "spam"}, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			server, i := place(t, sinks.MailOptions{}, "require_tls: false")
			server.FailNext(row.failure)
			e := notifytest.Failed(t, i.Send(t.Context(), notifytest.Firing()))
			if e.Retry != row.retry || e.Code != row.failure.Code || !strings.Contains(e.Error(), row.failure.Message) {
				t.Errorf("%+v: %v", *e, e)
			}
			if err := i.Send(t.Context(), notifytest.Firing()); err != nil || len(server.Mails()) != 1 {
				t.Errorf("the next: %v, %d mails", err, len(server.Mails()))
			}
		})
	}
}

func TestAServerThatHangsIsLeft(t *testing.T) {
	server, i := place(t, sinks.MailOptions{}, "require_tls: false")
	server.FailNext(sinks.MailFailure{Stage: "MAIL", Code: 451, Hang: true})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if e := notifytest.Failed(t, i.Send(ctx, notifytest.Firing())); !e.Retry || !errors.Is(e, context.DeadlineExceeded) {
		t.Errorf("%+v: %v", *e, e)
	}
}

func TestAServerThatIsNotThereIsTriedAgain(t *testing.T) {
	server, i := place(t, sinks.MailOptions{}, "require_tls: false")
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	if e := notifytest.Failed(t, i.Send(t.Context(), notifytest.Firing())); !e.Retry || e.Code != 0 {
		t.Errorf("%+v: %v", *e, e)
	}
}

func TestHeadersShowOtherAddressesThanTheEnvelope(t *testing.T) {
	server, i := place(t, sinks.MailOptions{}, "require_tls: false, headers: {From: 'Weir <noreply@example.org>', To: 'everybody@example.org, Größe <g@example.org>', Cc: c@example.org}")
	if err := i.Send(t.Context(), notifytest.Firing()); err != nil {
		t.Fatal(err)
	}
	got := server.Mails()[0]
	if got.From != "weir@example.org" || !slices.Equal(got.To, []string{"ops@example.org"}) {
		t.Errorf("the envelope is from %s to %s", got.From, got.To)
	}
	for name, want := range map[string]string{"From": `"Weir" <noreply@example.org>`, "To": "<everybody@example.org>, =?utf-8?q?Gr=C3=B6=C3=9Fe?= <g@example.org>", "Cc": "<c@example.org>"} {
		if got := got.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestAnAddressThatIsNoneIsFinal(t *testing.T) {
	for _, keys := range []string{"require_tls: false, headers: {Cc: nobody}", "require_tls: false, from: 'a@b.c, d@e.f'"} {
		receiver := "  email_configs: [{to: a@b.c, smarthost: '127.0.0.1:1', from: d@e.f, " + keys + "}]"
		if strings.Contains(keys, "from:") {
			receiver = "  email_configs: [{to: a@b.c, smarthost: '127.0.0.1:1', " + keys + "}]"
		}
		i, err := New(&notifytest.Receiver(t, "", receiver).Email[0], notifytest.Templates(t), notifytest.Options().Environment)
		if err != nil {
			t.Fatal(err)
		}
		if e := notifytest.Failed(t, i.Send(t.Context(), notifytest.Firing())); e.Retry {
			t.Errorf("%s: %+v: %v", keys, *e, e)
		}
	}
}
