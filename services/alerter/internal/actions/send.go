package actions

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"weir/services/alerter/internal/alert"
	"weir/services/alerter/internal/notify/notice"
	"weir/services/alerter/internal/rule"
)

// job is one attempt at an action.
type job struct {
	*rule.Action
	event      Event
	tenant     alert.Tenant
	correlator string // of the transaction, for FIWARE's components
	id         string // the same for each attempt
}

// parameter returns a parameter's text with its placeholders filled in, "" for
// none.
func (j *job) parameter(name string) string {
	v := j.Parameters[name]
	if v == nil {
		return ""
	}
	return expand(text(v), j.event)
}

// need returns a parameter that must be there.
func (j *job) need(name string) (string, error) {
	s := j.parameter(name)
	if s == "" {
		return "", setup("the action's parameter %s is missing", name)
	}
	return s, nil
}

// unready says that an action could not even be tried.
type unready struct{ error }

func setup(format string, args ...any) error {
	return &notice.Error{Err: unready{fmt.Errorf(format, args...)}}
}

// exchange is what an attempt sent and got.
type exchange struct {
	sent, received int // bytes of the bodies
	code           int // 0 for none
}

// sender does actions.
type sender struct {
	Settings
	mailer Mailer
	client *http.Client
	now    func() time.Time
}

// send tries an action once. Its errors hold a *notice.Error.
func (s *sender) send(ctx context.Context, j *job) (exchange, error) {
	switch j.Type {
	case "email":
		return s.email(ctx, j)
	case "sms":
		return s.sms(ctx, j)
	case "post":
		return s.post(ctx, j)
	case "update":
		return s.update(ctx, j)
	case "twitter":
		return s.tweet(ctx, j)
	}
	return exchange{}, setup("unknown action type %s", j.Type)
}

// tenantHeader has the headers by which FIWARE's components know whose a
// request is.
func (j *job) tenantHeader() http.Header {
	h := http.Header{}
	h.Set("Fiware-Correlator", j.correlator)
	h.Set("Fiware-Service", j.tenant.Service)
	h.Set("Fiware-Servicepath", servicePath(j.tenant))
	return h
}

func (s *sender) postJSON(ctx context.Context, address string, h http.Header, v any) (exchange, error) {
	body, err := encodeJSON(v)
	if err != nil {
		return exchange{}, setup("write the request: %w", err)
	}
	h.Set("Content-Type", "application/json")
	return s.request(ctx, http.MethodPost, address, h, body)
}

func encodeJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// maxAnswer is how much of an answer is read, in bytes.
const maxAnswer = 1 << 20

// request sends one request. An answer below 300 is a success.
func (s *sender) request(ctx context.Context, method, address string, h http.Header, body []byte) (x exchange, err error) {
	if u, err := url.Parse(address); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return x, setup("%q is not the address of an HTTP server", address)
	}
	r, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return x, setup("build the request: %w", err)
	}
	r.Header = h
	x.sent = len(body)
	answer, err := s.client.Do(r)
	if err != nil {
		return x, &notice.Error{Retry: true, Err: fmt.Errorf("%s request: %w", method, withoutAddress(err))}
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	x.received, x.code = len(b), answer.StatusCode
	if x.code < http.StatusMultipleChoices {
		return x, nil // it was taken, even if the answer broke off
	}
	return x, &notice.Error{
		Retry: x.code == http.StatusTooManyRequests || x.code >= http.StatusInternalServerError,
		After: retryAfter(answer.Header, s.now()), Code: x.code,
		Err: fmt.Errorf("answered %s: %s", answer.Status, excerpt(b)),
	}
}

// withoutAddress leaves out the address, which may hold secrets.
func withoutAddress(err error) error {
	if u := (*url.Error)(nil); errors.As(err, &u) {
		return u.Err
	}
	return err
}

func retryAfter(h http.Header, now time.Time) time.Duration {
	s := h.Get("Retry-After")
	if seconds, err := strconv.Atoi(s); err == nil && seconds >= 0 {
		return min(time.Duration(min(seconds, 1<<20))*time.Second, time.Hour)
	}
	if at, err := http.ParseTime(s); err == nil && at.After(now) {
		return min(at.Sub(now), time.Hour)
	}
	return 0
}

func excerpt(b []byte) string {
	const longest = 200
	s := strings.ToValidUTF8(strings.TrimSpace(string(b[:min(len(b), longest)])), "")
	if s == "" {
		return "no text"
	}
	return s
}
