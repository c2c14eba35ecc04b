package agent

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestFromEnvironment(t *testing.T) {
	tests := []struct {
		name string
		env  []string
		want func(*Config)
	}{
		{"nothing is said", []string{"PATH=/bin", "nonsense"}, func(*Config) {}},
		{"the older names", []string{"PROPLET_DOMAIN_ID=d", "PROPLET_CHANNEL_ID=c", "PROPLET_CLIENT_ID=i", "PROPLET_CLIENT_KEY=k"}, func(c *Config) {
			c.Domain, c.Channel, c.ClientID, c.ClientKey = "d", "c", "i", "k"
		}},
		{"the newer names", []string{"PROPLET_TENANT_ID=d", "PROPLET_CHANNEL_ID=c", "PROPLET_ENTITY_ID=i", "PROPLET_API_KEY=k"}, func(c *Config) {
			c.Domain, c.Channel, c.ClientID, c.ClientKey = "d", "c", "i", "k"
		}},
		{"the older names go first", []string{"PROPLET_TENANT_ID=new", "PROPLET_DOMAIN_ID=old"}, func(c *Config) { c.Domain = "old" }},
		{"what is empty is not set", []string{"PROPLET_DOMAIN_ID=", "PROPLET_TENANT_ID=d"}, func(c *Config) { c.Domain = "d" }},
		{"an interval is a number of seconds", []string{"PROPLET_METRICS_INTERVAL=5"}, func(c *Config) { c.MetricsInterval = 5 * time.Second }},
		{"an interval is a duration", []string{"PROPLET_METRICS_INTERVAL=1m30s"}, func(c *Config) { c.MetricsInterval = 90 * time.Second }},
		{"the heartbeat has an interval, too", []string{"PROPLET_LIVELINESS_INTERVAL=2.5"}, func(c *Config) { c.LivelinessInterval = 2500 * time.Millisecond }},
		{"monitoring may be off", []string{"PROPLET_ENABLE_MONITORING=false"}, func(c *Config) { c.Monitoring = false }},
		{"the broker", []string{"PROPLET_MQTT_ADDRESS=ssl://b:8883", "PROPLET_MQTT_QOS=1", "PROPLET_MQTT_TLS_CA=ca", "PROPLET_MQTT_TLS_CERT=c", "PROPLET_MQTT_TLS_KEY=k", "PROPLET_MQTT_TLS_SERVER_NAME=n", "PROPLET_MQTT_TLS_INSECURE=true"}, func(c *Config) {
			c.Broker, c.QoS, c.TLS = "ssl://b:8883", 1, TLS{"ca", "c", "k", "n", true}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want := Default()
			tt.want(&want)
			got, err := FromEnvironment(Default(), tt.env)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("configuration (-want +got):\n%s", diff)
			}
		})
	}
	_, err := FromEnvironment(Default(), []string{"PROPLET_ENABLE_MONITORING=perhaps", "PROPLET_MQTT_QOS=most", "PROPLET_METRICS_INTERVAL=often"})
	want := `environment PROPLET_ENABLE_MONITORING: "perhaps" is not true or false
environment PROPLET_METRICS_INTERVAL: "often" is no number of seconds and no duration such as 2s
environment PROPLET_MQTT_QOS: "most" is no number`
	if err == nil || err.Error() != want {
		t.Errorf("all faults: %v", err)
	}
}

func TestValidate(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Config)
		want   string
	}{
		{"the defaults are good", func(*Config) {}, ""},
		{"no broker is good", func(c *Config) { c.Broker = "" }, ""},
		{"a broker needs a scheme", func(c *Config) { c.Broker = "127.0.0.1:1883" }, `the broker's address is "127.0.0.1:1883": expected tcp://host:port`},
		{"a broker needs a host", func(c *Config) { c.Broker = "tcp:" }, "the broker's address"},
		{"a broker needs a port", func(c *Config) { c.Broker = "tcp://127.0.0.1" }, `the broker's address is "tcp://127.0.0.1": expected tcp://host:port`},
		{"a broker's port is one", func(c *Config) { c.Broker = "ssl://127.0.0.1:99999" }, "expected tcp://host:port"},
		{"a broker behind a WebSocket has a port by default", func(c *Config) { c.Broker = "wss://b.example/mqtt" }, ""},
		{"a broker's address has no user, and no key is shown", func(c *Config) { c.Broker = "tcp://u:secret@127.0.0.1:1883" }, "address tcp://u:xxxxx@127.0.0.1:1883 has a user in it"},
		{"a domain is a level of a topic", func(c *Config) { c.Domain = "a/b" }, `the domain is "a/b"`},
		{"a channel is there", func(c *Config) { c.Channel = "" }, `the channel is ""`},
		{"an id has no control characters", func(c *Config) { c.PropletID = "a\nb" }, `the proplet's id is "a\nb"`},
		{"an id is short", func(c *Config) { c.ClientID = strings.Repeat("x", 257) }, "the client's id"},
		{"a dialect is known", func(c *Config) { c.Dialect = "d9" }, `there is no dialect "d9"`},
		{"there are three qualities of service", func(c *Config) { c.QoS = 3 }, "the quality of service is 3: expected 0, 1 or 2"},
		{"an interval is long enough", func(c *Config) { c.MetricsInterval = time.Millisecond }, "the interval of the proplet's metrics is 1ms: expected 100ms at least"},
		{"so is the heartbeat's", func(c *Config) { c.LivelinessInterval = 0 }, "the interval of the heartbeat is 0s"},
		{"a spool has room", func(c *Config) { c.SpoolBytes = 100 }, "the spool's bound is 100 bytes"},
		{"a certificate has a key", func(c *Config) { c.TLS.Cert = "x" }, "a TLS certificate and its key belong together"},
		{"all faults are said", func(c *Config) { c.QoS, c.Domain = 3, "" }, "of service is 3: expected 0, 1 or 2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := Default()
			tt.change(&c)
			err := c.Validate()
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

func TestIdentify(t *testing.T) {
	tests := []struct {
		name, proplet, client string
		want                  string
	}{
		{"an id that is given stays", "p", "c", "p"},
		{"a client's id is the proplet's", "", "c", "c"},
		{"else it is the machine's name", "", "", Hostname()},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := (Config{PropletID: tt.proplet, ClientID: tt.client}).identify().PropletID; got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// Moments that were missed are left out; the next one is on the same grid.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		p := newPace(now.Add(-time.Hour), 0, 7*time.Second)
		if !p.wait(t.Context()) {
			t.Fatal("it does not come")
		}
		if next := p.next; !next.After(now) || next.Sub(now) > 7*time.Second || next.Sub(now.Add(-time.Hour))%(7*time.Second) != 0 {
			t.Errorf("the next moment is %s", next)
		}
	})
}
