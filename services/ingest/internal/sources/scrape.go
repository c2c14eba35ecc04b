package sources

import (
	"fmt"
	"math"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/units"

	"weir/pkg/schema/packed"
	"weir/pkg/strictyaml"
)

// Scrape is a job of scrape_configs: targets that show exposition text.
type Scrape struct {
	strictyaml.At
	JobName         string              `yaml:"job_name"`
	Interval        Duration            `yaml:"scrape_interval"` // 1m
	Timeout         Duration            `yaml:"scrape_timeout"`  // 10s, at most the interval
	MetricsPath     string              `yaml:"metrics_path"`
	Scheme          string              `yaml:"scheme"`
	Params          map[string][]string `yaml:"params"`
	HonorLabels     bool                `yaml:"honor_labels"`
	HonorTimestamps bool                `yaml:"honor_timestamps"` // true
	BodySizeLimit   ByteSize            `yaml:"body_size_limit"`  // decompressed; 0 is packed.Default
	Client          `yaml:",inline"`

	// Owner is the tenant of targets without labels service and subservice.
	Owner            `yaml:",inline"`
	CounterTolerance float64 `yaml:"counter_tolerance"` // by how much a counter may fall without a restart
	DropNoneSeries   bool    `yaml:"drop_none_series"`  // leave out samples all of whose labels are "None"

	Static []Group  `yaml:"static_configs"`
	Files  []FileSD `yaml:"file_sd_configs"`
	HTTP   []HTTPSD `yaml:"http_sd_configs"`
}

// The defaults of Prometheus.
const (
	DefaultInterval       = time.Minute
	DefaultTimeout        = 10 * time.Second
	DefaultFileSDInterval = 5 * time.Minute
	DefaultHTTPSDInterval = time.Minute
)

// SetDefaults makes it what Prometheus' defaults are.
func (s *Scrape) SetDefaults() {
	s.MetricsPath, s.Scheme, s.HonorTimestamps = "/metrics", "http", true
}

// Validate completes it and returns what is wrong with it.
func (s *Scrape) Validate() []string {
	faults := nameFaults("job_name", s.JobName)
	faults = append(faults, timing(&s.Interval, &s.Timeout, DefaultInterval, DefaultTimeout)...)
	if s.Scheme != "http" && s.Scheme != "https" {
		faults = append(faults, fmt.Sprintf("scheme is %q: expected http or https", s.Scheme))
	}
	if !strings.HasPrefix(s.MetricsPath, "/") {
		faults = append(faults, fmt.Sprintf("metrics_path is %q: expected a path that begins with /", s.MetricsPath))
	}
	if !(s.CounterTolerance >= 0) || math.IsInf(s.CounterTolerance, 0) {
		faults = append(faults, fmt.Sprintf("counter_tolerance is %v: expected a number, 0 or more", s.CounterTolerance))
	}
	if s.BodySizeLimit > packed.Max {
		faults = append(faults, fmt.Sprintf("body_size_limit is %d bytes: expected at most %dMB", s.BodySizeLimit, packed.Max>>20))
	}
	faults = append(faults, s.staticFaults()...)
	if len(s.Static)+len(s.Files)+len(s.HTTP) == 0 {
		faults = append(faults, "there are no targets: expected static_configs, file_sd_configs or http_sd_configs")
	}
	if s.Service != "" || s.Subservice != "" {
		faults = append(faults, s.Owner.faults()...)
	}
	return append(faults, s.Client.faults()...)
}

// staticFaults makes the targets as they will be made, to see what is wrong with
// them.
func (s *Scrape) staticFaults() []string {
	_, dropped := s.Targets(s.Static)
	var faults []string
	for _, err := range dropped {
		if text := err.Error(); !slices.Contains(faults, text) {
			faults = append(faults, text)
		}
	}
	return faults
}

// Group is a list of targets with labels that all of them have.
type Group struct {
	Targets []string          `yaml:"targets" json:"targets"` // host or host:port
	Labels  map[string]string `yaml:"labels" json:"labels"`
}

// FileSD has targets in files, JSON or YAML, that are read again when they
// change.
type FileSD struct {
	Files    []Path   `yaml:"files"` // the last part may have one *
	Interval Duration `yaml:"refresh_interval"`
}

// filePattern is that of Prometheus.
var filePattern = regexp.MustCompile(`^[^*]*(\*[^/]*)?\.(json|yml|yaml|JSON|YML|YAML)$`)

// Validate completes it and returns what is wrong with it.
func (f *FileSD) Validate() []string {
	if f.Interval <= 0 {
		f.Interval = Duration(DefaultFileSDInterval)
	}
	if len(f.Files) == 0 {
		return []string{"files is missing"}
	}
	var faults []string
	for _, file := range f.Files {
		if _, err := filepath.Match(string(file), ""); err != nil || !filePattern.MatchString(string(file)) {
			faults = append(faults, fmt.Sprintf("files: %q: expected a name that ends with .json, .yml or .yaml, with at most one * in its last part", file))
		}
	}
	return faults
}

// HTTPSD has targets that an HTTP server lists as JSON.
type HTTPSD struct {
	URL      string   `yaml:"url"`
	Interval Duration `yaml:"refresh_interval"`
	Client   `yaml:",inline"`
}

// Validate completes it and returns what is wrong with it.
func (h *HTTPSD) Validate() []string {
	if h.Interval <= 0 {
		h.Interval = Duration(DefaultHTTPSDInterval)
	}
	return append(httpFaults("url", h.URL, true), h.Client.faults()...)
}

// ByteSize is a number of bytes: 512KB, 1MiB.
type ByteSize int64

// UnmarshalText reads it as Prometheus does.
func (b *ByteSize) UnmarshalText(text []byte) error {
	n, err := units.ParseBase2Bytes(string(text))
	if err != nil || n < 0 {
		return fmt.Errorf("%q is not a number of bytes such as 512KB", text)
	}
	*b = ByteSize(n)
	return nil
}

// methods are those that a probe may have.
var methods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodOptions}
