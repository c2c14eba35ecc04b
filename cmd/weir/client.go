package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"weir/cmd/weir/internal/app"
	"weir/cmd/weir/internal/config"
)

const (
	clientTimeout = 10 * time.Second
	maxAnswer     = 64 << 20 // bytes of an answer read: a page of large dead letters
)

// client asks the internal HTTP listener of a running weir.
type client struct {
	base string // http://host:port
	http *http.Client
}

// clientFlags are the settings of the commands that ask a running weir, and
// where it is, if the settings do not tell.
type clientFlags struct {
	settings
	URL string `name:"url" placeholder:"URL" help:"Internal listener of the weir to ask, such as http://127.0.0.1:8080; by default what the settings say."`
}

func newClientFlags() clientFlags { return clientFlags{settings: newSettings(config.Client)} }

// client finds the running weir: --url, else the address file where one is set
// and written (it knows the port behind a 0), else the internal address.
func (f clientFlags) client(s *session) (*client, error) {
	c, _, err := f.load(s)
	if err != nil {
		return nil, err
	}
	base := strings.TrimSuffix(f.URL, "/")
	if base == "" {
		base = "http://" + reachable(internalAddr(c))
	}
	return &client{base, &http.Client{Timeout: clientTimeout}}, nil
}

func internalAddr(c config.Config) string {
	if c.AddrFile != "" {
		if file, err := app.ReadAddrFile(c.AddrFile); err == nil && file.Internal != "" {
			return file.Internal
		}
	}
	return c.InternalAddr
}

// answer is a whole HTTP answer.
type answer struct {
	status int
	body   []byte
}

// do sends a request without a body and reads the whole answer, of any status.
func (c *client) do(ctx context.Context, method, path string) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, nil)
	if err != nil {
		return answer{}, fmt.Errorf("ask %s: %w", c.base, err)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return answer{}, fmt.Errorf("ask the running weir (is it running, and is this its address?): %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return answer{}, fmt.Errorf("read the answer of %s%s: %w", c.base, path, err)
	}
	return answer{resp.StatusCode, body}, nil
}

// ask is do for an answer that must be good: it decodes it into v and returns
// its bytes. An error of the API is returned in its own words.
func (c *client) ask(ctx context.Context, method, path string, v any) ([]byte, error) {
	a, err := c.do(ctx, method, path)
	if err != nil {
		return nil, err
	}
	if a.status >= 300 {
		return nil, apiError(a)
	}
	if err := json.Unmarshal(a.body, v); err != nil {
		return nil, fmt.Errorf("read the answer of %s%s: %w", c.base, path, err)
	}
	return a.body, nil
}

func apiError(a answer) error {
	var body struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(a.body, &body) == nil && body.Error != "" {
		return errors.New(body.Error)
	}
	return fmt.Errorf("the answer was HTTP %d: %.200s", a.status, a.body)
}
