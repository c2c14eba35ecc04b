package sources

import (
	"fmt"
	"testing"
)

func TestTargets(t *testing.T) {
	job := func(change func(*Scrape)) Scrape {
		s := Scrape{JobName: "j", Owner: Owner{"s", "t"}}
		s.SetDefaults()
		s.Static = []Group{{}}
		change(&s)
		s.Validate()
		return s
	}
	plain := job(func(*Scrape) {})
	for _, c := range []struct {
		name string
		job  Scrape
		g    Group
		want string
	}{
		{"a host", plain, Group{Targets: []string{"h"}}, "http://h/metrics h:80 /scrape?instance=h&interval=1m0s&job=j&service=s&subservice=t"},
		{"a host with a port", plain, Group{Targets: []string{"h:8080"}}, "http://h:8080/metrics h:8080 /scrape?instance=h%3A8080&interval=1m0s&job=j&service=s&subservice=t"},
		{"IPv6", plain, Group{Targets: []string{"[::1]:8080"}}, "http://[::1]:8080/metrics [::1]:8080 /scrape?instance=%5B%3A%3A1%5D%3A8080&interval=1m0s&job=j&service=s&subservice=t"},
		{"labels, also ours", plain, Group{Targets: []string{"h"}, Labels: map[string]string{
			"zone": "a", "empty": "", "__meta_x": "y", "service": "s2", "job": "k", "instance": "i", "__scheme__": "https", "__metrics_path__": "/m", "__scrape_interval__": "5s",
			"__param_a": "1", "__counter_tolerance__": "2", "__drop_none_series__": "true"}},
			"https://h/m?a=1 h:443 /scrape?counter_tolerance=2&drop_none=1&instance=i&interval=5s&job=k&label.zone=a&service=s2&subservice=t"},
		{"what the job says", job(func(s *Scrape) {
			s.Params, s.HonorLabels, s.HonorTimestamps, s.DropNoneSeries, s.CounterTolerance, s.MetricsPath = map[string][]string{"m": {"x", "y"}, "a": {"b"}}, true, false, true, 0.5, "/probe?z=1"
		}), Group{Targets: []string{"h"}, Labels: map[string]string{"__param_m": "w"}},
			"http://h/probe?z=1&a=b&m=w&m=y h:80 /scrape?counter_tolerance=0.5&drop_none=1&honor_labels=1&ignore_timestamps=1&instance=h&interval=1m0s&job=j&service=s&subservice=t"},
		{"the same twice", plain, Group{Targets: []string{"h", "h"}}, "http://h/metrics h:80 /scrape?instance=h&interval=1m0s&job=j&service=s&subservice=t"},
		{"half an address of IPv6", plain, Group{Targets: []string{"[0"}}, `target "[0": it is "[0": expected host:port`},
		{"no port", plain, Group{Targets: []string{"h:http"}}, `target "h:http": it is "h:http": expected host:port`},
		{"a bad interval", plain, Group{Targets: []string{"h"}, Labels: map[string]string{"__scrape_interval__": "0s"}}, `target "h": __scrape_interval__ is "0s": expected a duration such as 15s`},
		{"a timeout beyond the interval", plain, Group{Targets: []string{"h"}, Labels: map[string]string{"__scrape_timeout__": "2m"}}, `target "h": the timeout is 2m: expected at most the interval, 1m`},
		{"a subservice with levels", plain, Group{Targets: []string{"h"}, Labels: map[string]string{"subservice": "line1/cell2"}}, "http://h/metrics h:80 /scrape?instance=h&interval=1m0s&job=j&service=s&subservice=line1%2Fcell2"},
		{"a bad tenant", plain, Group{Targets: []string{"h"}, Labels: map[string]string{"service": "a b"}}, `target "h": service is "a b": expected 1 to 128 ASCII letters, digits, '_', '-' or '.'`},
		{"a bad tolerance", plain, Group{Targets: []string{"h"}, Labels: map[string]string{"__counter_tolerance__": "NaN"}}, `target "h": __counter_tolerance__ is "NaN": expected a number, 0 or more`},
	} {
		t.Run(c.name, func(t *testing.T) {
			targets, dropped := c.job.Targets([]Group{c.g})
			got := ""
			for _, x := range targets {
				got += fmt.Sprintf("%s %s %s", x.URL, x.Address, &x.Topic)
			}
			for _, err := range dropped {
				got += err.Error()
			}
			if got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}
