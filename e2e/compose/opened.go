package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/eclipse/paho.mqtt.golang/packets"
)

// openAddress is where the opened stack is published: another address than before,
// and still none that other machines reach.
const openAddress = "127.0.0.2"

// users may publish to the opened stack. The keys are "board-key" and so on.
const users = `users:
  - username: board
    password: $2a$04$HQU1TlYE.iV/CA9VJAQIvO3C4KroqYB.ukp/ImclDL//j2rS7AZvq
    publish: [factory/line1]
  - username: simulate
    password: $2a$04$zfgbd6U9nTKznU189fsxPeODJXU3tClaWdvajfMtoKYNO5aFoEDwa
    publish: [demo/*]
  - username: prometheus
    password: $2a$04$zgl0wgKKP7Za72YMiX5cJeIYyt7NQzVxSVieyrtr7qy/TsnOClBPS
    publish: [weir/prometheus]
`

// open opens the stack as README says, by PUBLISH_ON and WEIR_USERS, and gives the
// profiles their keys.
func (s *stack) open(ctx context.Context, profiles []string) error {
	for name, content := range map[string]string{
		"config/users.yaml": users, "simulate_key": "simulate-key\n", "prometheus_key": "prometheus-key\n",
	} {
		if err := os.WriteFile(filepath.Join(s.work, name), []byte(content), 0o644); err != nil {
			return fmt.Errorf("open the stack: %w", err)
		}
	}
	for name, value := range map[string]string{
		"PUBLISH_ON": openAddress, "WEIR_USERS": "/etc/weir/users.yaml",
		"SIMULATE_KEY_FILE": filepath.Join(s.work, "simulate_key"), "PROMETHEUS_KEY_FILE": filepath.Join(s.work, "prometheus_key"),
	} {
		if err := os.Setenv(name, value); err != nil {
			return fmt.Errorf("open the stack: %w", err)
		}
	}
	for _, addr := range []*string{&s.mqtt, &s.intake, &s.external} { // not the internal one
		*addr = openAddress + (*addr)[strings.LastIndex(*addr, ":"):]
	}
	var args []string
	for _, profile := range profiles {
		args = append(args, "--profile", profile)
	}
	if _, err := s.composed(ctx, append(args, "up", "-d", "--no-build")...); err != nil {
		return err
	}
	return s.healthy(ctx)
}

// opened opens the stack and looks who still may publish.
func (c *check) opened(ctx context.Context, profiles []string) error {
	if err := c.open(ctx, profiles); err != nil {
		return err
	}
	if err := c.onlyUsers(ctx); err != nil {
		return err
	}
	if a, err := ask("GET", c.external, "/health", ""); err != nil || a.status != 200 {
		return fmt.Errorf("the reading API at %s: %d %w", c.external, a.status, err)
	}
	tenants := []string{"demo"}
	if len(profiles) > 1 {
		tenants = append(tenants, "weir")
	}
	for _, service := range tenants {
		if err := c.goesOn(ctx, service); err != nil {
			return err
		}
	}
	return nil
}

// onlyUsers tries with and without a name, over MQTT and HTTP.
func (c *check) onlyUsers(ctx context.Context) error {
	if err := knock(c.mqtt, "", ""); !errors.Is(err, packets.ErrorRefusedNotAuthorised) {
		return fmt.Errorf("MQTT without a name: %w", err)
	}
	if err := knock(c.mqtt, "board", "board-key"); err != nil {
		return err
	}
	const path, metrics = "/metrics/job/opened?service=factory&subservice=line1", "level 1\n"
	if a, err := ask("POST", c.intake, path, metrics); err != nil || a.status != 401 {
		return fmt.Errorf("a push without a name: %d %s %w", a.status, a.body, err)
	}
	return eventually(ctx, "a push with a name is taken", func() error {
		if a, err := ask("POST", c.intake, path, metrics, basic("board", "board-key")); err != nil || a.status/100 != 2 {
			return fmt.Errorf("%d %s %w", a.status, a.body, err)
		}
		return nil
	})
}

// knock connects and takes its leave.
func knock(addr, name, key string) error {
	client := mqtt.NewClient(mqtt.NewClientOptions().AddBroker("tcp://" + addr).SetClientID("knock").
		SetUsername(name).SetPassword(key).SetProtocolVersion(4).SetConnectTimeout(10 * time.Second))
	token := client.Connect()
	if !token.WaitTimeout(patience) {
		return errors.New("MQTT: no answer")
	}
	if err := token.Error(); err != nil {
		return fmt.Errorf("connect as %q: %w", name, err)
	}
	client.Disconnect(1000)
	return nil
}

func basic(name, key string) string {
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(name+":"+key))
}

// goesOn waits until more arrives for a service's tenants.
func (c *check) goesOn(ctx context.Context, service string) error {
	received := func() (sum uint64, err error) {
		var books struct{ Tenants []account }
		err = c.getJSON("/api/accounting", &books)
		for _, a := range books.Tenants {
			if a.Service == service {
				sum += a.Received
			}
		}
		return sum, err
	}
	before, err := received()
	if err != nil {
		return err
	}
	return eventually(ctx, "more arrives for "+service, func() error {
		now, err := received()
		if err == nil && now <= before {
			err = fmt.Errorf("still %d messages", now)
		}
		return err
	})
}
