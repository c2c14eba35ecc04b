package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// answer is an HTTP answer.
type answer struct {
	status int
	body   []byte
}

// ask sends a request with headers, "Name: value".
func ask(method, addr, path, body string, headers ...string) (answer, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, "http://"+addr+path, strings.NewReader(body))
	if err != nil {
		return answer{}, fmt.Errorf("ask for %s: %w", path, err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return answer{}, fmt.Errorf("ask for %s: %w", path, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return answer{}, fmt.Errorf("read %s: %w", path, err)
	}
	return answer{resp.StatusCode, b}, nil
}

func containsAll(text string, parts ...string) bool {
	for _, part := range parts {
		if !strings.Contains(text, part) {
			return false
		}
	}
	return true
}

// everyRoute asks each route that the front door lists, and what the other
// listeners must refuse.
func (c *check) everyRoute(ctx context.Context) error {
	for topic, payload := range map[string]string{
		"m/factory/c/line1/control/proplet/alive":        `{"status":"alive","namespace":"default","proplet_id":"proplet-1"}`,
		"m/factory/c/line1/control/proplet/task_metrics": `{"task_id":"task-1","proplet_id":"proplet-1","metrics":{"cpu_percent":12.25}}`,
		"spore/garden/beds/spore-a/resources":            `{"hostname":`,
	} {
		if err := c.publish(topic, payload); err != nil {
			return err
		}
	}
	rows, err := c.requests()
	if err != nil {
		return err
	}
	var faults []error
	for _, row := range rows {
		err := c.expect(ctx, row)
		if err != nil {
			faults = append(faults, err)
		}
	}
	faults = append(faults, c.actionArrives(ctx), c.silenceEnds(ctx), c.acknowledges(ctx), c.everyRowIsAsked(&rows), c.outsideReadsOnly())
	return errors.Join(faults...)
}

// expect asks until the answer is as expected, for a moment: what was pushed is
// folded soon after.
func (c *check) expect(ctx context.Context, row request) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	what := row.method + " " + row.path
	if row.method != "GET" { // once: it changes something
		a, err := ask(row.method, c.internal, row.path, row.body, row.headers...)
		if err != nil || a.status != row.status || !bytes.Contains(a.body, []byte(row.says)) {
			return fmt.Errorf("%s: %d %.300s %w, expected %d with %q", what, a.status, a.body, err, row.status, row.says)
		}
		return nil
	}
	return eventually(ctx, what, func() error {
		a, err := ask(row.method, c.internal, row.path, row.body, row.headers...)
		if err != nil || a.status != row.status || !bytes.Contains(a.body, []byte(row.says)) {
			return fmt.Errorf("%d %.300s %w, expected %d with %q", a.status, a.body, err, row.status, row.says)
		}
		return nil
	})
}

// actionArrives waits for the action that was asked for.
func (c *check) actionArrives(ctx context.Context) error {
	return eventually(ctx, "the action of POST /actions/do arrives", func() error {
		for _, r := range c.receivers.http["webhook"].Taken() {
			if r.Path == "/action" && string(r.Body) == "door" {
				return nil
			}
		}
		return errors.New("not yet")
	})
}

// silenceEnds ends the silence that the rows made.
func (c *check) silenceEnds(ctx context.Context) error {
	var all []struct{ ID string }
	if err := c.getJSON("/api/v2/silences", &all); err != nil || len(all) == 0 {
		return fmt.Errorf("the silences: %+v %w", all, err)
	}
	return c.expect(ctx, request{method: "DELETE", path: "/api/v2/silence/" + all[0].ID, status: 200})
}

// acknowledges acknowledges an alert that fires.
func (c *check) acknowledges(ctx context.Context) error {
	var all []struct{ Fingerprint string }
	if err := c.getJSON("/api/v2/alerts?filter="+url.QueryEscape(`alertname="Heartbeat"`), &all); err != nil || len(all) == 0 {
		return fmt.Errorf("the heartbeat among the alerts: %+v %w", all, err)
	}
	return c.expect(ctx, request{method: "POST", path: "/api/alerts/" + all[0].Fingerprint + "/ack", body: `{"by":"check"}`, status: 200, headers: []string{inJSON}})
}

var parameter = regexp.MustCompile(`\\\{[^}]*\\\}`)

// matches reports whether a path belongs to a route of the list.
func matches(route, path string) bool {
	pattern := parameter.ReplaceAllString(regexp.QuoteMeta(route), `[^/]+`)
	if !strings.HasSuffix(route, "/") || route == "/" {
		pattern += `(\?.*)?$`
	}
	return regexp.MustCompile("^" + pattern).MatchString(path)
}

// everyRowIsAsked compares the front door's own list with what was asked.
func (c *check) everyRowIsAsked(rows *[]request) error {
	asked := append(*rows, request{method: "DELETE", path: "/api/v2/silence/x"}, request{method: "POST", path: "/api/alerts/x/ack"})
	var index struct {
		Routes []struct{ Method, Path string }
	}
	if err := c.getJSON("/", &index); err != nil {
		return err
	}
	var faults []error
	listed := 0
	for _, route := range index.Routes {
		for method := range strings.SplitSeq(route.Method, ", ") {
			listed++
			if slices.ContainsFunc(asked, func(r request) bool { return r.method == method && matches(route.Path, r.path) }) {
				continue
			}
			// Not in the rows: at the least somebody answers.
			a, err := ask(method, c.internal, strings.NewReplacer("{", "", "}", "").Replace(route.Path), "")
			if err != nil || a.status >= 500 {
				faults = append(faults, fmt.Errorf("%s %s: %d %.200s %w", method, route.Path, a.status, a.body, err))
			}
			fmt.Printf("     %s %s: answered %d, not looked at further\n", method, route.Path, a.status)
		}
	}
	fmt.Printf("     %d routes at the front door\n", listed)
	return errors.Join(faults...)
}

// outsideReadsOnly asks the listener for others.
func (c *check) outsideReadsOnly() error {
	var faults []error
	for _, row := range []request{
		{"POST", "/rules", "{}", 403, "internal", tenant}, {"POST", "/notices", "{}", 403, "internal", tenant},
		{"GET", "/admin/metrics?reset=true", "", 403, "internal", nil}, {"GET", "/api/v1/query?query=temperature", "", 200, "31.5", nil},
		{"GET", "/api/v2/status", "", 200, "", nil}, {"GET", "/health", "", 200, "healthy", nil},
	} {
		if a, err := ask(row.method, c.external, row.path, row.body, row.headers...); err != nil || a.status != row.status || !strings.Contains(string(a.body), row.says) {
			faults = append(faults, fmt.Errorf("external %s %s: %d %.200s %w", row.method, row.path, a.status, a.body, err))
		}
	}
	if a, err := ask("GET", c.intake, "/check", ""); err != nil || a.status != 200 {
		faults = append(faults, fmt.Errorf("intake GET /check: %d %.200s %w", a.status, a.body, err))
	}
	var empty json.RawMessage
	return errors.Join(append(faults, c.getJSON("/health", &empty))...)
}
