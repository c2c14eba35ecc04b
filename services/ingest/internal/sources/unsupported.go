package sources

// unsupported lists, by section, the keys that Prometheus 3 has and weir does not.
var unsupported = map[string][]string{
	"": {"global", "rule_files", "scrape_config_files", "alerting", "remote_read", "storage", "tracing", "runtime", "otlp"},
	"scrape_configs": {"*_sd_configs", "relabel_configs", "metric_relabel_configs", "scrape_protocols", "scrape_fallback_protocol",
		"scrape_native_histograms", "scrape_classic_histograms", "always_scrape_classic_histograms", "convert_classic_histograms_to_nhcb",
		"native_histogram_*", "scrape_failure_log_file", "fallback_scrape_protocol", "track_timestamps_staleness", "enable_compression",
		"extra_scrape_metrics", "sample_limit", "label_*", "target_limit", "keep_dropped_targets", "metric_name_*",
		"bearer_token*", "oauth2", "sigv4", "follow_redirects", "enable_http2", "proxy_*", "no_proxy", "http_headers"},
	"http_sd_configs": {"oauth2", "follow_redirects", "enable_http2", "proxy_*", "no_proxy", "http_headers", "bearer_token*"},
	"basic_auth":      {"username_ref", "password_ref"},
	"authorization":   {"credentials_ref"},
	"tls_config":      {"ca", "cert", "key", "*_ref", "min_version", "max_version"},
	"remote_write":    {"url", "*_configs", "queue_config", "metadata_config", "send_*", "headers", "remote_timeout", "protobuf_message"},
}
