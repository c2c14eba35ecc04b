package pull

import (
	"cmp"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"weir/services/ingest/internal/sources"
)

// Request is a GET.
type Request struct {
	URL    string
	Client *sources.Client
	APIKey string // for the header X-API-Key
	Accept string
	// Timeout is told to the server, as Prometheus does; 0 is not.
	Timeout time.Duration
	MaxBody int // of what is packed before it is stored; 0 is the environment's
}

// Answer is an HTTP answer.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte // decompressed
}

// Line returns the status as HTTP writes it, such as "404 Not Found".
func (a *Answer) Line() string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", a.Status, http.StatusText(a.Status)))
}

// ErrTooLarge means that a body is larger than the limit.
var ErrTooLarge = errors.New("the body is too large")

const apiKeyHeader = "X-API-Key"

// Get fetches a URL over a connection of its own. Whatever the status, there is
// an answer; the error says that none came, or not all of it. A body that has
// all the bytes that its length promised is taken even if the connection is
// reset behind it, as small boards do.
func (e *Env) Get(ctx context.Context, r Request) (*Answer, error) {
	request, err := e.request(ctx, &r)
	if err != nil {
		return nil, err
	}
	transport, err := e.Transport(ctx, r.Client)
	if err != nil {
		return nil, err
	}
	client := http.Client{Transport: transport, CheckRedirect: keepSecret}
	response, err := client.Do(request)
	if err != nil {
		return nil, cmp.Or(ctx.Err(), WithoutURL(err))
	}
	defer response.Body.Close()
	body, err := ReadBody(response, cmp.Or(r.MaxBody, e.MaxBody))
	if err != nil {
		return nil, cmp.Or(ctx.Err(), err)
	}
	return &Answer{Status: response.StatusCode, Header: response.Header, Body: body}, nil
}

// WithoutURL takes the URL out of an error of net/http: it may have a secret in
// its query, and whoever reads the error knows it.
func WithoutURL(err error) error {
	var e *url.Error
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

// request makes a request whose headers fit with ease into the 1,024 bytes that
// a small board reads.
func (e *Env) request(ctx context.Context, r *Request) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.URL, nil)
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", err)
	}
	h := request.Header
	h.Set("User-Agent", e.Agent)
	h.Set("Accept", r.Accept)
	h.Set("Accept-Encoding", "gzip")
	if r.Timeout > 0 {
		h.Set("X-Prometheus-Scrape-Timeout-Seconds", fmt.Sprintf("%g", r.Timeout.Seconds()))
	}
	if r.APIKey != "" {
		h.Set(apiKeyHeader, r.APIKey)
	}
	return request, Authorize(request, r.Client)
}

// Authorize adds what identifies us to a request.
func Authorize(request *http.Request, c *sources.Client) error {
	value, err := c.Header()
	if err != nil {
		return err
	}
	if value != "" {
		request.Header.Set("Authorization", value)
	}
	return nil
}

// keepSecret follows redirects, but does not tell another host the API key:
// net/http itself takes care of Authorization only.
func keepSecret(request *http.Request, via []*http.Request) error {
	if len(via) >= 10 {
		return errors.New("there are more than 10 redirects")
	}
	if request.URL.Host != via[0].URL.Host {
		request.Header.Del(apiKeyHeader)
	}
	return nil
}

// Transport returns what makes connections for one request, whose context ctx is:
// one for each step of it. Certificates are read anew, so that renewed ones need
// no reload.
func (e *Env) Transport(ctx context.Context, c *sources.Client) (*http.Transport, error) {
	config, err := TLSConfig(c.TLS)
	if err != nil {
		return nil, err
	}
	// net/http goes on dialling and shaking hands when the request has ended, in
	// case that another has a use for the connection. Here it would be one more for
	// each interval of a target that does not answer.
	dial := func(detached context.Context, network, address string) (net.Conn, error) {
		detached, cancel := context.WithCancel(detached)
		defer cancel()
		defer context.AfterFunc(ctx, cancel)()
		conn, err := e.Dial(detached, network, address)
		if err == nil {
			context.AfterFunc(ctx, func() { _ = conn.Close() })
		}
		return conn, err
	}
	return &http.Transport{
		DialContext: dial, TLSClientConfig: config,
		DisableKeepAlives: true, DisableCompression: true, MaxResponseHeaderBytes: 64 << 10,
	}, nil
}

// TLSConfig makes a configuration of settings, which may be nil.
func TLSConfig(t *sources.TLS) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if t == nil {
		return config, nil
	}
	config.ServerName, config.InsecureSkipVerify = t.ServerName, t.InsecureSkipVerify
	if t.CAFile != "" {
		pem, err := os.ReadFile(string(t.CAFile))
		if err != nil {
			return nil, fmt.Errorf("read the certificates to trust: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s has no certificate in PEM", t.CAFile)
		}
	}
	if t.CertFile != "" {
		own, err := tls.LoadX509KeyPair(string(t.CertFile), string(t.KeyFile))
		if err != nil {
			return nil, fmt.Errorf("read our own certificate: %w", err)
		}
		config.Certificates = []tls.Certificate{own}
	}
	return config, nil
}

// ReadBody reads and decompresses a body of at most limit bytes, before and
// after; a longer one is ErrTooLarge.
func ReadBody(response *http.Response, limit int) ([]byte, error) {
	if response.ContentLength > int64(limit) {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, response.ContentLength, limit)
	}
	var r io.Reader = response.Body
	if strings.EqualFold(response.Header.Get("Content-Encoding"), "gzip") {
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, fmt.Errorf("decompress the body: %w", err)
		}
		defer z.Close()
		r = z
	}
	body, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	if err != nil {
		return nil, fmt.Errorf("read the body: %w", err)
	}
	if len(body) > limit {
		return nil, fmt.Errorf("%w: at most %d bytes", ErrTooLarge, limit)
	}
	return body, nil
}
