package sources

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"weir/pkg/strictyaml"
)

// DataNode is a DataMgmt node whose health and statistics are polled.
type DataNode struct {
	strictyaml.At
	Name       string   `yaml:"name"` // the URL's host, if it is left out
	URL        string   `yaml:"url"`  // http://10.0.0.5:8080
	HealthPath string   `yaml:"health_path"`
	StatsPath  string   `yaml:"stats_path"` // "" polls none
	Interval   Duration `yaml:"interval"`   // 30s
	Timeout    Duration `yaml:"timeout"`    // 10s
	Owner      `yaml:",inline"`
	APIKey     `yaml:",inline"`
	Client     `yaml:",inline"`
}

// DefaultPollInterval is that of DataMgmt nodes and SPORE gateways.
const DefaultPollInterval = 30 * time.Second

// SetDefaults makes the paths those of the node's API.
func (n *DataNode) SetDefaults() { n.HealthPath, n.StatsPath = "/health", "/network/stats" }

// Validate completes it and returns what is wrong with it.
func (n *DataNode) Validate() []string {
	faults := httpFaults("url", n.URL, false)
	if n.Name == "" && len(faults) == 0 {
		n.Name = hostOf(n.URL)
	}
	if len(faults) == 0 {
		faults = nameFaults("name", n.Name)
	}
	for key, path := range map[string]string{"health_path": n.HealthPath, "stats_path": n.StatsPath} {
		if path != "" && !strings.HasPrefix(path, "/") {
			faults = append(faults, fmt.Sprintf("%s is %q: expected a path that begins with /", key, path))
		}
	}
	if n.HealthPath == "" && n.StatsPath == "" {
		faults = append(faults, "health_path and stats_path are both empty: there is nothing to poll")
	}
	faults = append(faults, timing(&n.Interval, &n.Timeout, DefaultPollInterval, DefaultTimeout)...)
	faults = append(faults, n.Owner.faults()...)
	faults = append(faults, n.APIKey.faults()...)
	return append(faults, n.Client.faults()...)
}

// Gateway is a SPORE gateway, or a node, whose resources are polled.
type Gateway struct {
	strictyaml.At
	Name     string   `yaml:"name"` // the URL's host, if it is left out
	URL      string   `yaml:"url"`  // http://10.0.0.9:3001
	Interval Duration `yaml:"interval"`
	Timeout  Duration `yaml:"timeout"`
	Owner    `yaml:",inline"`
	Client   `yaml:",inline"`
}

// Validate completes it and returns what is wrong with it.
func (g *Gateway) Validate() []string {
	faults := httpFaults("url", g.URL, false)
	if g.Name == "" && len(faults) == 0 {
		g.Name = hostOf(g.URL)
	}
	if len(faults) == 0 {
		faults = nameFaults("name", g.Name)
	}
	faults = append(faults, timing(&g.Interval, &g.Timeout, DefaultPollInterval, DefaultTimeout)...)
	faults = append(faults, g.Owner.faults()...)
	return append(faults, g.Client.faults()...)
}

// hostOf returns the host of a valid URL, with its port.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		panic("BUG: a URL that was checked is none")
	}
	return u.Host
}
