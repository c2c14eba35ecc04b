// Package httpsend makes the HTTP requests that tell receivers, and turns what
// comes back into errors that say whether to try again.
package httpsend

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	commonconfig "github.com/prometheus/common/config"

	"weir/services/alerter/internal/amconfig"
	"weir/services/alerter/internal/notify/notice"
	"weir/services/alerter/internal/notify/secret"
)

const (
	maxAnswer   = 64 << 10 // of an answer that is read at all
	idleTimeout = 30 * time.Second
)

// Options are what all clients share.
type Options struct {
	Environment secret.Environment
	UserAgent   string
}

// Client makes requests as an http_config says. It is safe for concurrent use.
type Client struct {
	http *http.Client
	user string
}

// New returns the client of an http_config; nil means the defaults. A bearer
// source that is not nil authorizes each request.
func New(config *amconfig.HTTPConfig, bearer *secret.Source, o Options) (*Client, error) {
	c := commonconfig.DefaultHTTPClientConfig
	if config != nil {
		c = *config
	}
	if bearer != nil {
		c.Authorization = &commonconfig.Authorization{Type: "Bearer", Credentials: commonconfig.Secret(bearer.Inline), CredentialsFile: bearer.File}
	}
	if err := reveal(&c, o.Environment); err != nil {
		return nil, err
	}
	client, err := commonconfig.NewClientFromConfig(c, "weir-alerter", commonconfig.WithIdleConnTimeout(idleTimeout))
	if err != nil {
		return nil, fmt.Errorf("http_config: %w", err)
	}
	return &Client{http: client, user: o.UserAgent}, nil
}

// reveal replaces secrets that stand in the environment.
func reveal(c *commonconfig.HTTPClientConfig, environment secret.Environment) error {
	var failed error
	read := func(s *commonconfig.Secret) {
		text, err := amconfig.Secret(*s).Reveal(environment)
		failed = errors.Join(failed, err)
		*s = commonconfig.Secret(text)
	}
	read(&c.BearerToken)
	if c.BasicAuth != nil {
		basic := *c.BasicAuth
		read(&basic.Password)
		c.BasicAuth = &basic
	}
	if c.Authorization != nil {
		authorization := *c.Authorization
		read(&authorization.Credentials)
		c.Authorization = &authorization
	}
	if c.OAuth2 != nil {
		oauth := *c.OAuth2
		read(&oauth.ClientSecret)
		c.OAuth2 = &oauth
	}
	if failed != nil {
		return fmt.Errorf("http_config: %w", failed)
	}
	return nil
}

// Close closes the connections that are idle.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Request is one request with a JSON body.
type Request struct {
	Method  string // "" means POST
	URL     string
	Header  map[string]string
	Body    []byte
	Secrets []string // what is not to be shown if the answer repeats it; URL need not be named
}

// Answer is what a receiver said.
type Answer struct {
	Code   int
	Header http.Header
	Body   []byte // its first 64 KiB

	secrets []string
}

// Do makes a request. Its error is an *notice.Error: the request did not reach
// the receiver, or its answer not us.
func (c *Client) Do(ctx context.Context, r Request) (*Answer, error) {
	method := r.Method
	if method == "" {
		method = http.MethodPost
	}
	request, err := http.NewRequestWithContext(ctx, method, r.URL, bytes.NewReader(r.Body))
	if err != nil {
		return nil, notice.Permanent("make a request: the address is none")
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", c.user)
	for name, value := range r.Header {
		request.Header.Set(name, value)
	}
	secrets := append([]string{r.URL, request.URL.RequestURI()}, r.Secrets...)
	response, err := c.http.Do(request)
	if err != nil {
		return nil, network(err, request.URL, secrets)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return nil, network(err, request.URL, secrets)
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, maxAnswer)) // so that the connection can be used again
	return &Answer{Code: response.StatusCode, Header: response.Header, Body: body, secrets: secrets}, nil
}

// network is the error of a request that had no answer. It names the host only:
// paths are secrets.
func network(err error, to *url.URL, secrets []string) error {
	for wrapped := new(url.Error); errors.As(err, &wrapped); {
		err = wrapped.Err
	}
	return notice.Temporary("ask %s: %w", to.Host, hidden{err, secret.Hide(err.Error(), secrets...)})
}

// hidden is an error whose text was rid of secrets.
type hidden struct {
	error
	text string
}

func (h hidden) Error() string { return h.text }
func (h hidden) Unwrap() error { return h.error }
