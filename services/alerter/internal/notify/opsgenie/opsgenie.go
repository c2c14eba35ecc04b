// Package opsgenie tells OpsGenie, or Jira Service Management, which takes the
// same calls at https://api.atlassian.com/jsm/ops/integration/.
// https://developer.atlassian.com/cloud/jira/service-desk-ops/rest/v1/api-group-integration-events
package opsgenie

import (
	"context"
	"net/http"

	"weir/services/alerter/internal/amconfig"
	"weir/services/alerter/internal/notify/httpsend"
	"weir/services/alerter/internal/notify/notice"
	"weir/services/alerter/internal/notify/render"
	"weir/services/alerter/internal/notify/secret"
)

// Integration tells one integration of OpsGenie.
type Integration struct {
	config    *amconfig.OpsGenie
	templates *render.Templates
	client    *httpsend.Client
	key       secret.Source
}

var _ notice.Integration = (*Integration)(nil)

// New returns the integration of a configuration that is complete.
func New(c *amconfig.OpsGenie, t *render.Templates, o httpsend.Options) (*Integration, error) {
	key := secret.Source{Inline: c.APIKey, File: c.APIKeyFile, Environment: o.Environment}
	if err := key.Check(); err != nil {
		return nil, err
	}
	client, err := httpsend.New(c.HTTPConfig, nil, o)
	return &Integration{config: c, templates: t, client: client, key: key}, err
}

// Name returns "opsgenie".
func (i *Integration) Name() string { return "opsgenie" }

// SendResolved reports whether resolved alerts are told of.
func (i *Integration) SendResolved() bool { return i.config.SendResolved }

// Close closes idle connections.
func (i *Integration) Close() { i.client.Close() }

// Send creates or closes the group's alert. OpsGenie answers 202. Whatever fails
// is tried again as a whole, which the alias makes harmless.
func (i *Integration) Send(ctx context.Context, m *notice.Message) error {
	key, err := i.key.Read()
	if err != nil {
		return notice.Failure(err)
	}
	page := i.templates.For(m)
	key = page.Text("api_key", key)
	calls, err := Compose(i.config, page, m)
	if err != nil {
		return notice.Failure(err)
	}
	for _, c := range calls {
		if err := i.call(ctx, c, key); err != nil {
			return err
		}
	}
	return nil
}

func (i *Integration) call(ctx context.Context, c Call, key string) error {
	body, err := render.JSON(c.Body)
	if err != nil {
		return notice.Failure(err)
	}
	answer, err := i.client.Do(ctx, httpsend.Request{
		Method: c.Method, URL: i.config.APIURL.URL.String() + c.Path, Body: body,
		Header: map[string]string{"Authorization": "GenieKey " + key}, Secrets: []string{key},
	})
	switch {
	case err != nil:
		return err
	case answer.OK(), c.GoneIsFine && answer.Code == http.StatusNotFound:
		return nil
	}
	return answer.Refused()
}
