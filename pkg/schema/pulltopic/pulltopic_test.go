package pulltopic

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"weir/pkg/schema"
)

var tenant = schema.Tenant{Service: "factory", Subservice: "line1"}

func TestTopics(t *testing.T) {
	for _, c := range []struct {
		name  string
		topic Topic
		want  string
	}{
		{"a board", Topic{Kind: Scrape, Tenant: tenant, Name: "10.0.0.7:8080", Job: "boards"},
			"/scrape?instance=10.0.0.7%3A8080&job=boards&service=factory&subservice=line1"},
		{"a board with all that can be said", Topic{Kind: Scrape, Tenant: tenant, Name: "b", Job: "a b&c", Interval: time.Minute,
			Labels:   []schema.Label{{Name: "rack", Value: "ä=1"}, {Name: "zone", Value: "a"}},
			DropNone: true, HonorLabels: true, IgnoreTimestamps: true, CounterTolerance: 1.5},
			"/scrape?counter_tolerance=1.5&drop_none=1&honor_labels=1&ignore_timestamps=1&instance=b&interval=1m0s&job=a+b%26c&label.rack=%C3%A4%3D1&label.zone=a&service=factory&subservice=line1"},
		{"a subservice with levels", Topic{Kind: Spore, Tenant: schema.Tenant{Service: "factory", Subservice: "line1/cell2"}, Name: "gw"}, "/spore?gateway=gw&service=factory&subservice=line1%2Fcell2"},
		{"a data node's health", Topic{Kind: DataNodeHealth, Tenant: tenant, Name: "dn-1"}, "/datamgmt/health?node=dn-1&service=factory&subservice=line1"},
		{"a data node's stats", Topic{Kind: DataNodeStats, Tenant: tenant, Name: "dn-1"}, "/datamgmt/stats?node=dn-1&service=factory&subservice=line1"},
		{"a gateway", Topic{Kind: Spore, Tenant: tenant, Name: "gw"}, "/spore?gateway=gw&service=factory&subservice=line1"},
		{"a SPORE node's status", Topic{Kind: SporeStatus, Tenant: tenant, Name: "gw"}, "/spore/status?gateway=gw&service=factory&subservice=line1"},
		{"a probe", Topic{Kind: Probe, Tenant: tenant, Name: "site", Target: "tcp://h:1"}, "/probe?name=site&service=factory&subservice=line1&target=tcp%3A%2F%2Fh%3A1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := c.topic.String()
			if got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			back, err := Parse(got)
			if err != nil || !Is(got) {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.topic, back); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestBadTopics(t *testing.T) {
	for _, c := range []struct{ name, topic, want string }{
		{"another path", "/scrapes?job=a", `the path of "/scrapes?job=a" is that of nothing that is pulled`},
		{"nothing", "", `the path of "" is that of nothing that is pulled`},
		{"no parameters", "/scrape", "service is missing\nsubservice is missing\ninstance is missing\njob is missing"},
		{"a probe of nothing", "/probe?service=a&subservice=b&name=c", "target is missing"},
		{"all parameters wrong", "/spore?service=a/b&subservice=&gateway=a&gateway=b&interval=0s&counter_tolerance=NaN&drop_none=yes&instance=x",
			"counter_tolerance is \"NaN\": expected a number, 0 or more\ndrop_none is \"yes\": expected 1\ngateway stands there twice\ninstance is not a parameter of /spore\n" +
				"interval is \"0s\": expected a duration such as 1m0s\nservice is \"a/b\": expected 1 to 128 ASCII letters, digits, '_', '-' or '.'\nsubservice has 0 bytes: expected 1 to 1024\n" +
				"service is missing\nsubservice is missing\ngateway is missing"},
		{"a subservice with an empty level", "/spore?service=a&subservice=b/&gateway=c", `subservice is "b/": expected names of 1 to 128 ASCII letters, digits, '_', '-' or '.' with '/' between them` + "\nsubservice is missing"},
		{"an escape that is none", "/spore?a=%zz", `the parameters of "/spore?a=%zz" cannot be read: invalid URL escape "%zz"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := Parse(c.topic); err == nil || err.Error() != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestReports(t *testing.T) {
	for _, c := range []struct {
		name string
		r    Report
		want string
	}{
		{"a good scrape", Report{Up: true, Duration: 0.0123, Status: 200, ContentType: `text/plain; version="0.0.4"`},
			`# weir-scrape up=1 duration=0.0123 status=200 content_type="text/plain; version=\"0.0.4\""` + "\n"},
		{"a bad one", Report{Duration: 10, Error: "dial tcp: a \"b\"\nc=d"}, `# weir-scrape up=0 duration=10 error="dial tcp: a \"b\"\nc=d"` + "\n"},
		{"a packed one", Report{Up: true, Packed: true}, "# weir-scrape up=1 duration=0 encoding=zstd\n"},
		{"the end", Report{Ended: true}, "# weir-scrape up=0 duration=0 ended=1\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			line := c.r.Append(nil)
			if string(line) != c.want {
				t.Errorf("got  %s\nwant %s", line, c.want)
			}
			r, body, ok := ParseReport(append(line, "a 1\n\nb 2"...))
			if !ok || string(body) != "a 1\n\nb 2" {
				t.Errorf("%v %q", ok, body)
			}
			if diff := cmp.Diff(c.r, r); diff != "" {
				t.Error(diff)
			}
		})
	}
	for name, text := range map[string]string{
		"no such line":      "a 1\n",
		"a line cut off":    "# weir-scrape up=1 duration=1",
		"no duration":       "# weir-scrape up=1\n",
		"a value of no bit": "# weir-scrape up=2 duration=1\n",
		"a broken quote":    "# weir-scrape up=0 duration=1 error=\"x\n",
		"packed otherwise":  "# weir-scrape up=1 duration=1 encoding=br\n",
		"a word alone":      "# weir-scrape up=1 duration=1 x\n",
		"negative":          "# weir-scrape up=1 duration=-1\n",
	} {
		t.Run(name, func(t *testing.T) {
			if r, _, ok := ParseReport([]byte(text)); ok {
				t.Errorf("%+v", r)
			}
		})
	}
}

func TestProbeResults(t *testing.T) {
	p := ProbeResult{Error: "x", Metrics: []ProbeMetric{{Name: "probe_success"}, {Name: "probe_http_duration_seconds", Labels: map[string]string{"phase": "tls"}, Value: 0.5}}}
	data := p.Append(nil)
	const want = `{"error":"x","metrics":[{"name":"probe_success","value":0},{"name":"probe_http_duration_seconds","labels":{"phase":"tls"},"value":0.5}]}`
	if string(data) != want {
		t.Errorf("got %s", data)
	}
	back, reason, _ := ParseProbe(data)
	if diff := cmp.Diff(p, back); diff != "" || reason != schema.ReasonNone {
		t.Error(reason, diff)
	}
	if _, ok := back.Metric("probe_http_duration_seconds"); ok {
		t.Error("a metric with labels has no single value")
	}
	for text, want := range map[string]schema.Reason{"{": schema.ReasonNotJSON, "[]": schema.ReasonUnknownShape, `{"metrics":[]}`: schema.ReasonUnknownShape,
		`{"metrics":[{"value":1}]}`: schema.ReasonUnknownShape, `{"metrics":[],"ended":true}`: schema.ReasonNone} {
		if _, reason, detail := ParseProbe([]byte(text)); reason != want {
			t.Errorf("%s: %s %s", text, reason, detail)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("/scrape?instance=a&job=b&label.x=y&service=s&subservice=t", "# weir-scrape up=1 duration=1 error=\"x\"\nbody")
	f.Fuzz(func(t *testing.T, topic, payload string) {
		if p, err := Parse(topic); err == nil {
			again, err := Parse(p.String())
			if err != nil || !cmp.Equal(p, again) {
				t.Fatalf("%q: %+v, %+v: %v", topic, p, again, err)
			}
		}
		if r, body, ok := ParseReport([]byte(payload)); ok {
			again, rest, ok := ParseReport(append(r.Append(nil), body...))
			if !ok || again != r || string(rest) != string(body) {
				t.Fatalf("%q: %+v, %+v", payload, r, again)
			}
		}
		if strings.HasPrefix(payload, "{") {
			ParseProbe([]byte(payload))
		}
	})
}
