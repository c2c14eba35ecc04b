package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// weirSource asks weir's external listener, as Grafana's data source does.
type weirSource struct{ *process }

func (w weirSource) query(expr string, at time.Time) ([]answered, error) {
	return w.series("/api/v1/query", url.Values{"query": {expr}, "time": {unix(at)}})
}

func (w weirSource) queryRange(expr string, from, to time.Time, step time.Duration) ([]answered, error) {
	return w.series("/api/v1/query_range", url.Values{
		"query": {expr}, "start": {unix(from)}, "end": {unix(to)}, "step": {strconv.Itoa(int(step.Seconds()))},
	})
}

// labelValues asks both ways in which Grafana does: a data source whose version
// it does not know is asked for series.
func (w weirSource) labelValues(label, selector string, from, to time.Time) ([]string, error) {
	values := url.Values{"match[]": {selector}, "start": {unix(from)}, "end": {unix(to)}}
	var found []string
	if err := w.ask(http.MethodGet, "/api/v1/label/"+label+"/values", values, &found); err != nil {
		return nil, err
	}
	var series []map[string]string
	if err := w.ask(http.MethodPost, "/api/v1/series", values, &series); err != nil {
		return nil, err
	}
	has := func(s map[string]string) bool { return s[label] != "" }
	if !slices.ContainsFunc(series, has) && len(found) > 0 {
		return nil, fmt.Errorf("no series of %s has the label %s, whose values are %q", selector, label, found)
	}
	return found, nil
}

// series asks for a vector or a matrix.
func (w weirSource) series(path string, values url.Values) ([]answered, error) {
	var data struct {
		Result []struct {
			Metric map[string]string
			Value  point
			Values []point
		}
	}
	if err := w.ask(http.MethodPost, path, values, &data); err != nil {
		return nil, err
	}
	var all []answered
	for _, s := range data.Result {
		one := answered{labels: s.Metric}
		for _, p := range append(s.Values, s.Value) {
			if p.there {
				one.values = append(one.values, p.value)
			}
		}
		all = append(all, one)
	}
	return all, nil
}

// point is [time, "value"] in JSON.
type point struct {
	there bool
	value float64
}

// UnmarshalJSON reads the value.
func (p *point) UnmarshalJSON(data []byte) error {
	var at float64
	var text string
	if err := json.Unmarshal(data, &[]any{&at, &text}); err != nil {
		return err
	}
	value, err := strconv.ParseFloat(text, 64)
	*p = point{true, value}
	return err
}

func (w weirSource) ask(method, path string, values url.Values, into any) error {
	target, body := "http://"+w.External+path, values.Encode()
	if method == http.MethodGet {
		target, body = target+"?"+body, ""
	}
	req, err := http.NewRequestWithContext(w.t.Context(), method, target, strings.NewReader(body))
	if err != nil {
		return err
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var envelope struct {
		Status, Error string
		Data          json.RawMessage
	}
	if err := json.NewDecoder(resp.Body).Decode(&envelope); err != nil {
		return fmt.Errorf("%s: %s: %w", path, resp.Status, err)
	}
	if envelope.Status != "success" {
		return fmt.Errorf("%s: %s: %s", path, resp.Status, envelope.Error)
	}
	return json.Unmarshal(envelope.Data, into)
}

func unix(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }
