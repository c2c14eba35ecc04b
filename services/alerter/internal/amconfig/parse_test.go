package amconfig

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"weir/pkg/strictyaml"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func mustParse(t testing.TB, file string) *Config {
	t.Helper()
	c, err := Parse([]byte(file), "/etc/weir")
	if err != nil {
		t.Fatalf("%s\n%s", file, err)
	}
	return c
}

const minimal = "receivers: [{name: a}, {name: b}]\n"

func TestRouteKeys(t *testing.T) {
	child := func(c *Config) *Route { return c.Route.Routes[0] }
	for _, row := range []struct {
		name, route string
		want        func(c *Config) string
		is          string
	}{
		{"group_wait is 30 s, group_interval 5 m and repeat_interval 4 h if not given", "receiver: a",
			func(c *Config) string {
				return fmt.Sprint(c.Route.GroupWait, c.Route.GroupInterval, c.Route.RepeatInterval)
			}, "30s 5m0s 4h0m0s"},
		{"a child inherits what it does not say", "receiver: a, group_by: [x], group_wait: 0s, repeat_interval: 1d, routes: [{group_interval: 1m}]",
			func(c *Config) string {
				r := child(c)
				return fmt.Sprint(r.Receiver, r.GroupBy, r.GroupWait, r.GroupInterval, r.RepeatInterval)
			}, "a[x] 0s 1m0s 24h0m0s"},
		{"a child's group_by replaces its parent's", "receiver: a, group_by: [x], routes: [{group_by: [z, y]}]",
			func(c *Config) string { return fmt.Sprint(child(c).GroupBy) }, "[y z]"},
		{"group_by [] of a child groups by nothing", "receiver: a, group_by: ['...'], routes: [{group_by: []}]",
			func(c *Config) string { return fmt.Sprint(child(c).GroupBy, child(c).GroupByAll) }, "[] false"},
		{"group_by '...' groups by all labels, and is inherited", "receiver: a, group_by: ['...'], routes: [{receiver: b}]",
			func(c *Config) string { return fmt.Sprint(child(c).GroupByAll) }, "true"},
		{"continue, mute and active times and matchers are not inherited",
			"receiver: a, routes: [{matchers: [a=b], continue: true, mute_time_intervals: [n], active_time_intervals: [n], routes: [{}]}]",
			func(c *Config) string {
				r := child(c).Routes[0]
				return fmt.Sprint(r.Continue, r.MuteTimeIntervals, r.ActiveTimeIntervals, r.Matchers)
			}, "false [] [] {}"},
		{"match, match_re and matchers are all to match, sorted by name",
			"receiver: a, routes: [{match: {c: d}, match_re: {b: 'x|y'}, matchers: ['a!=\"q\"', 'z=~\"1\", y!~2']}]",
			func(c *Config) string { return child(c).Matchers.String() }, `{a!="q",b=~"x|y",c="d",y!~"2",z=~"1"}`},
		{"matchers may have braces, quotes, UTF-8 names", "receiver: a, routes: [{matchers: ['{foo=\"bar\", dings!=\"x\"}', '\"a b\"=c', 'ü=~\"ö.*\"']}]",
			func(c *Config) string { return child(c).Matchers.String() }, `{"a b"="c",dings!="x",foo="bar",ü=~"ö.*"}`},
		{"a classic matcher that UTF-8 matchers refuse is read as before", "receiver: a, routes: [{matchers: ['foo=bar baz', 'x=~a|b']}]",
			func(c *Config) string { return child(c).Matchers.String() }, `{foo="bar baz",x=~"a|b"}`},
		{"an anchor may be used again", "receiver: a, group_by: &g [x, y], routes: [{group_by: *g}]",
			func(c *Config) string { return fmt.Sprint(child(c).GroupBy) }, "[x y]"},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := mustParse(t, "route: {"+row.route+"}\n"+minimal+"time_intervals: [{name: n, time_intervals: []}]\n")
			if got := row.want(c); got != row.is {
				t.Errorf("%s, expected %s", got, row.is)
			}
		})
	}
}

func TestSections(t *testing.T) {
	c := mustParse(t, `
global:
  resolve_timeout: 7m
  smtp_from: weir@example.org
  smtp_smarthost: mail:25
  smtp_auth_password_file: pw
  http_config: {proxy_url: 'http://u:hush@proxy:1', basic_auth: {username: u, password: hush}, tls_config: {ca_file: ca}}
templates: [templates/*.tmpl, /abs/*.tmpl]
route: {receiver: mail}
receivers: [{name: mail, email_configs: [{to: x@example.org}, {to: y@example.org, from: other@example.org}]}]
inhibit_rules:
  - {source_match: {a: b}, source_match_re: {c: 'd.*'}, target_matchers: [e=f, 'g!=h'], equal: [i, 'ü']}
mute_time_intervals: [{name: old, time_intervals: [{weekdays: ['monday:friday']}]}]
time_intervals:
  - {name: new, time_intervals: [{times: [{start_time: '09:00', end_time: '24:00'}], days_of_month: ['1:5', '-3:-1'], months: ['january', '3:4'], years: ['2026:2030'], location: Europe/Berlin}]}
`)
	if got := time.Duration(c.Global.ResolveTimeout); got != 7*time.Minute {
		t.Errorf("resolve_timeout %s", got)
	}
	if got := fmt.Sprint(c.Templates); got != "[/etc/weir/templates/*.tmpl /abs/*.tmpl]" {
		t.Errorf("templates %s", got)
	}
	if c.Global.HTTPConfig.TLSConfig.CAFile != "/etc/weir/ca" || !c.Global.HTTPConfig.FollowRedirects {
		t.Errorf("http_config %+v", c.Global.HTTPConfig.TLSConfig)
	}
	mail := c.Receiver("mail").Email
	if mail[0].From != "weir@example.org" || mail[1].From != "other@example.org" || mail[1].AuthPasswordFile != "/etc/weir/pw" {
		t.Errorf("mail %+v", mail)
	}
	rule := c.InhibitRules[0]
	if got := fmt.Sprint(rule.Source, rule.Target, rule.Equal); got != `{a="b",c=~"d.*"} {e="f",g!="h"} [i ü]` {
		t.Errorf("inhibit_rules %s", got)
	}
	if len(c.TimeIntervals) != 2 || len(c.TimeIntervals["old"]) != 1 || len(c.TimeIntervals["new"][0].DaysOfMonth) != 2 {
		t.Errorf("time_intervals %+v", c.TimeIntervals)
	}
	if c.Receiver("nobody") != nil {
		t.Error("a receiver that there is not")
	}
}

func TestIntegrationsAreInTheOrderOfTheirKinds(t *testing.T) {
	c := mustParse(t, `
route: {receiver: all}
receivers:
  - name: all
    webhook_configs: [{url: 'http://w', send_resolved: false}]
    opsgenie_configs: [{api_key: k}]
    pagerduty_configs: [{routing_key: k}]
    email_configs: [{to: a@b, from: a@b, smarthost: 'm:1'}]
    slack_configs: [{api_url: 'http://s'}, {api_url: 'http://s', send_resolved: true}]
`)
	var got []string
	for _, i := range c.Receiver("all").Integrations() {
		got = append(got, fmt.Sprint(i.Key(), i.SendResolved))
	}
	want := "slack[0]false slack[1]true email[0]false pagerduty[0]true opsgenie[0]true webhook[0]false"
	if strings.ReplaceAll(strings.Join(got, " "), "] ", "]") != want {
		t.Errorf("%s, expected %s", got, want)
	}
}

// TestFaults compares what is said of each of testdata/*.yml with the golden
// file next to it.
func TestFaults(t *testing.T) {
	files, err := filepath.Glob("testdata/*.yml")
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			c, err := Parse(content, "")
			var all strictyaml.Faults
			if c != nil || !errors.As(err, &all) {
				t.Fatalf("%v: expected strictyaml.Faults", err)
			}
			golden := strings.TrimSuffix(file, ".yml") + ".txt"
			if *update {
				if err := os.WriteFile(golden, []byte(err.Error()+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err2 := os.ReadFile(golden)
			if err2 != nil {
				t.Fatal(err2)
			}
			if string(want) != err.Error()+"\n" {
				t.Errorf("faults:\n%s\nexpected:\n%s", err, want)
			}
		})
	}
}

// TestReferencesAreRefused: the types of http_config and tls_config have fields
// for the keys that refer to a manager of secrets.
func TestReferencesAreRefused(t *testing.T) {
	var look func(of reflect.Type, section string) (seen int)
	look = func(of reflect.Type, section string) (seen int) {
		for _, f := range reflect.VisibleFields(of) {
			key, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
			if f.Type.Kind() == reflect.Pointer {
				f.Type = f.Type.Elem()
			}
			switch {
			case strings.HasSuffix(key, "_ref"):
				seen++
				if !slices.Contains(unsupported[section], key) {
					t.Errorf("%s: %s is read, and nobody looks at it", section, key)
				}
			case key != "" && f.Type.Kind() == reflect.Struct:
				seen += look(f.Type, key)
			}
		}
		return seen
	}
	if look(reflect.TypeFor[HTTPConfig](), "http_config") == 0 || look(reflect.TypeFor[TLSConfig](), "smtp_tls_config") == 0 {
		t.Error("there are no references: mend this test")
	}
}

func TestFaultsOfTheWhole(t *testing.T) {
	for _, row := range []struct{ name, file, fault string }{
		{"an empty file has no route", "", "there is no route: expected the section route with a receiver"},
		{"a file that is no YAML says where", "route: [", "line 1: did not find expected node content"},
		{"a file is keys and values", "- a", "there is no route: expected the section route with a receiver\nline 1: expected keys and values"},
		{"a key may be there once", "route: {receiver: a}\nroute: {receiver: a}\n" + minimal, `line 2: mapping key "route" already defined at line 1`},
		{"a file is one document", "route: {receiver: a}\n" + minimal + "---\na: b\n", "there is a second document in the file: expected one"},
		{"a key that contains itself", "route: &r {receiver: a, routes: [*r]}\n" + minimal, "anchor 'r' value contains itself"},
		{"merging is not known to Alertmanager's users", "route: {receiver: a, <<: {continue: true}}\n" + minimal, "line 1: route: <<: merging is not supported by weir"},
	} {
		t.Run(row.name, func(t *testing.T) {
			if _, err := Parse([]byte(row.file), ""); err == nil || err.Error() != row.fault {
				t.Errorf("%v\nexpected %s", err, row.fault)
			}
		})
	}
}

// TestSecretsAreNotShown puts "hush" wherever a secret may stand.
func TestSecretsAreNotShown(t *testing.T) {
	c := mustParse(t, `
global:
  slack_api_url: &url https://hooks.example.org/hush # hush
  opsgenie_api_key: hush
  smtp_auth_password: hush
  smtp_auth_secret: "hush"
  http_config:
    proxy_url: http://user:hush@proxy:80
    authorization: {credentials: hush}
    http_headers: {X-Key: {secrets: [hush], values: [shown]}}
route: {receiver: a}
receivers:
  - name: a
    slack_configs: [{api_url: *url, title: shown}]
    webhook_configs: [{url: 'http://hush', http_config: {oauth2: {client_id: shown, client_secret: hush, token_url: 'http://shown'}}}]
    pagerduty_configs: [{routing_key: hush, http_config: {basic_auth: {username: shown, password: hush}}}]
    opsgenie_configs: [{api_key: hush}]
    email_configs: [{to: a@b, from: a@b, smarthost: 'm:1', auth_password: hush}]
`)
	inYAML, err := yaml.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	inJSON, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	for how, text := range map[string]string{"String": c.String(), "%v": fmt.Sprintf("%v", c), "%+v": fmt.Sprintf("%+v", c),
		"%#v": fmt.Sprintf("%#v", c), "a value": fmt.Sprintf("%v %+v %#v", *c, *c, *c), "%s of a receiver's secret": fmt.Sprintf("%s %v %q %#v %x", c.Receivers[0].PagerDuty[0].RoutingKey, c.Receivers[0].Slack[0].APIURL, c.Receivers[0].OpsGenie[0].APIKey, c.Global.SlackAPIURL, c.Global.OpsGenieAPIKey),
		"YAML": string(inYAML), "JSON": string(inJSON)} {
		if strings.Contains(text, "hush") || strings.Contains(text, "68757368") {
			t.Errorf("%s shows a secret:\n%s", how, text)
		}
	}
	if strings.Count(c.String(), "shown") < 5 || strings.Count(c.String(), hidden) < 11 {
		t.Errorf("String hides too much or too little:\n%s", c)
	}
	if _, err := Parse([]byte(c.String()), ""); err == nil || !strings.Contains(err.Error(), "slack_api_url") {
		t.Errorf("what is shown is a file but for its secrets: %v", err)
	}
	environment := func(name string) (string, bool) { return "v-" + name, name == "KEY" }
	if got, err := Secret("${KEY}").Reveal(environment); got != "v-KEY" || err != nil {
		t.Errorf("${KEY} is %q, %v", got, err)
	}
	if _, err := Secret("${NONE}").Reveal(environment); err == nil || !strings.Contains(err.Error(), "NONE") {
		t.Errorf("${NONE}: %v", err)
	}
	if got, err := Secret("a${KEY}").Reveal(environment); got != "a${KEY}" || err != nil {
		t.Errorf("what is not only ${…} is itself, not %q, %v", got, err)
	}
}

func TestTheExampleIsRead(t *testing.T) {
	content, err := os.ReadFile("../../../../deployments/alertmanager.example.yml")
	if err != nil {
		t.Fatal(err)
	}
	c := mustParse(t, string(content))
	kinds := map[string]bool{}
	for i := range c.Receivers {
		for _, in := range c.Receivers[i].Integrations() {
			kinds[in.Name] = true
		}
	}
	if len(kinds) != 5 || len(c.InhibitRules) == 0 || len(c.TimeIntervals) == 0 {
		t.Errorf("the example lacks something: %v", kinds)
	}
	if _, err := Parse([]byte(Default().String()), ""); err != nil {
		t.Errorf("Default is no file: %s", err)
	}
}

func FuzzParse(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.yml")
	for _, file := range append(files, "../../../../deployments/alertmanager.example.yml") {
		content, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	f.Add([]byte("route: &a {receiver: a, routes: [*a]}"))
	f.Fuzz(func(t *testing.T, content []byte) {
		c, err := Parse(content, "/d")
		if err != nil {
			var all strictyaml.Faults
			if !errors.As(err, &all) || len(all) == 0 {
				t.Errorf("%v: expected faults", err)
			}
			return
		}
		if c.Route == nil || c.Receiver(c.Route.Receiver) == nil || c.Route.GroupInterval <= 0 {
			t.Errorf("accepted: %+v", c.Route)
		}
		if _, err := yaml.Marshal(c); err != nil {
			t.Error(err)
		}
	})
}

func FuzzParseMatchers(f *testing.F) {
	for _, s := range []string{"a=b", `{a="b", c=~"d.*"}`, `"ü x"!~'y'`, "a=\xff", "a==b,", "{}", "\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		some, err := ParseMatchers(s)
		if err != nil {
			return
		}
		again, err := ParseMatchers(some.String())
		if err == nil && again.String() != some.String() {
			t.Errorf("%q is %s is %s", s, some, again)
		}
	})
}

func TestHostPort(t *testing.T) {
	for text, want := range map[string]HostPort{"mail:25": {"mail", "25"}, "[::1]:465": {"::1", "465"}, ":25": {"", "25"},
		"mail": {}, "mail:": {}, "::1:25": {}, "[::1:25": {}} {
		var got HostPort
		err := yaml.Unmarshal([]byte("'"+text+"'"), &got)
		if got != want || (err == nil) != (want.Port != "") {
			t.Errorf("%s is %+v, %v", text, got, err)
		}
		if err == nil && got.String() != text {
			t.Errorf("%s is written %s", text, got)
		}
	}
}
