package sources

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"weir/pkg/schema"
	"weir/pkg/schema/pulltopic"
	"weir/pkg/strictyaml"
)

func TestTheExampleIsRead(t *testing.T) {
	f, err := Load("../../../../deployments/sources.example.yaml", Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Scrapes) != 3 || len(f.DataNodes) != 1 || len(f.Probes) != 2 || len(f.Gateways) != 1 || f.RemoteWrite.Tenant() != (schema.Tenant{Service: "infra", Subservice: "prometheus"}) {
		t.Errorf("%+v", f)
	}
	if file := string(f.Scrapes[1].Files[0].Files[0]); file != filepath.Join("../../../../deployments", "targets/*.json") {
		t.Errorf("a file's name is %s: it is relative to the sources file", file)
	}
	if n := f.DataNodes[0]; n.HealthPath != "/health" || n.StatsPath != "/network/stats" || time.Duration(n.Timeout) != 5*time.Second {
		t.Errorf("%+v", n)
	}
	if p := f.Probes[1]; time.Duration(p.Interval) != time.Minute || time.Duration(p.Timeout) != 10*time.Second || p.HTTP() {
		t.Errorf("%+v", p)
	}
}

func TestDefaultsAreThoseOfPrometheus(t *testing.T) {
	f, err := Parse([]byte(`
scrape_configs:
  - {job_name: a, service: s, subservice: t, static_configs: [{targets: [h]}]}
  - {job_name: b, service: s, subservice: t, scrape_interval: 5s, static_configs: [{targets: [h]}]}
`), "", Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"1m 10s /metrics http true", "5s 5s /metrics http true"} {
		s := f.Scrapes[i]
		if got := fmt.Sprint(s.Interval, " ", s.Timeout, " ", s.MetricsPath, " ", s.Scheme, " ", s.HonorTimestamps); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestAnEmptyFileSaysNothing(t *testing.T) {
	for _, text := range []string{"", "# nothing\n", "scrape_configs:\nprobes: []\nremote_write:\n"} {
		if _, err := Parse([]byte(text), "", Options{}); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestFaults(t *testing.T) {
	const owner = "service: s, subservice: t"
	for _, c := range []struct{ name, text, want string }{
		{"a key that nobody knows", "scrapes: []", "line 1: unknown key scrapes"},
		{"sections of Prometheus", "global: {}\nrule_files: []", "line 1: global is a key of Prometheus that weir does not support\nline 2: rule_files is a key of Prometheus that weir does not support"},
		{"all faults of a job at once", `scrape_configs:
- job_name: a
  relabel_configs: []
  kubernetes_sd_configs: []
  sample_limit: 5
  metricspath: /x
  scrape_interval: soon
- service: a/b
  scheme: ftp
  metrics_path: metrics
  scrape_interval: 10s
  scrape_timeout: 20s
  counter_tolerance: -1
  basic_auth: {username: a, password: b, password_file: c}
  authorization: {type: basic, tokens: x}
`, `line 3: scrape_configs: relabel_configs is a key of Prometheus that weir does not support
line 4: scrape_configs: kubernetes_sd_configs is a key of Prometheus that weir does not support
line 5: scrape_configs: sample_limit is a key of Prometheus that weir does not support
line 6: scrape_configs: unknown key metricspath
line 7: scrape_interval: not a valid duration string: "soon"
line 8: scrape_configs: basic_auth and authorization exclude each other
line 8: scrape_configs: counter_tolerance is -1: expected a number, 0 or more
line 8: scrape_configs: job_name is missing
line 8: scrape_configs: metrics_path is "metrics": expected a path that begins with /
line 8: scrape_configs: scheme is "ftp": expected http or https
line 8: scrape_configs: service is "a/b": expected 1 to 128 ASCII letters, digits, '_', '-' or '.'
line 8: scrape_configs: subservice is missing
line 8: scrape_configs: the timeout is 20s: expected at most the interval, 10s
line 8: scrape_configs: there are no targets: expected static_configs, file_sd_configs or http_sd_configs
line 14: basic_auth: password and password_file exclude each other
line 15: authorization: type is Basic: expected the section basic_auth for that
line 15: authorization: unknown key tokens`},
		{"a target without a tenant, and bad ones", `scrape_configs:
- job_name: a
  static_configs:
  - targets: [h, "http://h/metrics"]
    labels: {service: s}
  - targets: [h]
    labels: {service: s, subservice: t, "a-b": c}
`, `line 2: scrape_configs: target "h": labels: "a-b" is not a label's name
line 2: scrape_configs: target "h": subservice is missing
line 2: scrape_configs: target "http://h/metrics": expected host or host:port, without a scheme and a path`},
		{"two targets with the same series", "scrape_configs:\n- {job_name: a, " + owner + ", static_configs: [{targets: [h]}, {targets: [h], labels: {__metrics_path__: /b}}]}",
			`line 2: scrape_configs: target "h": http://h/metrics has the same tenant, job and instance`},
		{"two targets that differ in labels only", "scrape_configs:\n- {job_name: a, " + owner + ", static_configs: [{targets: [h, h]}, {targets: [h], labels: {zone: b}}]}",
			`line 2: scrape_configs: target "h": http://h/metrics has the same tenant, job and instance`},
		{"a probe called like a gateway", "probes:\n- {target: 'http://h', name: x, " + owner + "}\nspore_gateways:\n- {url: 'http://h', name: x, " + owner + "}\n- {url: 'http://h', name: x, service: s2, subservice: t}",
			`line 4: spore_gateways: the name "x" stands there already, in line 2`},
		{"discoveries", "scrape_configs:\n- job_name: a\n  " + "service: s\n  subservice: t\n  file_sd_configs: [{files: [a.txt, 'x*/b.json']}, {}]\n  http_sd_configs: [{url: 'ftp://h'}, {url: 'http://u:p@h/x'}]",
			`line 5: file_sd_configs: files is missing
line 5: file_sd_configs: files: "a.txt": expected a name that ends with .json, .yml or .yaml, with at most one * in its last part
line 5: file_sd_configs: files: "x*/b.json": expected a name that ends with .json, .yml or .yaml, with at most one * in its last part
line 6: http_sd_configs: url has a user's name: expected the section basic_auth for that
line 6: http_sd_configs: url is "ftp://h": expected such as http://10.0.0.5:8080`},
		{"nodes and gateways", "datamgmt_nodes:\n- {url: 10.0.0.5, service: s, subservice: t}\n- {url: 'http://h', " + owner + ", api_key: a, api_key_file: b, health_path: x}\nspore_gateways:\n- {name: g}\n- {url: 'http://h', name: g, " + owner + "}\n- {url: 'http://i', name: g, " + owner + "}",
			`line 2: datamgmt_nodes: url is "10.0.0.5": expected such as http://10.0.0.5:8080
line 3: datamgmt_nodes: api_key and api_key_file exclude each other
line 3: datamgmt_nodes: health_path is "x": expected a path that begins with /
line 5: spore_gateways: service is missing
line 5: spore_gateways: subservice is missing
line 5: spore_gateways: url is missing
line 7: spore_gateways: the name "g" stands there already, in line 6`},
		{"probes", "probes:\n- {target: 'udp://h:1', " + owner + "}\n- {target: 'tcp://h', " + owner + ", valid_status_codes: [200]}\n- {target: 'http://h', " + owner + ", method: BREW, valid_status_codes: [20], fail_if_ssl: true, fail_if_not_ssl: true,\n   fail_if_body_matches_regexp: ['('], body_fields: [{path: 'a..b'}, {equals: x}, {path: a, equals: b, matches: c}], labels: {service: x}}",
			`line 2: probes: target is "udp://h:1": expected http://…, https://…, tcp://host:port or tls://host:port
line 3: probes: a status, a body and headers can be expected of http:// and https:// only
line 3: probes: target is "h": expected host:port
line 5: body_fields: equals and matches exclude each other
line 5: body_fields: path is missing
line 5: fail_if_body_matches_regexp: "(" is not a regular expression: error parsing regexp: missing closing ): ` + "`(`" + `
line 5: path: "a..b" is not a path such as components.blockchain or nodes[0].state`},
		{"the same probe, seen when its values can be read", "probes:\n- {target: 'http://h', " + owner + ", method: BREW, valid_status_codes: [20], fail_if_ssl: true, fail_if_not_ssl: true, labels: {service: x}}",
			`line 2: probes: fail_if_ssl and fail_if_not_ssl exclude each other
line 2: probes: labels: service is the tenant's: expected the key service for it
line 2: probes: method is "BREW": expected GET, HEAD, POST, PUT, OPTIONS
line 2: probes: valid_status_codes: 20 is not a status of HTTP`},
		{"remote_write as Prometheus has it", "remote_write:\n- url: http://h", "line 2: remote_write: expected keys and values"},
		{"a page larger than any that is read", "scrape_configs:\n- {job_name: a, " + owner + ", body_size_limit: 17MB, static_configs: [{targets: [h]}]}",
			"line 2: scrape_configs: body_size_limit is 17825792 bytes: expected at most 16MB"},
		{"a subservice with an empty level", "remote_write: {service: a, subservice: b//c}", "line 1: remote_write: subservice is \"b//c\": expected 1 to 128 ASCII letters, digits, '_', '-' or '.', or several such names with '/' between them"},
		{"half a tenant", "remote_write: {service: a}", "line 1: remote_write: subservice is missing"},
		{"a list that is none", "probes: {a: b}", "line 1: probes: expected a list"},
		{"a text that is keys and values", "probes: [{target: 'http://h', " + owner + ", fail_if_body_matches_regexp: [{a: b}], body_fields: [{path: {a: b}}]}]",
			"line 1: fail_if_body_matches_regexp: expected a text\nline 1: path: expected a text"},
		{"a list that is none, of which nothing else is said", "scrape_configs: [{job_name: a, static_configs: h}]", "line 1: static_configs: expected a list"},
		{"an empty entry", "probes:\n-\n", "line 2: probes: an empty entry"},
		{"a file that is a list", "- a", "line 1: expected keys and values"},
		{"a key twice", "probes: []\nprobes: []", "line 2: mapping key \"probes\" already defined at line 1"},
		{"no YAML", "a: [", "line 1: did not find expected node content"},
		{"two documents", "probes: []\n---\n", "there is a second document in the file: expected one"},
		{"an alias of itself", "probes: &a [*a]", "anchor 'a' value contains itself"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse([]byte(c.text), "", Options{})
			if err == nil {
				t.Fatal("it was read")
			}
			if diff := cmp.Diff(strings.Split(c.want, "\n"), strings.Split(err.Error(), "\n")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestMappingsAreReadByOthers(t *testing.T) {
	text := []byte("topic_mappings:\n- match: a\nprobes: [{}]\n")
	o := Options{Mappings: func(n *yaml.Node) error {
		return errors.Join(fmt.Errorf("line %d: topic_mappings: no payload", n.Content[0].Line), errors.New("line 2: topic_mappings: no name"))
	}}
	_, err := Parse(text, "", o)
	const want = "line 2: topic_mappings: no name\nline 2: topic_mappings: no payload\nline 3: probes: service is missing\nline 3: probes: subservice is missing\nline 3: probes: target is missing"
	if err == nil || err.Error() != want {
		t.Errorf("%v", err)
	}
	f, err := Parse([]byte("topic_mappings:\n- match: a\n"), "", Options{})
	if err != nil || f.Mappings == nil || f.Mappings.Kind != yaml.SequenceNode {
		t.Errorf("%+v, %v", f, err)
	}
}

func TestSecrets(t *testing.T) {
	t.Setenv("A_SECRET", "from the environment")
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("from a file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, text, want string }{
		{"a bearer's token", "authorization: {credentials: abc}", "Bearer abc"},
		{"of another type", "authorization: {type: Token, credentials: abc}", "Token abc"},
		{"in the environment", "authorization: {credentials: '${A_SECRET}'}", "Bearer from the environment"},
		{"in a file", "authorization: {credentials_file: " + file + "}", "Bearer from a file"},
		{"a name and a password", "basic_auth: {username: a, password: b}", "Basic YTpi"},
		{"an environment without it", "authorization: {credentials: '${NO_SECRET}'}", "the environment has no variable NO_SECRET"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, err := Parse([]byte("spore_gateways:\n- url: http://h\n  service: s\n  subservice: t\n  "+c.text), "", Options{})
			if err != nil {
				t.Fatal(err)
			}
			got, err := f.Gateways[0].Header()
			if err != nil {
				got = err.Error()
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	if s := fmt.Sprintf("%v %+v %#v", Secret("abc"), struct{ S Secret }{"abc"}, Secret("abc")); strings.Contains(s, "abc") {
		t.Error(s)
	}
	if Fingerprint(Secret("a")) == Fingerprint(Secret("b")) {
		t.Error("a secret that changes changes the settings")
	}
}

// FuzzParse looks for files that cannot be refused properly, and for targets
// whose topics cannot be read.
func FuzzParse(f *testing.F) {
	example, err := os.ReadFile("../../../../deployments/sources.example.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(example)
	f.Add([]byte("probes: [{target: 'http://h', service: s, subservice: t, body_fields: [{path: 'a[0].b', equals: 1}]}]"))
	f.Add([]byte("scrape_configs: [{job_name: a, static_configs: [{targets: ['[::1]:1'], labels: {service: s, subservice: t, __param_x: y}}]}]"))
	f.Fuzz(func(t *testing.T, content []byte) {
		file, err := Parse(content, "", Options{})
		if err != nil {
			if len(err.(strictyaml.Faults)) == 0 {
				t.Error("an error without a fault")
			}
			return
		}
		for i := range file.Scrapes {
			targets, _ := file.Scrapes[i].Targets(file.Scrapes[i].Static)
			for _, x := range targets {
				if back, err := pulltopic.Parse(x.Topic.String()); err != nil || !cmp.Equal(back, x.Topic) {
					t.Errorf("%s: %v", &x.Topic, err)
				}
				if u, err := url.Parse(x.URL); err != nil || u.Host == "" {
					t.Errorf("%q: %v", x.URL, err)
				}
			}
		}
	})
}
