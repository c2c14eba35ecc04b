package httpsend_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"weir/devices/sinks"
	"weir/services/alerter/internal/amconfig"
	"weir/services/alerter/internal/notify/httpsend"
	"weir/services/alerter/internal/notify/notifytest"
)

func client(t *testing.T, keys string) *httpsend.Client {
	t.Helper()
	c := notifytest.Receiver(t, "", "  webhook_configs: [{url: 'http://example.org', http_config: {"+keys+"}}]").Webhook[0].HTTPConfig
	made, err := httpsend.New(c, nil, notifytest.Options())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(made.Close)
	return made
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 21, 17, 0, 0, 0, time.UTC)
	for header, want := range map[string]time.Duration{
		"": 0, "soon": 0, "-3": 0, "0": 0, "90": 90 * time.Second, "Sat, 21 Nov 2026 17:02:00 GMT": 2 * time.Minute,
		"Sat, 21 Nov 2026 16:00:00 GMT": 0, "999999": time.Hour, "99999999999999": 0,
	} {
		if got := httpsend.RetryAfter(header, now); got != want {
			t.Errorf("RetryAfter(%q) = %v, want %v", header, got, want)
		}
	}
}

func TestADateInRetryAfterIsHeeded(t *testing.T) {
	sink := sinks.NewWebhook()
	sink.FailNext(sinks.Failure{Status: 429, RetryAfter: time.Now().Add(10 * time.Minute).UTC().Format(http.TimeFormat)})
	answer, err := client(t, "").Do(t.Context(), httpsend.Request{URL: notifytest.Serve(t, sink)})
	if err != nil {
		t.Fatal(err)
	}
	if e := answer.Refused(); !e.Retry || e.After < 9*time.Minute || e.After > 10*time.Minute {
		t.Errorf("%+v", *e)
	}
}

func TestWaysToBeAuthorized(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("from-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for keys, want := range map[string]string{
		"":                                    "",
		"bearer_token: '${TOKEN}'":            "Bearer xoxb-1-secret",
		"bearer_token_file: " + file:          "Bearer from-file",
		"authorization: {credentials: plain}": "Bearer plain",
		"authorization: {type: Key, credentials: '${TOKEN}'}":    "Key xoxb-1-secret",
		"authorization: {credentials_file: " + file + "}":        "Bearer from-file",
		"basic_auth: {username: a, password_file: " + file + "}": "Basic YTpmcm9tLWZpbGU=",
	} {
		sink := sinks.NewWebhook()
		if _, err := client(t, keys).Do(t.Context(), httpsend.Request{URL: notifytest.Serve(t, sink)}); err != nil {
			t.Fatal(err)
		}
		if got := sink.Taken()[0].Header.Get("Authorization"); got != want {
			t.Errorf("%s: %q, want %q", keys, got, want)
		}
	}
}

func TestAMissingVariableIsAnError(t *testing.T) {
	c := notifytest.Receiver(t, "", "  webhook_configs: [{url: 'http://example.org', http_config: {bearer_token: '${NOBODY}'}}]").Webhook[0].HTTPConfig
	if _, err := httpsend.New(c, nil, notifytest.Options()); err == nil || !strings.Contains(err.Error(), "NOBODY") {
		t.Errorf("%v", err)
	}
	if c.BearerToken != "${NOBODY}" && c.Authorization == nil {
		t.Errorf("the configuration was changed: %+v", c)
	}
}

func TestNetworkErrorsAreTriedAgainAndShowNoAddress(t *testing.T) {
	// Each has a sink of its own: one that is not asked in time must not hang with the
	// next one's request.
	failing := func(f sinks.Failure) string {
		sink := sinks.NewWebhook()
		sink.FailNext(f)
		return notifytest.Serve(t, sink)
	}
	for name, row := range map[string]struct {
		url     string
		timeout time.Duration // 0: none
	}{
		"the connection breaks": {failing(sinks.Failure{Drop: true}), 0},
		"no answer":             {failing(sinks.Failure{Hang: true}), 30 * time.Millisecond},
		"nobody listens":        {"http://127.0.0.1:1", 0},
		"no such host":          {"http://nobody.invalid", 0},
	} {
		ctx := t.Context()
		if row.timeout > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, row.timeout)
			defer cancel()
		}
		_, err := client(t, "").Do(ctx, httpsend.Request{URL: row.url + "/geheim/path?token=geheim"})
		e := notifytest.Failed(t, err)
		if !e.Retry || e.Code != 0 || strings.Contains(e.Error(), "geheim") {
			t.Errorf("%s: %+v: %v", name, *e, e)
		}
		if row.timeout > 0 && !errors.Is(e, context.DeadlineExceeded) {
			t.Errorf("%s: %v is no deadline", name, e)
		}
	}
}

func TestWhatIsNoAddressIsFinal(t *testing.T) {
	_, err := client(t, "").Do(t.Context(), httpsend.Request{URL: "http://geheim\x7f/"})
	if e := notifytest.Failed(t, err); e.Retry || strings.Contains(e.Error(), "geheim") {
		t.Errorf("%+v: %v", *e, e)
	}
}

func TestQuotesAreBounded(t *testing.T) {
	sink := sinks.NewWebhook()
	sink.FailNext(sinks.Failure{Status: 500, Body: strings.Repeat("ä\n", 100_000)})
	answer, err := client(t, "").Do(t.Context(), httpsend.Request{URL: notifytest.Serve(t, sink)})
	if err != nil {
		t.Fatal(err)
	}
	if text := answer.Refused().Error(); len(text) > 600 || strings.Contains(text, "\n") {
		t.Errorf("%d bytes: %s", len(text), text)
	}
}

func TestRedirectsAreFollowedUnlessTheyAreNot(t *testing.T) {
	sink := sinks.NewWebhook()
	there := notifytest.Serve(t, sink)
	here := notifytest.Serve(t, http.RedirectHandler(there, http.StatusTemporaryRedirect))
	for keys, want := range map[string]int{"": 200, "follow_redirects: false": 307} {
		answer, err := client(t, keys).Do(t.Context(), httpsend.Request{URL: here, Body: []byte("{}")})
		if err != nil || answer.Code != want {
			t.Errorf("%s: %+v, %v", keys, answer, err)
		}
	}
}

func TestDefaultsWithoutAnHTTPConfig(t *testing.T) {
	var none *amconfig.HTTPConfig
	if _, err := httpsend.New(none, nil, notifytest.Options()); err != nil {
		t.Error(err)
	}
}
