package agent

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Variable is an environment variable that says something of a Config.
type Variable struct {
	Names []string // the first one that is set counts
	Help  string
	set   func(c *Config, value string) error
}

// Variables are the environment variables, those of Propeller's proplets with
// their older and newer names, and some of their kind.
var Variables = []Variable{
	{[]string{"PROPLET_ENABLE_MONITORING"}, "Whether anything is measured, true or false.", boolean(func(c *Config) *bool { return &c.Monitoring })},
	{[]string{"PROPLET_METRICS_INTERVAL"}, "Interval of the proplet's own metrics: seconds, or a duration.", duration(func(c *Config) *time.Duration { return &c.MetricsInterval })},
	{[]string{"PROPLET_LIVELINESS_INTERVAL"}, "Interval of the heartbeat: seconds, or a duration.", duration(func(c *Config) *time.Duration { return &c.LivelinessInterval })},
	{[]string{"PROPLET_DOMAIN_ID", "PROPLET_TENANT_ID"}, "Domain, also called tenant.", text(func(c *Config) *string { return &c.Domain })},
	{[]string{"PROPLET_CHANNEL_ID"}, "Channel.", text(func(c *Config) *string { return &c.Channel })},
	{[]string{"PROPLET_CLIENT_ID", "PROPLET_ENTITY_ID"}, "Username at the broker, and the proplet's id.", text(func(c *Config) *string { return &c.ClientID })},
	{[]string{"PROPLET_CLIENT_KEY", "PROPLET_API_KEY"}, "Password at the broker.", text(func(c *Config) *string { return &c.ClientKey })},
	{[]string{"PROPLET_MQTT_ADDRESS"}, "Address of the broker, tcp://host:port.", text(func(c *Config) *string { return &c.Broker })},
	{[]string{"PROPLET_MQTT_QOS"}, "Quality of service, 0 to 2.", number(func(c *Config) *int { return &c.QoS })},
	{[]string{"PROPLET_MQTT_TLS_CA"}, "File of those to trust, PEM.", text(func(c *Config) *string { return &c.TLS.CA })},
	{[]string{"PROPLET_MQTT_TLS_CERT"}, "File of the own certificate, PEM.", text(func(c *Config) *string { return &c.TLS.Cert })},
	{[]string{"PROPLET_MQTT_TLS_KEY"}, "File of its key, PEM.", text(func(c *Config) *string { return &c.TLS.Key })},
	{[]string{"PROPLET_MQTT_TLS_SERVER_NAME"}, "Name in the broker's certificate.", text(func(c *Config) *string { return &c.TLS.ServerName })},
	{[]string{"PROPLET_MQTT_TLS_INSECURE"}, "Whether to trust any broker, true or false.", boolean(func(c *Config) *bool { return &c.TLS.Insecure })},
}

// FromEnvironment puts what variables say into the place of what c says. env is
// as os.Environ gives it. All faults are in the error.
func FromEnvironment(c Config, env []string) (Config, error) {
	values := map[string]string{}
	for _, v := range env {
		if name, value, ok := strings.Cut(v, "="); ok && value != "" {
			values[name] = value
		}
	}
	var faults []error
	for _, v := range Variables {
		for _, name := range v.Names {
			value, ok := values[name]
			if !ok {
				continue
			}
			if err := v.set(&c, value); err != nil {
				faults = append(faults, fmt.Errorf("environment %s: %w", name, err))
			}
			break
		}
	}
	return c, errors.Join(faults...)
}

func text(at func(*Config) *string) func(*Config, string) error {
	return func(c *Config, v string) error {
		*at(c) = v
		return nil
	}
}

func boolean(at func(*Config) *bool) func(*Config, string) error {
	return func(c *Config, v string) error {
		b, err := strconv.ParseBool(v)
		if err != nil {
			return fmt.Errorf("%q is not true or false", v)
		}
		*at(c) = b
		return nil
	}
}

func number(at func(*Config) *int) func(*Config, string) error {
	return func(c *Config, v string) error {
		n, err := strconv.Atoi(v)
		if err != nil {
			return fmt.Errorf("%q is no number", v)
		}
		*at(c) = n
		return nil
	}
}

// duration reads seconds, as Rust proplets and Propeller's document have them,
// or a duration, as Go proplets do.
func duration(at func(*Config) *time.Duration) func(*Config, string) error {
	return func(c *Config, v string) error {
		d, err := ParseDuration(v)
		if err == nil {
			*at(c) = d
		}
		return err
	}
}

// ParseDuration reads a number of seconds, or a duration such as 2s or 500ms.
func ParseDuration(v string) (time.Duration, error) {
	if n, err := strconv.ParseFloat(v, 64); err == nil {
		v = strconv.FormatFloat(n, 'f', -1, 64) + "s"
	}
	d, err := time.ParseDuration(v)
	if err != nil {
		return 0, fmt.Errorf("%q is no number of seconds and no duration such as 2s", v)
	}
	return d, nil
}
