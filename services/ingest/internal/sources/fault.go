package sources

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Fault is one thing that is wrong with a file.
type Fault struct {
	Line int // 0: of the file as a whole
	Text string
}

// String returns "line 3: …".
func (f Fault) String() string {
	if f.Line == 0 {
		return f.Text
	}
	return fmt.Sprintf("line %d: %s", f.Line, f.Text)
}

// Error is all that is wrong with a file, by line.
type Error struct{ Faults []Fault }

// Error returns the faults, one a line.
func (e *Error) Error() string {
	texts := make([]string, len(e.Faults))
	for i, f := range e.Faults {
		texts[i] = f.String()
	}
	return strings.Join(texts, "\n")
}

func newError(faults []Fault) *Error {
	slices.SortStableFunc(faults, func(a, b Fault) int { return cmp.Or(a.Line-b.Line, strings.Compare(a.Text, b.Text)) })
	return &Error{slices.Compact(faults)}
}

var lineOf = regexp.MustCompile(`^(?:yaml: )?line (\d+): (?s:(.*))$`)

// newFaults makes faults of an error, a line each: yaml.v3's, and those of
// whoever reads a section.
func newFaults(err error) []Fault {
	var several *yaml.TypeError
	texts := strings.Split(err.Error(), "\n")
	if errors.As(err, &several) {
		texts = several.Errors
	}
	var all []Fault
	for _, text := range texts {
		m := lineOf.FindStringSubmatch(text)
		if m == nil {
			all = append(all, Fault{Text: strings.TrimPrefix(text, "yaml: ")})
			continue
		}
		line, _ := strconv.Atoi(m[1])
		all = append(all, Fault{line, m[2]})
	}
	return all
}

// unknown says what is wrong with a key that a section does not have.
func unknown(key, section string) string {
	known := func(k string) bool {
		prefix, family := strings.CutSuffix(k, "*")
		suffix, other := strings.CutPrefix(k, "*")
		return k == key || family && strings.HasPrefix(key, prefix) || other && strings.HasSuffix(key, suffix)
	}
	if slices.ContainsFunc(unsupported[section], known) {
		return fmt.Sprintf("%s%s is a key of Prometheus that weir does not support", in(section), key)
	}
	return fmt.Sprintf("%sunknown key %s", in(section), key)
}

// unsupported lists, by section, the keys that Prometheus 3 knows and weir does
// not; "x*" is a family of them.
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
