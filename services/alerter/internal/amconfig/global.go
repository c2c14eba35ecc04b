package amconfig

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"
)

// Global is the section global: what holds for every receiver that does not say
// otherwise. Names of files are joined to the file's directory.
type Global struct {
	ResolveTimeout model.Duration `yaml:"resolve_timeout"` // of alerts posted without endsAt
	HTTPConfig     *HTTPConfig    `yaml:"http_config,omitempty"`

	SMTPFrom             string     `yaml:"smtp_from,omitempty"`
	SMTPHello            string     `yaml:"smtp_hello,omitempty"`
	SMTPSmarthost        HostPort   `yaml:"smtp_smarthost,omitempty"`
	SMTPAuthUsername     string     `yaml:"smtp_auth_username,omitempty"`
	SMTPAuthPassword     Secret     `yaml:"smtp_auth_password,omitempty"`
	SMTPAuthPasswordFile string     `yaml:"smtp_auth_password_file,omitempty"`
	SMTPAuthSecret       Secret     `yaml:"smtp_auth_secret,omitempty"`
	SMTPAuthSecretFile   string     `yaml:"smtp_auth_secret_file,omitempty"`
	SMTPAuthIdentity     string     `yaml:"smtp_auth_identity,omitempty"`
	SMTPRequireTLS       bool       `yaml:"smtp_require_tls"`
	SMTPTLSConfig        *TLSConfig `yaml:"smtp_tls_config,omitempty"`
	SMTPForceImplicitTLS *bool      `yaml:"smtp_force_implicit_tls,omitempty"` // nil: by the port, 465 is implicit

	SlackAPIURL       SecretURL `yaml:"slack_api_url,omitempty"`
	SlackAPIURLFile   string    `yaml:"slack_api_url_file,omitempty"`
	SlackAppToken     Secret    `yaml:"slack_app_token,omitempty"`
	SlackAppTokenFile string    `yaml:"slack_app_token_file,omitempty"`
	SlackAppURL       URL       `yaml:"slack_app_url,omitempty"`

	PagerdutyURL       URL    `yaml:"pagerduty_url,omitempty"`
	OpsGenieAPIURL     URL    `yaml:"opsgenie_api_url,omitempty"`
	OpsGenieAPIKey     Secret `yaml:"opsgenie_api_key,omitempty"`
	OpsGenieAPIKeyFile string `yaml:"opsgenie_api_key_file,omitempty"`
}

// DefaultGlobal returns the section as it is when nothing is given.
func DefaultGlobal() Global {
	return Global{
		ResolveTimeout: model.Duration(5 * time.Minute),
		HTTPConfig:     &HTTPConfig{FollowRedirects: true, EnableHTTP2: true},
		SMTPHello:      "localhost",
		SMTPRequireTLS: true,
		SMTPTLSConfig:  &TLSConfig{},
		SlackAppURL:    MustURL("https://slack.com/api/chat.postMessage"),
		PagerdutyURL:   MustURL("https://events.pagerduty.com/v2/enqueue"),
		OpsGenieAPIURL: MustURL("https://api.opsgenie.com/"),
	}
}

// SetDefaults makes it what it is when nothing is given.
func (g *Global) SetDefaults() { *g = DefaultGlobal() }

// Validate fills in what was given as nothing, and lists what contradicts itself.
func (g *Global) Validate() []string {
	defaults := DefaultGlobal()
	if g.HTTPConfig == nil {
		g.HTTPConfig = defaults.HTTPConfig
	}
	if g.SMTPTLSConfig == nil {
		g.SMTPTLSConfig = defaults.SMTPTLSConfig
	}
	url, urlFile := g.SlackAPIURL.Secret, g.SlackAPIURLFile
	token, tokenFile := g.SlackAppToken, g.SlackAppTokenFile
	found := slices.Concat(
		both("slack_app_token", token != "", "slack_app_token_file", tokenFile != ""),
		both("slack_api_url", url != "", "slack_api_url_file", urlFile != ""),
		both("opsgenie_api_key", g.OpsGenieAPIKey != "", "opsgenie_api_key_file", g.OpsGenieAPIKeyFile != ""),
		both("smtp_auth_password", g.SMTPAuthPassword != "", "smtp_auth_password_file", g.SMTPAuthPasswordFile != ""),
		both("smtp_auth_secret", g.SMTPAuthSecret != "", "smtp_auth_secret_file", g.SMTPAuthSecretFile != ""))
	// As in Alertmanager, chat.postMessage's address may be given as both.
	if g.SlackAppURL.URL == nil || string(url) != g.SlackAppURL.URL.String() {
		found = append(found, both("slack_app_token or slack_app_token_file", token != "" || tokenFile != "",
			"slack_api_url or slack_api_url_file", url != "" || urlFile != "")...)
	}
	return found
}

// setDirectory makes the names of files relative to a directory.
func (g *Global) setDirectory(dir string) {
	g.HTTPConfig.SetDirectory(dir)
	g.SMTPTLSConfig.SetDirectory(dir)
	join(dir, &g.SMTPAuthPasswordFile, &g.SMTPAuthSecretFile, &g.SlackAPIURLFile, &g.SlackAppTokenFile, &g.OpsGenieAPIKeyFile)
}

// HostPort is "host:port". The host may be empty.
type HostPort struct{ Host, Port string }

// UnmarshalYAML reads it.
func (hp *HostPort) UnmarshalYAML(node *yaml.Node) error {
	var text string
	if err := node.Decode(&text); err != nil || text == "" {
		return err
	}
	colon := strings.LastIndexByte(text, ':')
	if colon < 0 || colon == len(text)-1 {
		return fmt.Errorf("address %q: expected host:port", text)
	}
	host, port := text[:colon], text[colon+1:]
	if bare := strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"); len(bare) == len(host)-2 {
		host = bare
	} else if strings.ContainsAny(host, ":[]") {
		return fmt.Errorf("address %q: expected host:port, [host]:port for one of IPv6", text)
	}
	hp.Host, hp.Port = host, port
	return nil
}

// String returns "host:port", "" for none.
func (hp HostPort) String() string {
	if hp == (HostPort{}) {
		return ""
	}
	if strings.Contains(hp.Host, ":") {
		return "[" + hp.Host + "]:" + hp.Port
	}
	return hp.Host + ":" + hp.Port
}

// MarshalYAML writes "host:port".
func (hp HostPort) MarshalYAML() (any, error) { return hp.String(), nil }

// IsZero reports whether there is none.
func (hp HostPort) IsZero() bool { return hp == HostPort{} }
