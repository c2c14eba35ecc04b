package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// demo starts the simulated fleet and the mail sink, and has the alerter tell that
// one, by the file that compose.yaml's users name for it.
func (c *check) demo(ctx context.Context) error {
	if _, err := c.composed(ctx, "--profile", "demo", "up", "-d", "--no-build"); err != nil {
		return err
	}
	routes, err := os.ReadFile(filepath.Join(c.work, "config/alertmanager/mailsink.yml"))
	if err != nil {
		return fmt.Errorf("read the routes to the mail sink: %w", err)
	}
	if err := os.WriteFile(filepath.Join(c.work, "config/alertmanager.yml"), routes, 0o644); err != nil {
		return fmt.Errorf("write the routes to the mail sink: %w", err)
	}
	err = eventually(ctx, "the fleet is there", func() error {
		var fleet struct {
			Summary struct {
				Nodes int `json:"total_nodes"`
			}
		}
		if err := c.getJSON("/api/monitoring/resources?service=demo", &fleet); err != nil {
			return err
		}
		if fleet.Summary.Nodes < 50 {
			return fmt.Errorf("%d nodes", fleet.Summary.Nodes)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := c.cpu("hot-demo", 95); err != nil {
		return err
	}
	return eventually(ctx, "the mail sink has a mail", func() error {
		if a, err := ask("GET", c.mailsink, "/", ""); err != nil || !strings.Contains(string(a.body), "HotNode") {
			return fmt.Errorf("%d %s %w", a.status, a.body, err)
		}
		return nil
	})
}

// prometheus starts the profile's Prometheus and looks in weir for what it wrote.
func (c *check) prometheus(ctx context.Context) error {
	if _, err := c.composed(ctx, "--profile", "prometheus", "up", "-d", "--no-build"); err != nil {
		return err
	}
	return eventually(ctx, "what Prometheus scraped is in weir", func() error {
		var answer struct {
			Data struct {
				Result []struct {
					Metric map[string]string
					Value  [2]any
				}
			}
		}
		if err := c.getJSON("/api/v1/query?query=up&service=weir&subservice=prometheus", &answer); err != nil {
			return err
		}
		var up []string
		for _, r := range answer.Data.Result {
			if r.Value[1] == "1" {
				up = append(up, r.Metric["instance"])
			}
		}
		if len(up) != len(services)-1 {
			return errors.New("up are only " + strings.Join(up, ", "))
		}
		return nil
	})
}
