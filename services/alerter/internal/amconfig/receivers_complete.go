package amconfig

import (
	"cmp"
	"path/filepath"
	"strings"

	"weir/pkg/strictyaml"
)

// SetDirectory makes the names of files relative to a directory. Unlike
// Alertmanager, which does so within http_config only, it means all of them.
func (r *Receiver) SetDirectory(dir string) {
	for i := range r.Slack {
		s := &r.Slack[i]
		s.HTTPConfig.SetDirectory(dir)
		join(dir, &s.APIURLFile, &s.AppTokenFile)
	}
	for i := range r.Email {
		e := &r.Email[i]
		e.TLSConfig.SetDirectory(dir)
		join(dir, &e.AuthPasswordFile, &e.AuthSecretFile)
	}
	for i := range r.PagerDuty {
		r.PagerDuty[i].HTTPConfig.SetDirectory(dir)
		join(dir, &r.PagerDuty[i].RoutingKeyFile)
	}
	for i := range r.OpsGenie {
		r.OpsGenie[i].HTTPConfig.SetDirectory(dir)
		join(dir, &r.OpsGenie[i].APIKeyFile)
	}
	for i := range r.Webhook {
		r.Webhook[i].HTTPConfig.SetDirectory(dir)
		join(dir, &r.Webhook[i].URLFile)
	}
}

func join(dir string, files ...*string) {
	for _, f := range files {
		if *f != "" && !filepath.IsAbs(*f) {
			*f = filepath.Join(dir, *f)
		}
	}
}

// Complete fills in what the receiver leaves to `global`, and lists what neither
// says: "slack_configs[0]: …". Call it after SetDirectory, and with a `global`
// whose names of files are joined to the directory.
func (r *Receiver) Complete(g *Global) (found strictyaml.Faults) {
	note := func(line int, kind string, i int, fault string) {
		if fault != "" {
			found.Add(line, "%s[%d]: %s", kind, i, fault)
		}
	}
	for i := range r.Slack {
		note(r.Slack[i].Line(), "slack_configs", i, r.Slack[i].complete(g))
	}
	for i := range r.Email {
		note(r.Email[i].Line(), "email_configs", i, r.Email[i].complete(g))
	}
	for i := range r.PagerDuty {
		p := &r.PagerDuty[i]
		p.HTTPConfig, p.URL = cmp.Or(p.HTTPConfig, g.HTTPConfig), cmp.Or(p.URL, g.PagerdutyURL)
	}
	for i := range r.OpsGenie {
		note(r.OpsGenie[i].Line(), "opsgenie_configs", i, r.OpsGenie[i].complete(g))
	}
	for i := range r.Webhook {
		r.Webhook[i].HTTPConfig = cmp.Or(r.Webhook[i].HTTPConfig, g.HTTPConfig)
	}
	return found
}

func (s *Slack) complete(g *Global) (fault string) {
	authorized := s.HTTPConfig != nil && s.HTTPConfig.Authorization != nil
	s.AppURL = cmp.Or(s.AppURL, g.SlackAppURL)
	if s.AppToken == "" && s.AppTokenFile == "" && !authorized && s.APIURL.Secret == "" && s.APIURLFile == "" {
		s.AppToken, s.AppTokenFile = g.SlackAppToken, g.SlackAppTokenFile
	}
	token := s.AppToken != "" || s.AppTokenFile != ""
	if !token && s.APIURL.Secret == "" && s.APIURLFile == "" {
		s.APIURL, s.APIURLFile = g.SlackAPIURL, g.SlackAPIURLFile
	}
	s.HTTPConfig = cmp.Or(s.HTTPConfig, g.HTTPConfig)
	switch {
	case !token && s.APIURL.Secret == "" && s.APIURLFile == "":
		return "no Slack API address and no app token, neither here nor in global"
	case token && s.HTTPConfig.Authorization != nil:
		return "http_config.authorization is not for a Slack app token"
	}
	return ""
}

func (e *Email) complete(g *Global) (fault string) {
	e.TLSConfig = cmp.Or(e.TLSConfig, g.SMTPTLSConfig)
	e.Smarthost = cmp.Or(e.Smarthost, g.SMTPSmarthost)
	e.From = cmp.Or(e.From, g.SMTPFrom)
	e.Hello = cmp.Or(e.Hello, g.SMTPHello)
	e.AuthUsername = cmp.Or(e.AuthUsername, g.SMTPAuthUsername)
	e.AuthIdentity = cmp.Or(e.AuthIdentity, g.SMTPAuthIdentity)
	if e.AuthPassword == "" && e.AuthPasswordFile == "" {
		e.AuthPassword, e.AuthPasswordFile = g.SMTPAuthPassword, g.SMTPAuthPasswordFile
	}
	if e.AuthSecret == "" && e.AuthSecretFile == "" {
		e.AuthSecret, e.AuthSecretFile = g.SMTPAuthSecret, g.SMTPAuthSecretFile
	}
	e.RequireTLS = cmp.Or(e.RequireTLS, &g.SMTPRequireTLS)
	e.ForceImplicitTLS = cmp.Or(e.ForceImplicitTLS, g.SMTPForceImplicitTLS)
	switch {
	case e.Smarthost.String() == "":
		return "no smarthost, and no smtp_smarthost in global"
	case e.From == "":
		return "no from, and no smtp_from in global"
	}
	return ""
}

func (o *OpsGenie) complete(g *Global) (fault string) {
	o.HTTPConfig = cmp.Or(o.HTTPConfig, g.HTTPConfig)
	if o.APIURL = cmp.Or(o.APIURL, g.OpsGenieAPIURL); o.APIURL.URL != nil && !strings.HasSuffix(o.APIURL.Path, "/") {
		slashed := *o.APIURL.URL
		slashed.Path += "/"
		o.APIURL = URL{&slashed}
	}
	if o.APIKey == "" && o.APIKeyFile == "" {
		o.APIKey, o.APIKeyFile = g.OpsGenieAPIKey, g.OpsGenieAPIKeyFile
	}
	if o.APIKey == "" && o.APIKeyFile == "" {
		return "no api_key or api_key_file, and no opsgenie_api_key in global"
	}
	return ""
}
