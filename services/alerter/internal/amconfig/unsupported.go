package amconfig

// unsupported lists, by section, the keys that Alertmanager 0.34 has and weir does
// not. There is no manager of secrets for a reference to name.
var unsupported = map[string][]string{
	"": {"tracing", "event_recorder"},
	"global": {"jira_*", "wechat_*", "victorops_*", "telegram_*", "webex_*", "rocketchat_*", "mattermost_*",
		"hipchat_*"},
	"route":  {"labels"},
	"routes": {"labels"},
	"receivers": {"discord_configs", "incidentio_configs", "wechat_configs", "pushover_configs", "victorops_configs",
		"sns_configs", "telegram_configs", "webex_configs", "msteams_configs", "msteamsv2_configs", "jira_configs",
		"rocketchat_configs", "mattermost_configs", "hipchat_configs"},
	"slack_configs":     {"update_message"},
	"pagerduty_configs": {"service_key", "service_key_file"},
	"basic_auth":        {"username_ref", "password_ref"},
	"authorization":     {"credentials_ref"},
	"oauth2":            {"client_secret_ref", "client_certificate_key_ref"},
	"tls_config":        {"ca_ref", "cert_ref", "key_ref"},
	"smtp_tls_config":   {"ca_ref", "cert_ref", "key_ref"},
}
