package probe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strings"

	"weir/services/ingest/internal/pull"
	"weir/services/ingest/internal/sources"
)

// maxBody is how much of a body is looked at.
const maxBody = 1 << 20

// withoutAnswer are the values that are 0 where there is no answer.
var withoutAnswer = []string{
	"probe_failed_due_to_regex", "probe_http_content_length", "probe_http_ssl", "probe_http_status_code",
	"probe_http_uncompressed_body_length", "probe_http_version",
}

// http makes a request and looks at its answer.
func (c *check) http(ctx context.Context, r *result) error {
	clock := &phases{now: c.env.Now}
	response, body, err := c.ask(ctx, r, clock)
	defer clock.write(r)
	if err != nil {
		for _, name := range withoutAnswer {
			r.set(name, 0)
		}
		r.refused(err)
		return err
	}
	r.set("probe_http_status_code", float64(response.StatusCode))
	r.set("probe_http_content_length", float64(response.ContentLength))
	r.set("probe_http_uncompressed_body_length", float64(len(body)))
	r.set("probe_http_version", float64(response.ProtoMajor)+float64(response.ProtoMinor)/10)
	r.set("probe_http_ssl", bit(response.TLS != nil))
	if response.TLS != nil {
		r.tls(response.TLS)
	}
	if at, err := http.ParseTime(response.Header.Get("Last-Modified")); err == nil {
		r.set("probe_http_last_modified_timestamp_seconds", seconds(at))
	}
	var errs []error
	for _, look := range []func(*http.Response) error{c.status, c.ssl} {
		errs = append(errs, look(response))
	}
	failed := c.texts(body)
	r.set("probe_failed_due_to_regex", bit(failed != nil))
	return errors.Join(append(errs, failed, c.fields(body))...)
}

// ask makes the request and reads the body.
func (c *check) ask(ctx context.Context, r *result, clock *phases) (*http.Response, []byte, error) {
	env := *c.env
	env.Dial = func(ctx context.Context, _, address string) (net.Conn, error) {
		return c.dial(ctx, address, clock.dial())
	}
	transport, err := env.Transport(ctx, &c.probe.Client)
	if err != nil {
		return nil, nil, err
	}
	request, err := c.request(httptrace.WithClientTrace(ctx, clock.trace()))
	if err != nil {
		return nil, nil, err
	}
	redirects := 0
	client := http.Client{Transport: transport, CheckRedirect: func(_ *http.Request, via []*http.Request) error {
		switch {
		case !c.probe.FollowRedirects:
			return http.ErrUseLastResponse
		case len(via) > 10:
			return errors.New("there are more than 10 redirects")
		}
		redirects = len(via)
		return nil
	}}
	response, err := client.Do(request)
	r.set("probe_http_redirects", float64(redirects))
	if err != nil {
		return nil, nil, cmp.Or(ctx.Err(), pull.WithoutURL(err))
	}
	defer response.Body.Close()
	body, err := pull.ReadBody(response, maxBody)
	clock.end()
	if errors.Is(err, pull.ErrTooLarge) && !c.reads() {
		err = nil // nobody asked what is in it
	}
	return response, body, err
}

// reads reports whether the check looks at the body.
func (c *check) reads() bool {
	return len(c.probe.Matches)+len(c.probe.NotMatches)+len(c.probe.Fields) > 0
}

func (c *check) request(ctx context.Context) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, c.probe.Method, c.probe.Target, strings.NewReader(c.probe.Body))
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", err)
	}
	if c.probe.Body == "" {
		request.Body, request.ContentLength = nil, 0
	}
	request.Header.Set("User-Agent", c.env.Agent)
	if err := pull.Authorize(request, &c.probe.Client); err != nil {
		return nil, err
	}
	for name, value := range c.probe.Headers {
		if strings.EqualFold(name, "Host") {
			request.Host = value
		} else {
			request.Header.Set(name, value)
		}
	}
	return request, nil
}

func (c *check) status(a *http.Response) error {
	valid := slices.Contains(c.probe.StatusCodes, a.StatusCode)
	if len(c.probe.StatusCodes) == 0 {
		valid = a.StatusCode/100 == 2
	}
	if valid {
		return nil
	}
	expected := "2xx"
	if len(c.probe.StatusCodes) > 0 {
		expected = strings.Trim(fmt.Sprint(c.probe.StatusCodes), "[]")
	}
	return fmt.Errorf("the status is %d: expected %s", a.StatusCode, expected)
}

func (c *check) ssl(a *http.Response) error {
	switch {
	case c.probe.FailIfSSL && a.TLS != nil:
		return errors.New("the server speaks TLS")
	case c.probe.FailIfNotSSL && a.TLS == nil:
		return errors.New("the server does not speak TLS")
	}
	return nil
}

// texts looks for what must be in the body, and what must not.
func (c *check) texts(body []byte) error {
	for _, re := range c.probe.Matches {
		if re.Match(body) {
			return fmt.Errorf("the body matches %s", re)
		}
	}
	for _, re := range c.probe.NotMatches {
		if !re.Match(body) {
			return fmt.Errorf("the body does not match %s", re)
		}
	}
	return nil
}

// fields looks at the fields of a JSON body.
func (c *check) fields(body []byte) error {
	var errs []error
	for i := range c.probe.Fields {
		errs = append(errs, fieldFault(&c.probe.Fields[i], body))
	}
	return errors.Join(errs...)
}

func fieldFault(f *sources.BodyField, body []byte) error {
	value, err := f.Path.Text(body)
	switch {
	case err != nil:
		return fmt.Errorf("the body's field %s: %w", f.Path, err)
	case f.Equals != nil && value != *f.Equals:
		return fmt.Errorf("the body's field %s is %q: expected %q", f.Path, short(value), *f.Equals)
	case f.Matches != nil && !f.Matches.MatchString(value):
		return fmt.Errorf("the body's field %s is %q: expected what matches %s", f.Path, short(value), f.Matches)
	}
	return nil
}
