package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// stack is the compose stack, by its commands.
type stack struct {
	work    string // directory of this run's files
	docker  string
	compose []string

	mqtt, internal, external, intake string // published addresses
	mailsink                         string
}

// services are the containers of the stack without profiles.
var services = []string{"nats", "ingest", "aggregator", "alerter", "query"}

// prepare writes what the stack is told for the test, and picks free ports.
func (s *stack) prepare(r *receivers) error {
	for variable, addr := range map[string]*string{
		"MQTT_PORT": &s.mqtt, "INTERNAL_PORT": &s.internal, "EXTERNAL_PORT": &s.external, "INTAKE_PORT": &s.intake, "MAILSINK_PORT": &s.mailsink,
	} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return fmt.Errorf("find a free port: %w", err)
		}
		defer listener.Close()
		*addr = listener.Addr().String()
		if err := os.Setenv(variable, strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)); err != nil {
			return fmt.Errorf("set a port: %w", err)
		}
	}
	for name, content := range map[string]string{
		"test.yaml":               override,
		"config/rules/hot.yml":    hotRules,
		"config/alertmanager.yml": r.config(),
	} {
		path := filepath.Join(s.work, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("prepare the stack: %w", err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			return fmt.Errorf("prepare the stack: %w", err)
		}
	}
	// mktemp's directory is its owner's alone; the containers' user reads below it.
	if err := os.Chmod(s.work, 0o755); err != nil {
		return fmt.Errorf("prepare the stack: %w", err)
	}
	return os.MkdirAll(filepath.Join(s.work, "logs"), 0o755)
}

// override is what the test needs beside compose.yaml: the receivers run on this
// side of the containers.
const override = `services:
  alerter:
    extra_hosts: ["receivers:host-gateway"]
    environment:
      WEIR_ALERTMANAGER_CONFIG: /etc/weir/alertmanager.yml
`

const hotRules = `groups:
  - name: nodes
    interval: 1s
    rules:
      - alert: HotNode
        expr: spore_node_cpu_usage_percent{node=~"hot-.*"} > 80
        labels: {severity: critical}
        annotations: {summary: "{{ $labels.node }} is at {{ $value }} %"}
`

// command runs a command and returns what it printed; the error has the rest.
func command(ctx context.Context, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%s %s: %w\n%s%s", name, strings.Join(args, " "), err, out.String(), complaints.String())
	}
	return out.String(), nil
}

func (s *stack) composed(ctx context.Context, args ...string) (string, error) {
	return command(ctx, s.compose[0], append(s.compose[1:], args...)...)
}

// container is what the engine says of one.
type container struct {
	ID           string
	RestartCount int
	State        struct {
		Status   string
		Pid      int
		ExitCode int
		Health   struct{ Status string }
	}
	Config     struct{ User string }
	HostConfig struct {
		ReadonlyRootfs bool
		CapDrop        []string
		Memory         int64
		NanoCpus       int64
		SecurityOpt    []string
	}
}

func (s *stack) inspect(ctx context.Context, service string) (one container, err error) {
	ids, err := command(ctx, s.docker, "ps", "-aq", "--filter", "label=com.docker.compose.project="+os.Getenv("COMPOSE_PROJECT_NAME"), "--filter", "label=com.docker.compose.service="+service)
	if err != nil {
		return one, err
	}
	if len(strings.Fields(ids)) != 1 {
		return one, fmt.Errorf("%s has the containers %q", service, ids)
	}
	out, err := command(ctx, s.docker, "inspect", strings.TrimSpace(ids))
	if err != nil {
		return one, err
	}
	var all []container
	if err := json.Unmarshal([]byte(out), &all); err != nil || len(all) != 1 {
		return one, fmt.Errorf("read what docker inspect says of %s: %w", service, errors.Join(err, errors.New(out)))
	}
	return all[0], nil
}

func (s *stack) up(ctx context.Context) error {
	if _, err := s.composed(ctx, "up", "-d", "--no-build"); err != nil {
		return err
	}
	return s.healthy(ctx)
}

// healthy waits until the engine's health checks say so of every container.
func (s *stack) healthy(ctx context.Context) error {
	for _, name := range services {
		err := eventually(ctx, name+" is healthy", func() error {
			one, err := s.inspect(ctx, name)
			if err != nil {
				return err
			}
			if one.State.Health.Status != "healthy" {
				return fmt.Errorf("it is %s, %s", one.State.Status, one.State.Health.Status)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *stack) hardened(ctx context.Context) error {
	for _, name := range services {
		one, err := s.inspect(ctx, name)
		if err != nil {
			return err
		}
		h := one.HostConfig
		if !h.ReadonlyRootfs || len(h.CapDrop) != 1 || h.Memory == 0 || h.NanoCpus == 0 || len(h.SecurityOpt) == 0 {
			return fmt.Errorf("%s: %+v", name, h)
		}
		if name != "nats" && one.Config.User != "10001:10001" {
			return fmt.Errorf("%s runs as %q", name, one.Config.User)
		}
	}
	return nil
}

// crash kills a container's process as a power switch would, and waits until it
// runs again: the engine starts it. Where the process is out of reach (an engine in
// a machine of its own) the engine kills it, and then has to be asked for the start.
func (s *stack) crash(ctx context.Context, service string) error {
	before, err := s.inspect(ctx, service)
	if err != nil {
		return err
	}
	asked := false
	if err := syscall.Kill(before.State.Pid, syscall.SIGKILL); err != nil {
		asked = true
		if _, err := command(ctx, s.docker, "kill", before.ID); err != nil {
			return err
		}
		if _, err := command(ctx, s.docker, "start", before.ID); err != nil {
			return err
		}
	}
	return eventually(ctx, service+" comes back", func() error {
		now, err := s.inspect(ctx, service)
		if err != nil {
			return err
		}
		if now.State.Status != "running" || now.State.Pid == before.State.Pid || !asked && now.RestartCount == before.RestartCount {
			return fmt.Errorf("it is %s", now.State.Status)
		}
		return nil
	})
}

// logsSince returns what a container printed from some moment on.
func (s *stack) logsSince(ctx context.Context, id string, from time.Time) (string, error) {
	out, err := exec.CommandContext(ctx, s.docker, "logs", "--since", from.Format(time.RFC3339Nano), id).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("docker logs: %w", err)
	}
	return string(out), nil
}

func (c *check) stopAll(ctx context.Context) error {
	if _, err := c.composed(ctx, "--profile", "demo", "--profile", "prometheus", "stop"); err != nil {
		return err
	}
	for _, name := range services {
		one, err := c.inspect(ctx, name)
		if err != nil {
			return err
		}
		// NATS ends by the signal's number where it is asked to terminate.
		if code := one.State.ExitCode; code != 0 && (name != "nats" || code != 1) {
			text, _ := c.logsSince(ctx, one.ID, time.Now().Add(-time.Minute))
			return fmt.Errorf("%s ended with %d\n%s", name, code, text)
		}
	}
	return nil
}
