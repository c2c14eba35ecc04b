package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"weir/pkg/read/readclient"
	"weir/pkg/schema"
	"weir/services/query/internal/params"
	"weir/services/query/internal/rollout"
)

// rolloutWindow is how far back rollouts are looked for where the request does
// not say.
const rolloutWindow = 24 * time.Hour

// historyTimeout bounds reading from history, which may be long, so that its
// client gets an answer before the listener's patience ends.
const historyTimeout = 50 * time.Second

// rollouts serves GET /api/monitoring/rollouts; rollout.Append describes the
// answer. One is made at a time: each may take hundreds of megabytes.
func rollouts(a *API, r *http.Request, b []byte) (reply, error) {
	q := r.URL.Query()
	label, err := rolloutLabel(q)
	if err != nil {
		return reply{}, err
	}
	window, err := rolloutTimes(q, a.Now())
	if err != nil {
		return reply{}, err
	}
	tenant, err := tenantOf(r)
	if err != nil {
		return reply{}, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), historyTimeout)
	defer cancel()
	select {
	case a.comparing <- struct{}{}:
		defer func() { <-a.comparing }()
	case <-ctx.Done():
		return reply{}, fmt.Errorf("wait for another comparison to end: %w", ctx.Err())
	}
	report, err := a.compare(ctx, label, window, rolloutSelection(tenant, label, window))
	if err != nil {
		return reply{}, err
	}
	return reply{body: rollout.Append(b, label, window, report)}, nil
}

func (a *API) compare(ctx context.Context, label string, window rollout.Window, selection schema.SelectRequest) (rollout.Report, error) {
	fleet := rollout.New(label)
	err := a.Client.Select(ctx, selection, fleet.Add)
	if errors.Is(err, readclient.ErrTooManySamples) {
		return rollout.Report{}, &problem{http.StatusUnprocessableEntity, fmt.Sprintf(
			"the window has more than %d samples: ask for a shorter one with from and to, or for one service", rollout.MaxSamples)}
	}
	if err != nil {
		return rollout.Report{}, err
	}
	if a.Alerter != nil {
		a.addAlerts(ctx, fleet, window)
	}
	return fleet.Report(), nil
}

// addAlerts adds the alerts, if they can be had: without an alerter the rest of
// the comparison is as good.
func (a *API) addAlerts(ctx context.Context, fleet *rollout.Fleet, window rollout.Window) {
	firings, err := a.Alerter.Firings(ctx, window.From, window.To)
	switch {
	case err == nil:
		fleet.AddAlerts(firings)
	case a.Alerter.Seen():
		a.Observer.Failed("/api/monitoring/rollouts", err)
	}
}

// rolloutLabel reads the label whose values are compared, "version" by default,
// as it is named in the series.
func rolloutLabel(q url.Values) (string, error) {
	label := q.Get("label")
	if label == "" {
		return "version", nil
	}
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"
	if strings.HasPrefix(label, "__") || strings.Trim(label, letters+"0123456789") != "" || !strings.Contains(letters, label[:1]) {
		return "", &params.Error{Name: "label", Got: label, Want: "a label's name: letters, digits and '_'"}
	}
	return label, nil
}

// rolloutTimes reads from and to, by default the last 24 hours before to, and to
// being now. Series have milliseconds.
func rolloutTimes(q url.Values, now time.Time) (rollout.Window, error) {
	times, err := params.ParseRange(q)
	if err != nil {
		return rollout.Window{}, err
	}
	if times.To == 0 {
		times.To = now.UnixNano()
	}
	if times.From == 0 {
		times.From = max(times.To-int64(rolloutWindow), 0)
	}
	w := rollout.Window{From: times.From / 1e6, To: times.To / 1e6}
	if w.From >= w.To {
		return w, &params.Error{Name: "from", Got: q.Get("from"), Want: "a time before to, which is now by default"}
	}
	return w, nil
}

// rolloutSelection selects the nodes' series that have the label, of a tenant or
// of all.
func rolloutSelection(tenant schema.Tenant, label string, w rollout.Window) schema.SelectRequest {
	req := schema.SelectRequest{
		Matchers: []schema.Matcher{
			{Type: schema.MatchRegexp, Name: "__name__", Value: strings.Join(rollout.Names(), "|")},
			{Type: schema.MatchNotEqual, Name: label, Value: ""},
		},
		From: w.From + 1, To: w.To, MaxSamples: rollout.MaxSamples,
	}
	for _, l := range []schema.Label{{Name: "service", Value: tenant.Service}, {Name: "subservice", Value: tenant.Subservice}} {
		if l.Value != "" {
			req.Matchers = append(req.Matchers, schema.Matcher{Type: schema.MatchEqual, Name: l.Name, Value: l.Value})
		}
	}
	return req
}
