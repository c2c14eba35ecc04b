// Package agent monitors processes as Propeller's proplets monitor their tasks:
// it runs a command, watches what runs, or reports its machine, measures by a
// profile, and publishes what it measures over MQTT.
//
// The packages below it hold the parts: profile, ring, dialect and screen are
// pure; sample measures, spool keeps, publish sends, serve answers HTTP.
package agent

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"weir/devices/agent/dialect"
	"weir/devices/agent/spool"
	"weir/pkg/schema"
)

// Config is what an agent needs to know. Default gives the defaults.
type Config struct {
	Broker    string // tcp://host:port; also mqtt, ssl, tls, mqtts, ws, wss; "" publishes nothing
	ClientID  string // MQTT's username, and the proplet's id unless that is given
	ClientKey string // MQTT's password
	TLS       TLS
	QoS       int // 0 to 2; DefaultQoS for what the dialect's proplets use

	Domain    string // the tenant's two names
	Channel   string
	PropletID string // "" for the client id, else the machine's name with the task's
	Namespace string
	Dialect   string // d0, d1, d1r, d2 or d3

	Monitoring         bool          // without it, the proplet is only there
	MetricsInterval    time.Duration // of the proplet's own metrics
	LivelinessInterval time.Duration // of its heartbeat

	SpoolDir   string // where messages are kept while the broker is away; "" for memory
	SpoolPart  string // whose part of the directory it is; "" for all of it
	SpoolBytes int64  // how many bytes of them at most

	Listen string // address of GET /metrics and GET /history; "" for none

	Description string // of the machine, in the registration
	Tags        []string
	Location    string
	Version     string // of this program

	StopTimeout time.Duration // for sending what is left, and for a child to end

	Logger *slog.Logger // nil logs nothing
	Print  io.Writer    // gets a line for each sample; nil for none
	Screen *Screen      // nil for none
}

// Screen is a terminal that shows what is measured.
type Screen struct {
	Out  io.Writer
	Size func() (width, height int)
}

// TLS says how to trust and be trusted. The fields are files in PEM.
type TLS struct {
	CA         string // whom to trust, beside nobody; "" for whom the system trusts
	Cert       string // who we are, with Key; "" for nobody
	Key        string
	ServerName string // as the certificate has it; "" for the broker's host
	Insecure   bool   // trusts everybody
}

// DefaultQoS stands for the quality of service of the dialect's proplets.
const DefaultQoS = -1

// The largest texts, in bytes: what weir takes for an id.
const maxID = 256

// Default is the configuration where nothing is said.
func Default() Config {
	return Config{
		Broker: "tcp://127.0.0.1:1883", QoS: DefaultQoS, Domain: "local", Channel: "agents", Namespace: "default", Dialect: "d1",
		Monitoring: true, MetricsInterval: 10 * time.Second, LivelinessInterval: 10 * time.Second,
		SpoolBytes: 8 << 20, StopTimeout: 5 * time.Second, Version: "0",
	}
}

// schemes are those of a broker's address.
var schemes = []string{"tcp", "mqtt", "ssl", "tls", "mqtts", "ws", "wss"}

// Validate says everything that makes no sense; nil if nothing.
func (c *Config) Validate() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if err := checkBroker(c.Broker); c.Broker != "" && err != nil {
		faults = append(faults, err)
	}
	if !schema.ValidTenantName(c.Domain) {
		fault("the domain is %q: expected 1 to %d ASCII letters, digits, '_', '-' or '.'", c.Domain, schema.MaxTenantName)
	}
	if !schema.ValidTenantName(c.Channel) {
		fault("the channel is %q: expected 1 to %d ASCII letters, digits, '_', '-' or '.'", c.Channel, schema.MaxTenantName)
	}
	for what, id := range map[string]string{"proplet's id": c.PropletID, "client's id": c.ClientID, "namespace": c.Namespace} {
		if !validText(id) {
			fault("the %s is %q: expected at most %d bytes of UTF-8 without control characters", what, id, maxID)
		}
	}
	if _, err := dialect.Parse(c.Dialect); err != nil {
		faults = append(faults, err)
	}
	if c.QoS < DefaultQoS || c.QoS > 2 {
		fault("the quality of service is %d: expected 0, 1 or 2", c.QoS)
	}
	const shortest = 100 * time.Millisecond
	if c.MetricsInterval < shortest {
		fault("the interval of the proplet's metrics is %s: expected %s at least", c.MetricsInterval, shortest)
	}
	if c.LivelinessInterval < shortest {
		fault("the interval of the heartbeat is %s: expected %s at least", c.LivelinessInterval, shortest)
	}
	if c.SpoolBytes < spool.MinBound {
		fault("the spool's bound is %d bytes: expected %d at least", c.SpoolBytes, spool.MinBound)
	}
	if (c.TLS.Cert == "") != (c.TLS.Key == "") {
		fault("a TLS certificate and its key belong together: only one is given")
	}
	slices.SortFunc(faults, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(faults...)
}

// checkBroker says what is wrong with a broker's address. One that can never be
// reached would only show in samples that do not arrive.
func checkBroker(broker string) error {
	u, err := url.Parse(broker)
	switch {
	case err != nil || u.Host == "" || !slices.Contains(schemes, u.Scheme) || !validPort(u):
		return fmt.Errorf("the broker's address is %q: expected tcp://host:port, or another of %s", broker, strings.Join(schemes, ", "))
	case u.User != nil:
		return fmt.Errorf("the broker's address %s has a user in it: expected that as the client's id and key", u.Redacted())
	}
	return nil
}

// validPort reports whether an address has a port; WebSockets have one by default.
func validPort(u *url.URL) bool {
	if u.Port() == "" {
		return u.Scheme == "ws" || u.Scheme == "wss"
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	return err == nil && port > 0
}

func validText(s string) bool {
	return len(s) <= maxID && strings.ToValidUTF8(s, "") == s && !strings.ContainsFunc(s, unicode.IsControl)
}

// config builds the TLS configuration; nil where all is default.
func (t TLS) config() (*tls.Config, error) {
	if t == (TLS{}) {
		return nil, nil
	}
	c := &tls.Config{ServerName: t.ServerName, InsecureSkipVerify: t.Insecure, MinVersion: tls.VersionTLS12}
	if t.CA != "" {
		pem, err := os.ReadFile(t.CA)
		if err != nil {
			return nil, fmt.Errorf("read whom to trust: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("read whom to trust: %s has no certificate in PEM", t.CA)
		}
	}
	if t.Cert != "" {
		pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
		if err != nil {
			return nil, fmt.Errorf("read the TLS certificate and its key: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}
