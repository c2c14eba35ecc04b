package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

type healthcheckCmd struct{ clientFlags }

// Run asks /health and says on standard error what it found. Healthy and
// degraded are good: to start a degraded weir anew would mend nothing.
func (c *healthcheckCmd) Run(s *session) error {
	client, err := c.client(s)
	if err != nil {
		return err
	}
	a, err := client.do(s.ctx, http.MethodGet, "/health")
	if err != nil {
		return err
	}
	var health struct {
		Status     string         `json:"status"`
		Components map[string]any `json:"components"`
		Error      string         `json:"error"`
	}
	if err := json.Unmarshal(a.body, &health); err != nil {
		return fmt.Errorf("read the answer of %s/health (HTTP %d): %w", client.base, a.status, err)
	}
	message := health.Status
	if health.Error != "" {
		message += ": " + health.Error
	}
	if len(health.Components) > 0 {
		message += " (" + listed(health.Components) + ")"
	}
	if health.Status != "healthy" && health.Status != "degraded" {
		return errors.New(message)
	}
	fmt.Fprintln(s.stderr, message)
	return nil
}

func listed(components map[string]any) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(components)) {
		parts = append(parts, fmt.Sprintf("%s %v", name, components[name]))
	}
	return strings.Join(parts, ", ")
}
