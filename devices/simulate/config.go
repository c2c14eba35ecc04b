package simulate

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"time"

	"weir/devices/simulate/internal/fleet"
	"weir/devices/simulate/internal/scene"
	"weir/pkg/schema"
)

// Tenant is whose a device is.
type Tenant = fleet.Tenant

// Way says how a board or a DataMgmt node gives its values away.
type Way string

// The ways.
const (
	ByMQTT Way = "mqtt" // publishes them
	ByHTTP Way = "http" // is asked for them
	ByBoth Way = "both"
)

func (w Way) mqtt() bool { return w != ByHTTP }
func (w Way) http() bool { return w != ByMQTT }

// Config says which fleet to play against which broker. Begin with Default.
type Config struct {
	Broker   string // tcp://host:port, ssl://host:port or host:port
	Username string
	Password string
	TLS      *tls.Config // for ssl://; nil is the system's
	QoS      byte        // 0, 1 or 2

	Tenants   []Tenant // to whom the devices are dealt out in turn
	Prefix    string   // before the devices' names: for several fleets at one broker
	Nodes     int      // SPORE nodes, a quarter of them ESP8266
	Proplets  int
	Tasks     int // of each proplet
	Boards    int
	DataNodes int

	Seed      uint64
	Speed     float64       // simulated seconds in a real one
	TimeOfDay time.Duration // at which the simulated day begins
	For       time.Duration // real; 0 is until told to end
	Malformed float64       // share of the messages that are malformed on purpose, 0 to 1
	Losses    float64       // connections that nodes and boards lose in a simulated hour, each

	// The scenes are played one after the other. Their times are real, whatever
	// the speed: so are those of the rules that watch them.
	Scenes      []string
	SceneAfter  time.Duration // before the first
	SceneFor    time.Duration // of each
	SceneRest   time.Duration // behind each
	SceneRepeat bool          // play them again

	GatewayAddr string // host:port of the SPORE gateway; "" for none
	HTTPHost    string // on which boards and DataMgmt nodes listen, each on a port of its own
	BoardsBy    Way
	DataNodesBy Way
	SourcesFile string // where to write what listens there, as weir's sources file; "" for nowhere

	Logger *slog.Logger // nil logs nothing
}

// Default is a small fleet on an ordinary day.
func Default() Config {
	return Config{
		Broker: "tcp://127.0.0.1:1883", QoS: 1,
		Tenants: []Tenant{{Service: "demo", Subservice: "north"}, {Service: "demo", Subservice: "south"}},
		Nodes:   50, Proplets: 10, Tasks: 4, Boards: 10, DataNodes: 3,
		Seed: 1, Speed: 1, TimeOfDay: 8 * time.Hour, Losses: 0.1,
		Scenes: []string{string(scene.Steady)}, SceneAfter: time.Minute, SceneFor: 7 * time.Minute, SceneRest: 5 * time.Minute,
		GatewayAddr: "127.0.0.1:0", HTTPHost: "127.0.0.1", BoardsBy: ByMQTT, DataNodesBy: ByMQTT,
	}
}

// Scene describes a scene.
type Scene struct {
	Name   string
	Does   string   // in a sentence
	Alerts []string // of those that weir ships, which fire in it
}

// Scenes lists the scenes.
func Scenes() []Scene {
	var list []Scene
	for _, s := range scene.All {
		list = append(list, Scene{string(s.Name), s.Does, s.Alerts})
	}
	return list
}

// Validate returns an error that names all that is wrong.
func (c *Config) Validate() error {
	var faults []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	if _, _, err := c.broker(); err != nil {
		faults = append(faults, err)
	}
	check(c.QoS <= 2, "the QoS is %d: expected 0, 1 or 2", c.QoS)
	check(len(c.Tenants) > 0, "there is no tenant")
	for _, t := range c.Tenants {
		check(schema.ValidTenantName(t.Service) && schema.ValidTenantName(t.Subservice), "the tenant %q: expected service/subservice, each of ASCII letters, digits, '_', '-' or '.'", t)
	}
	check(!strings.ContainsAny(c.Prefix, "/+# \""), "the prefix is %q: it stands in topics and has none of / + # \" and blanks", c.Prefix)
	for what, n := range map[string]int{"SPORE nodes": c.Nodes, "proplets": c.Proplets, "tasks": c.Tasks, "boards": c.Boards, "DataMgmt nodes": c.DataNodes} {
		check(n >= 0 && n <= 1_000_000, "%d %s: expected 0 to 1,000,000", n, what)
	}
	check(c.Nodes+c.Proplets+c.Boards+c.DataNodes > 0, "there is no device")
	check(c.Speed > 0 && c.Speed <= 10_000, "the speed is %v: expected more than 0, and at most 10,000", c.Speed)
	check(c.Malformed >= 0 && c.Malformed <= 1, "the share of malformed messages is %v: expected 0 to 1", c.Malformed)
	check(c.Losses >= 0 && c.Losses <= 60, "%v losses an hour: expected 0 to 60", c.Losses)
	check(c.TimeOfDay >= 0 && c.TimeOfDay < 24*time.Hour, "the time of day is %v: expected 0s to less than 24h", c.TimeOfDay)
	check(c.SceneAfter >= 0 && c.SceneRest >= 0 && c.SceneFor > 0, "a scene lasts some time: the times before, during and behind it are %v, %v and %v", c.SceneAfter, c.SceneFor, c.SceneRest)
	for _, name := range c.Scenes {
		if _, err := scene.Parse(name); err != nil {
			faults = append(faults, err)
		}
	}
	for what, w := range map[string]Way{"boards": c.BoardsBy, "DataMgmt nodes": c.DataNodesBy} {
		check(w == ByMQTT || w == ByHTTP || w == ByBoth, "%s by %q: expected mqtt, http or both", what, w)
	}
	check(c.SourcesFile == "" || c.BoardsBy.http() || c.DataNodesBy.http(), "a sources file is for what is asked over HTTP: boards or DataMgmt nodes by http or both")
	return errors.Join(faults...)
}

// broker returns where the broker listens and whether it speaks TLS.
func (c *Config) broker() (addr string, secure bool, err error) {
	address := c.Broker
	if !strings.Contains(address, "://") {
		address = "tcp://" + address
	}
	u, err := url.Parse(address)
	if err != nil {
		return "", false, fmt.Errorf("the broker: %w", err)
	}
	port := "1883"
	switch u.Scheme {
	case "tcp", "mqtt":
	case "ssl", "tls", "mqtts":
		secure, port = true, "8883"
	default:
		return "", false, fmt.Errorf("the broker is %q: expected tcp://host:port or ssl://host:port", c.Broker)
	}
	if u.Hostname() == "" {
		return "", false, fmt.Errorf("the broker is %q: it has no host", c.Broker)
	}
	if u.Port() != "" {
		port = u.Port()
	}
	return net.JoinHostPort(u.Hostname(), port), secure, nil
}

// plan is the scenes in simulated time.
func (c *Config) plan() scene.Plan {
	simulated := func(d time.Duration) time.Duration { return time.Duration(float64(d) * c.Speed) }
	p := scene.Plan{
		After: simulated(c.SceneAfter), For: simulated(c.SceneFor), Every: simulated(c.SceneFor + c.SceneRest), Repeat: c.SceneRepeat,
	}
	for _, name := range c.Scenes {
		p.Scenes = append(p.Scenes, scene.Name(name))
	}
	if len(p.Scenes) == 1 && p.Scenes[0] == scene.Steady {
		p.Scenes = nil
	}
	return p
}

func (c *Config) fleet(began time.Time) fleet.Config {
	return fleet.Config{
		Seed: c.Seed, Prefix: c.Prefix, Tenants: c.Tenants,
		Nodes: c.Nodes, Proplets: c.Proplets, Tasks: c.Tasks, Boards: c.Boards, DataNodes: c.DataNodes,
		Plan: c.plan(), Malformed: c.Malformed, Losses: c.Losses,
		TimeOfDay: c.TimeOfDay, Began: began, Speed: c.Speed,
	}
}
