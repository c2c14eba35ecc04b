package config

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"weir/pkg/golden"
)

func TestDefault(t *testing.T) {
	want := Config{
		DataDir: "./weir-data", MQTTAddr: "127.0.0.1:1883", InternalAddr: "127.0.0.1:8080", ExternalAddr: "127.0.0.1:8081", IntakeAddr: "127.0.0.1:8082",
		MaxPayload: 262144, JournalReplicas: 1, CheckpointInterval: time.Second,
		DefaultRules: true, EvaluationInterval: time.Second, FallbackAfter: 5 * time.Minute,
		Retention: 15 * 24 * time.Hour, SeriesLimit: 1_000_000, SourceLimit: 100_000, StaleFloor: 30 * time.Second, StaleCeiling: 5 * time.Minute,
		QueryTimeout: 2 * time.Minute, QueryMaxSamples: 50_000_000, QueryMaxConcurrency: 20, QueryMaxSeries: 200_000, QueryLookback: 5 * time.Minute,
		ClockEarliest: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), ClockAhead: 5 * time.Minute, DuplicateWindows: 100000,
		PropletHeartbeat: 10 * time.Second, LogLevel: slog.LevelInfo, LogFormat: "text",
	}
	if diff := cmp.Diff(want, Default()); diff != "" {
		t.Errorf("Default() (-want +got):\n%s", diff)
	}
}

// The default of every role but the single services, which need a NATS server,
// must be usable as it is.
func TestDefaultIsValid(t *testing.T) {
	for _, role := range []Role{All, Rebuild, Verify, Client} {
		if _, warnings, err := Load(role, Sources{}); err != nil || warnings != nil {
			t.Errorf("%s: %v, warnings %q", role, err, warnings)
		}
	}
}

func TestLayers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "weir.yaml")
	content := "data_dir: from-file\nmax_payload: 64KiB\nproplet_heartbeat: 5s\nlog_level: debug\nallow_anonymous: true\n"
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	c, warnings, err := Load(All, Sources{
		Env: []string{
			"WEIR_CONFIG=not-this-one.yaml", "WEIR_MAX_PAYLOAD=32768", "WEIR_PROPLET_HEARTBEAT=20s",
			"WEIR_USERS=", "HOME=/root", "WEIR_PORT_8080_TCP=tcp://10.0.0.1:8080", "WEIR_MQTT_ADR=x",
		},
		Flags: []Flag{{"config", file}, {"proplet-heartbeat", "1m"}, {"mqtt-addr", "[::]:0"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.DataDir, want.LogLevel, want.AllowAnonymous = "from-file", slog.LevelDebug, true
	want.MaxPayload, want.PropletHeartbeat, want.MQTTAddr = 32768, time.Minute, "[::]:0"
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("config (-want +got):\n%s", diff)
	}
	wantWarnings := []string{
		`environment WEIR_PORT_8080_TCP: unknown key "WEIR_PORT_8080_TCP", ignored`,
		`environment WEIR_MQTT_ADR: unknown key "WEIR_MQTT_ADR" (did you mean WEIR_MQTT_ADDR?), ignored`,
	}
	if diff := cmp.Diff(wantWarnings, warnings); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}

// Everything that is wrong is said at once, each fault with its place.
func TestAllFaultsAtOnce(t *testing.T) {
	t.Chdir("testdata")
	_, _, err := Load(Ingest, Sources{
		Env: []string{
			"WEIR_CONFIG=faulty.yaml", "WEIR_LOG_LEVEL=loud", "WEIR_CHECKPOINT_INTERVAL=10",
			"WEIR_ALLOW_ANONYMOUS=perhaps", "WEIR_JOURNAL_REPLICAS=3", "WEIR_NATS_CREDS=weir.creds",
		},
		Flags: []Flag{{"mqtt-addr", "0.0.0.0:1883"}, {"max-payload", "1GiB"}},
	})
	var faults Faults
	if !errors.As(err, &faults) {
		t.Fatalf("error is %v, expected Faults", err)
	}
	t.Chdir("..")
	golden.Check(t, "faulty.golden", err.Error()+"\n")
}

func TestFile(t *testing.T) {
	tests := []struct{ name, content, want string }{
		{"an empty file is fine", "", ""},
		{"a file of comments is fine", "# nothing\n", ""},
		{"a null document is fine", "---\n", ""},
		{"an alias stands for its value", "mqtt_addr: &a 127.0.0.1:9\ninternal_addr: 127.0.0.1:8\nexternal_addr: *a\n", "weir.yaml:3: mqtt_addr and external_addr are both 127.0.0.1:9"},
		{"broken YAML is named with its line", "log_level: info\n\tdata_dir: x\n", "weir.yaml:2: not YAML: found a tab character that violates indentation"},
		{"a list is not a configuration", "- data_dir\n", "weir.yaml:1: expected a mapping of settings, such as mqtt_addr: 127.0.0.1:1883"},
		{"a list is not a value", "data_dir: [a]\n", "weir.yaml:1: data_dir: expected one value, not a list or a mapping"},
		{"a second document is refused", "log_level: info\n---\nlog_level: debug\n", "weir.yaml: has a second document (after a line ---), expected one"},
		{"tenants are a list", "tenants: x\n", "weir.yaml:1: tenants: expected a list, such as - {service: factory, subservice: line1, retention: 30d}"},
		{"a tenant is a mapping", "tenants: [x]\n", "weir.yaml:1: tenants: expected a tenant, such as {service: factory, subservice: line1, retention: 30d}"},
		{"a tenant has a name", "tenants: [{service: a}]\n", `weir.yaml:1: tenants: "a/" is no tenant, expected a service and a subservice`},
		{"a tenant is named once", "tenants: [{service: a, subservice: b},\n{service: a, subservice: /b}]\n", "weir.yaml:2: tenants: a/b stands there already, in line 1"},
		{"a tenant has known limits only", "tenants: [{service: a, subservice: b, colour: red}]\n", `weir.yaml:1: tenants: "colour" is not one of service, subservice, retention, history_bytes, series_limit, source_limit`},
		{"a tenant's limit is in its form", "tenants: [{service: a, subservice: b, series_limit: many}]\n", `weir.yaml:1: tenants: series_limit: "many" is not a whole number`},
		{"series cannot end later than at the latest", "stale_floor: 10m\nstale_ceiling: 1m\n", "weir.yaml:2: stale_ceiling 1m0s is below stale_floor 10m0s"},
		{"an empty data directory is refused", "data_dir: ''\n", "weir.yaml:1: data_dir must not be empty"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			if err := os.WriteFile("weir.yaml", []byte(tt.content), 0o600); err != nil {
				t.Fatal(err)
			}
			_, _, err := Load(All, Sources{Flags: []Flag{{"config", "weir.yaml"}}})
			if got := message(err); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestTenantsOfTheFile(t *testing.T) {
	t.Chdir(t.TempDir())
	content := `
retention: 2d
tenants:
  - {service: factory, subservice: /line1, retention: 1d12h, series_limit: 0}
  - service: farm
    subservice: yard
    history_bytes: 10GiB
    source_limit: 7
`
	if err := os.WriteFile("weir.yaml", []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	c, _, err := Load(All, Sources{Flags: []Flag{{"config", "weir.yaml"}}})
	if err != nil {
		t.Fatal(err)
	}
	age, none, bytes, seven := 36*time.Hour, 0, 10<<30, 7
	want := []TenantLimits{
		{Service: "factory", Subservice: "line1", Retention: &age, SeriesLimit: &none},
		{Service: "farm", Subservice: "yard", HistoryBytes: &bytes, SourceLimit: &seven},
	}
	if diff := cmp.Diff(want, c.Tenants); diff != "" || c.Retention != 48*time.Hour {
		t.Errorf("retention %s, tenants (-want +got):\n%s", c.Retention, diff)
	}
}

func TestAges(t *testing.T) {
	for text, want := range map[string]string{
		"15d": "360h0m0s", "36h": "36h0m0s", "1d12h": "36h0m0s", "0": "0s", "0d": "0s", "90m": "1h30m0s",
		"d": `--retention: "d" is not a duration such as 15d, 36h or 1d12h`, "1.5d": `--retention: "1.5d" is not a duration such as 15d, 36h or 1d12h`,
		"15": `--retention: "15" is not a duration such as 15d, 36h or 1d12h`, "-1h": "--retention: -1h is not in 0 to 36500d", "40000d": "--retention: 40000d is not in 0 to 36500d",
	} {
		c, _, err := Load(All, Sources{Flags: []Flag{{"retention", text}}})
		got := message(err)
		if err == nil {
			got = c.Retention.String()
		}
		if got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}

func TestDates(t *testing.T) {
	for text, want := range map[string]string{
		"1970-01-01": "1970-01-01", "2020-02-29": "2020-02-29",
		"2020-02-30": `--clock-earliest: "2020-02-30" is not a date such as 2020-01-01`,
		"1969-12-31": `--clock-earliest: "1969-12-31" is before 1970-01-01`,
	} {
		c, _, err := Load(All, Sources{Flags: []Flag{{"clock-earliest", text}}})
		got := message(err)
		if err == nil {
			got = c.ClockEarliest.Format(time.DateOnly)
		}
		if got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}

func TestMQTTAccess(t *testing.T) {
	const refused = "MQTT on %s would be open to other machines: name who may use it with --users FILE, or let everybody in with --allow-anonymous"
	tests := []struct {
		name  string
		flags []Flag
		want  string
	}{
		{"loopback is open to this machine", []Flag{{"mqtt-addr", "127.0.0.1:0"}}, ""},
		{"IPv6 loopback is loopback", []Flag{{"mqtt-addr", "[::1]:0"}}, ""},
		{"localhost is loopback", []Flag{{"mqtt-addr", "localhost:0"}}, ""},
		{"all addresses without users are refused", []Flag{{"mqtt-addr", "0.0.0.0:1883"}}, "--mqtt-addr: " + strings.Replace(refused, "%s", "0.0.0.0:1883", 1)},
		{"no host means all addresses", []Flag{{"mqtt-addr", ":1883"}}, "--mqtt-addr: " + strings.Replace(refused, "%s", ":1883", 1)},
		{"a name may be anything", []Flag{{"mqtt-addr", "broker:1883"}}, "--mqtt-addr: " + strings.Replace(refused, "%s", "broker:1883", 1)},
		{"users make an open address acceptable", []Flag{{"mqtt-addr", ":1883"}, {"users", "users.yaml"}}, ""},
		{"the words allow anonymous make it acceptable", []Flag{{"mqtt-addr", ":1883"}, {"allow-anonymous", "true"}}, ""},
		{"both at once contradict each other", []Flag{{"users", "u"}, {"allow-anonymous", "true"}}, "--allow-anonymous: users and allow_anonymous contradict each other: choose one"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := Load(All, Sources{Flags: tt.flags})
			if got := message(err); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestMissingFile(t *testing.T) {
	_, _, err := Load(Client, Sources{Env: []string{"WEIR_CONFIG=testdata/absent.yaml"}})
	want := "environment WEIR_CONFIG: cannot read the configuration file: open testdata/absent.yaml: no such file or directory"
	if got := message(err); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestAListMayBeGivenInEveryLayer(t *testing.T) {
	file := filepath.Join(t.TempDir(), "weir.yaml")
	for name, given := range map[string]Sources{
		"as a list in the file":                {Flags: []Flag{{ConfigFlag, file}}},
		"with commas in the environment":       {Env: []string{"WEIR_RULES=a.yml, b"}},
		"by a flag that is given twice":        {Flags: []Flag{{"rules", "a.yml\nb"}}},
		"by flags that go before other layers": {Env: []string{"WEIR_RULES=c"}, Flags: []Flag{{"rules", "a.yml\nb"}}},
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(file, []byte("rules: [a.yml, b]\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			c, _, err := Load(All, given)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{"a.yml", "b"}, c.Rules); diff != "" {
				t.Error(diff)
			}
		})
	}
}
