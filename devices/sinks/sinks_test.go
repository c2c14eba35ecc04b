package sinks

import (
	"context"
	"io"
	"net/http"
	"net/smtp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	s, err := Serve(h)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s.URL
}

func post(t *testing.T, url, body string, header ...string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

func TestVendorsAnswerAsTheyDo(t *testing.T) {
	slack, pager, genie, hook := serve(t, NewSlack()), serve(t, NewPagerDuty()), serve(t, NewOpsGenie()), serve(t, NewWebhook())
	key := strings.Repeat("k", 32)
	for _, row := range []struct {
		name, url, body string
		header          []string
		status          int
		text            string
	}{
		{"a webhook of Slack's", slack + "/services/x", `{"text":"a"}`, nil, 200, "ok"},
		{"a message without anything", slack + "/services/x", `{}`, nil, 400, "no_text"},
		{"what is no JSON", slack, `text`, nil, 400, "invalid_payload"},
		{"a bot", slack + ChatPostMessage, `{"text":"a","channel":"c"}`, []string{"Authorization", "Bearer t"}, 200, `"ok":true`},
		{"a bot without a token", slack + ChatPostMessage, `{"text":"a","channel":"c"}`, nil, 200, "not_authed"},
		{"a bot without a channel", slack + ChatPostMessage, `{"text":"a"}`, []string{"Authorization", "Bearer t"}, 200, "channel_not_found"},
		{"an event", pager, `{"routing_key":"` + key + `","event_action":"trigger","dedup_key":"d","payload":{"summary":"s","source":"x","severity":"info"}}`, nil, 202, `"dedup_key":"d"`},
		{"an event of no severity", pager, `{"routing_key":"` + key + `","event_action":"trigger","payload":{"summary":"s","source":"x","severity":"odd"}}`, nil, 400, "payload.severity"},
		{"a resolve of nothing", pager, `{"routing_key":"` + key + `","event_action":"resolve"}`, nil, 400, "dedup_key"},
		{"a short key", pager, `{"routing_key":"k","event_action":"resolve","dedup_key":"d"}`, nil, 400, "32 characters"},
		{"an alert", genie + "/v2/alerts", `{"message":"m"}`, []string{"Authorization", "GenieKey k"}, 202, "processed"},
		{"an alert without a key", genie + "/v2/alerts", `{"message":"m"}`, nil, 401, "authenticate"},
		{"an alert that is too long", genie + "/v2/alerts", `{"message":"` + strings.Repeat("m", 131) + `"}`, []string{"Authorization", "GenieKey k"}, 422, "errors"},
		{"a close", genie + "/a/v2/alerts/x/close", `{}`, []string{"Authorization", "GenieKey k"}, 202, "processed"},
		{"a path that is not there", genie + "/v1", `{}`, []string{"Authorization", "GenieKey k"}, 404, ""},
		{"a webhook", hook, `x`, nil, 200, ""},
	} {
		if status, text := post(t, row.url, row.body, row.header...); status != row.status || !strings.Contains(text, row.text) {
			t.Errorf("%s: %d %q, want %d %q", row.name, status, text, row.status, row.text)
		}
	}
}

func TestFailures(t *testing.T) {
	sink := NewWebhook()
	url := serve(t, sink)
	sink.FailNext(Failure{}, Failure{Status: 429, RetryAfter: "1"}, Failure{Drop: true}, Failure{Drop: true, Lost: true})
	for _, want := range []int{500, 429, 0, 0, 200} {
		if status, _ := post(t, url, "x"); status != want {
			t.Errorf("status %d, want %d", status, want)
		}
	}
	sink.FailWhen(func(r Request) *Failure {
		if string(r.Body) == "bad" {
			return &Failure{Status: 503}
		}
		return nil
	})
	if status, _ := post(t, url, "bad"); status != 503 {
		t.Errorf("status %d", status)
	}
	if status, _ := post(t, url, "good"); status != 200 {
		t.Errorf("status %d", status)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	taken, err := sink.Wait(ctx, AtLeast(3)) // with the one whose answer was lost
	if err != nil || len(taken) != 3 || len(sink.Requests()) != 7 {
		t.Errorf("%d taken of %d, %v", len(taken), len(sink.Requests()), err)
	}
	over, end := context.WithCancel(ctx)
	end()
	if _, err := sink.Wait(over, AtLeast(9)); err == nil {
		t.Error("waiting for what never comes ended well")
	}
	if sink.Reset(); len(sink.Requests()) != 0 {
		t.Error("something is left after Reset")
	}
}

func TestMailsAreTakenAndRefused(t *testing.T) {
	server, err := NewMailServer(MailOptions{User: "u", Password: "p", Mechanisms: []string{"PLAIN"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	send := func(auth smtp.Auth) error {
		return smtp.SendMail(server.Addr, auth, "a@b.c", []string{"d@e.f"}, []byte("Subject: =?utf-8?q?=C3=A4?=\r\n\r\nhello\r\n"))
	}
	auth := smtp.PlainAuth("", "u", "p", "127.0.0.1")
	if err := send(smtp.PlainAuth("", "u", "wrong", "127.0.0.1")); err == nil {
		t.Error("a wrong password was taken")
	}
	if err := send(auth); err != nil {
		t.Fatal(err)
	}
	server.FailNext(MailFailure{Stage: "RCPT", Code: 450, Message: "later"})
	if err := send(auth); err == nil || !strings.HasPrefix(err.Error(), "450") {
		t.Errorf("%v", err)
	}
	server.FailWhen(func() *MailFailure { return &MailFailure{Code: 554, Message: "no"} })
	if err := send(auth); err == nil || !strings.HasPrefix(err.Error(), "554") {
		t.Errorf("%v", err)
	}
	mails, err := server.Wait(t.Context(), 1)
	if err != nil || len(mails) != 1 || mails[0].Subject != "ä" || mails[0].Text != "hello" || mails[0].From != "a@b.c" {
		t.Errorf("%+v, %v", mails, err)
	}
}
