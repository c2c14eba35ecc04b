package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"weir/devices/simulate"
)

// simulatedFleet say which fleet is simulated.
type simulatedFleet struct {
	Spore     int      `default:"50" help:"SPORE nodes; a quarter of them are ESP8266."`
	Proplets  int      `default:"10" help:"Proplets, of all dialects."`
	Tasks     int      `default:"4" help:"Tasks of each proplet."`
	Boards    int      `default:"10" help:"Boards with sensors."`
	DataNodes int      `default:"3" help:"DataMgmt nodes."`
	Tenant    []string `default:"demo/north,demo/south" help:"Tenants to whom the devices are dealt out in turn."`
	Prefix    string   `placeholder:"TEXT" help:"Stands before the devices' names: for several fleets at one broker."`

	Seed      uint64        `default:"1" help:"Seed of all that looks like chance: the same seed gives the same values."`
	Speed     float64       `default:"1" help:"Simulated seconds in a real one."`
	TimeOfDay time.Duration `default:"8h" help:"Time of day at which the fleet begins."`
	For       time.Duration `default:"0s" help:"How long to go on; 0s until it is told to end."`
	Malformed float64       `default:"0" help:"Share of the messages that are malformed on purpose, 0 to 1."`
	Losses    float64       `default:"0.1" help:"Connections that each node and board loses in a simulated hour."`

	SceneAfter  time.Duration `default:"1m" help:"How long it is calm before the first scene."`
	SceneFor    time.Duration `default:"7m" help:"How long a scene lasts; real time, as for all times of scenes."`
	SceneRest   time.Duration `default:"5m" help:"How long it is calm behind a scene."`
	GatewayAddr string        `default:"127.0.0.1:0" help:"Where the SPORE gateway of the fleet answers; port 0 is any free one, empty is none."`
}

// config is the fleet that the flags ask for.
func (f *simulatedFleet) config(scenes []string) (simulate.Config, error) {
	c := simulate.Default()
	c.Nodes, c.Proplets, c.Tasks, c.Boards, c.DataNodes = f.Spore, f.Proplets, f.Tasks, f.Boards, f.DataNodes
	c.Prefix, c.Seed, c.Speed, c.TimeOfDay, c.For = f.Prefix, f.Seed, f.Speed, f.TimeOfDay, f.For
	c.Malformed, c.Losses = f.Malformed, f.Losses
	c.Scenes, c.SceneAfter, c.SceneFor, c.SceneRest = scenes, f.SceneAfter, f.SceneFor, f.SceneRest
	c.GatewayAddr = f.GatewayAddr
	c.Tenants = nil
	for _, t := range f.Tenant {
		service, subservice, ok := strings.Cut(t, "/")
		if !ok {
			return c, fmt.Errorf("the tenant is %q: expected service/subservice", t)
		}
		c.Tenants = append(c.Tenants, simulate.Tenant{Service: service, Subservice: subservice})
	}
	return c, nil
}

// simulateCmd plays a fleet against a broker.
type simulateCmd struct {
	Broker       string `default:"tcp://127.0.0.1:1883" help:"Broker, as tcp://host:port or ssl://host:port."`
	Username     string `placeholder:"NAME" help:"MQTT user; all devices are this one."`
	PasswordFile string `placeholder:"FILE" help:"File with the user's key."`
	CAFile       string `name:"ca-file" placeholder:"FILE" help:"Certificates, PEM, that sign the broker's; by default the system's."`
	QoS          byte   `name:"qos" default:"1" help:"Quality of service, 0, 1 or 2."`

	simulatedFleet
	Scene  []string `default:"steady" help:"What happens to the fleet: steady, rollout, outage, flapping, storm, bad-firmware; several one after the other."`
	Repeat bool     `help:"Play the scenes again when they are over."`

	BoardsBy    string ` enum:"mqtt,http,both" default:"mqtt" help:"How boards give their metrics away: mqtt, http or both."`
	DataNodesBy string ` enum:"mqtt,http,both" default:"mqtt" help:"How DataMgmt nodes do."`
	HTTPHost    string `name:"http-host" default:"127.0.0.1" help:"Where those listen that are asked by HTTP, each on a port of its own."`
	SourcesFile string `placeholder:"FILE" help:"Where to write a sources file for weir that names what listens."`

	Internal string `placeholder:"URL" help:"Internal HTTP listener of the weir: at the end its books are compared with what was sent."`
	JSON     bool   `name:"json" help:"Print the summary as JSON."`
}

// Help explains the command with examples.
func (simulateCmd) Help() string {
	var b strings.Builder
	b.WriteString(`Plays a fleet of devices: SPORE nodes, proplets with tasks, boards with sensors and DataMgmt nodes, each with a connection of its own. Their values follow the course of a day and the seed; counters begin again when a device boots, some clocks drift or say 1970, connections break, and what was measured meanwhile comes late. Beside them a SPORE gateway answers over HTTP.

It shows how far it is on standard error. At the end, or after Ctrl-C, it prints what was sent and acknowledged, and what each tenant's account in /api/accounting has to say; with --internal it compares, and ends with 1 if they differ.

Scenes, and the shipped alerts that fire in them:

`)
	for _, s := range simulate.Scenes() {
		fmt.Fprintf(&b, "    %-13s %s\n", s.Name, s.Does)
		if len(s.Alerts) > 0 {
			fmt.Fprintf(&b, "    %-13s (%s)\n", "", strings.Join(s.Alerts, ", "))
		}
	}
	b.WriteString(`
Examples:

    weir simulate
    weir simulate --spore 200 --proplets 20 --tasks 5 --for 10m --internal http://127.0.0.1:8080
    weir simulate --speed 60 --malformed 0.01
    weir simulate --scene outage,storm --repeat
    weir simulate --boards-by http --data-nodes-by http --sources-file sources.yaml`)
	return b.String()
}

// Run plays the fleet and prints what it has sent.
func (c *simulateCmd) Run(s *session) error {
	config, err := c.config()
	if err != nil {
		return err
	}
	config.Logger = plainLogger(s)
	var check *bookkeeper
	if c.Internal != "" {
		check = newBookkeeper(&client{strings.TrimSuffix(c.Internal, "/"), &http.Client{Timeout: clientTimeout}})
		if err := check.open(s.ctx, config.Tenants); err != nil {
			return err
		}
	}
	fleet, err := simulate.New(config)
	if err != nil {
		return fmt.Errorf("simulate: %w", err)
	}
	fmt.Fprint(s.stderr, whereFleetAnswers(fleet.Addrs()))
	summary, err := playFleet(s, fleet)
	if err != nil && summary.Devices == 0 {
		return err
	}
	if c.JSON {
		encoder := json.NewEncoder(s.stdout)
		encoder.SetIndent("", "  ")
		err = errors.Join(err, encoder.Encode(summary))
	} else {
		err = errors.Join(err, printFleet(s.stdout, summary))
	}
	if check != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), time.Minute)
		defer cancel()
		err = errors.Join(err, check.close(ctx, s.stderr, summary.Accounts))
	}
	return err
}

func (c *simulateCmd) config() (simulate.Config, error) {
	config, err := c.simulatedFleet.config(c.Scene)
	if err != nil {
		return config, err
	}
	config.Broker, config.Username, config.QoS, config.SceneRepeat = c.Broker, c.Username, c.QoS, c.Repeat
	config.BoardsBy, config.DataNodesBy = simulate.Way(c.BoardsBy), simulate.Way(c.DataNodesBy)
	config.HTTPHost, config.SourcesFile = c.HTTPHost, c.SourcesFile
	if c.PasswordFile != "" {
		key, err := os.ReadFile(c.PasswordFile)
		if err != nil {
			return config, fmt.Errorf("read the key: %w", err)
		}
		config.Password = strings.TrimSpace(string(key))
	}
	if c.CAFile != "" {
		pem, err := os.ReadFile(c.CAFile)
		if err != nil {
			return config, fmt.Errorf("read the certificates: %w", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return config, fmt.Errorf("there is no certificate in %s", c.CAFile)
		}
		config.TLS = &tls.Config{RootCAs: pool}
	}
	return config, nil
}
