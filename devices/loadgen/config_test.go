package loadgen

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestConfig(t *testing.T) {
	good := Config{Addr: "a:1", Events: 1}
	with := func(change func(*Config)) Config {
		c := good
		change(&c)
		return c
	}
	tests := []struct {
		name   string
		config Config
		faults []string // none: it is good
	}{
		{"an address and an end are enough", good, nil},
		{"a duration is an end", Config{Addr: "a:1", Duration: time.Second}, nil},
		{"nothing at all", Config{}, []string{"no address", "neither a duration nor a number of events"}},
		{"all faults are told", Config{Version: 3, QoS: 3, Clients: -1, Window: 65536, Sources: -1, Rate: -1, MalformedEvery: -1, Payload: "x"},
			[]string{"no address", "version 3", "QoS 3", "-1 clients", "window of 65536", "-1 sources", "rate of -1", "every -1-th", "neither", `unknown payload "x"`}},
		{"a warm-up as long as the run", with(func(c *Config) { c.Duration, c.Warmup = time.Second, time.Second }), []string{"leaves nothing of 1s"}},
		{"a time below zero", with(func(c *Config) { c.Drain = -1 }), []string{"a time below zero"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := tt.config.complete()
			checkFaults(t, err, tt.faults)
		})
	}
	if _, err := Run(t.Context(), Config{}, nil); !errors.Is(err, ErrConfig) {
		t.Errorf("Run: error %v", err)
	}
}

func TestNumberedConfig(t *testing.T) {
	tests := []struct {
		name   string
		config NumberedConfig
		faults []string
	}{
		{"an address is enough", NumberedConfig{Addr: at("a:1")}, nil},
		{"all faults are told", NumberedConfig{Version: 3, QoS: 3, Connections: -1, Window: 65535, Rate: -1, MinBackoff: 2 * time.Second, SessionExpiry: 1},
			[]string{"no address", "version 3", "QoS 3", "-1 connections", "window of 65535", "rate of -1", "back-off of 2s to 1s", "session expiry of 1ns"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := tt.config.complete()
			checkFaults(t, err, tt.faults)
		})
	}
	if _, err := StartNumbered(NumberedConfig{}); !errors.Is(err, ErrConfig) {
		t.Errorf("StartNumbered: error %v", err)
	}
}

func checkFaults(t *testing.T, err error, faults []string) {
	t.Helper()
	if len(faults) == 0 {
		if err != nil {
			t.Errorf("error %v", err)
		}
		return
	}
	if !errors.Is(err, ErrConfig) {
		t.Fatalf("error %v", err)
	}
	if n := strings.Count(err.Error(), "\n") + 1; n != len(faults) {
		t.Errorf("%d faults, want %d: %v", n, len(faults), err)
	}
	for _, f := range faults {
		if !strings.Contains(err.Error(), f) {
			t.Errorf("%q is not told: %v", f, err)
		}
	}
}

func TestShareDealsOutEverything(t *testing.T) {
	for _, n := range []uint64{0, 1, 7, 10, 1003} {
		sum := uint64(0)
		for i := range 7 {
			sum += share(n, i, 7)
		}
		if sum != n {
			t.Errorf("of %d things %d are dealt out", n, sum)
		}
	}
}
