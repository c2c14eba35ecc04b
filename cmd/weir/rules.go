package main

import (
	"context"
	"errors"
	"time"

	"weir/cmd/weir/internal/config"
	"weir/services/alerter"
)

// The commands that look at the files of the alerter, without a running weir.
type (
	checkRulesCmd struct {
		Files []string `arg:"" help:"Rule files, or directories of them."`
	}
	testRulesCmd struct {
		Files []string `arg:"" help:"Files of unit tests in promtool's format."`
	}
	checkRoutesCmd struct {
		settings
		Labels []string `arg:"" optional:"" help:"Labels of an alert, each name=value: who would get it?"`
	}
	notifyTestCmd struct {
		settings
		Receiver string `arg:"" help:"Name of the receiver in Alertmanager's configuration."`
	}
)

// notifyTestTimeout bounds the attempts to tell all of a receiver.
const notifyTestTimeout = time.Minute

// Run checks rule files.
func (c *checkRulesCmd) Run(s *session) error { return alerter.CheckRules(c.Files, s.stdout) }

// Run runs the unit tests of rules.
func (c *testRulesCmd) Run(s *session) error { return alerter.TestRules(c.Files, s.stdout) }

// errNoAlertmanagerConfig says that there is nothing to check.
var errNoAlertmanagerConfig = errors.New("which file? Give --alertmanager-config FILE")

// Run checks the routes.
func (c *checkRoutesCmd) Run(s *session) error {
	file, _, err := c.alertmanagerConfig(s)
	if err != nil {
		return err
	}
	return alerter.CheckRoutes(file, c.Labels, s.stdout)
}

// Run sends a test to a receiver.
func (c *notifyTestCmd) Run(s *session) error {
	file, loaded, err := c.alertmanagerConfig(s)
	if err != nil {
		return err
	}
	url := loaded.ExternalURL
	if url == "" {
		url = "http://" + loaded.InternalAddr
	}
	ctx, cancel := context.WithTimeout(s.ctx, notifyTestTimeout)
	defer cancel()
	return alerter.TestReceiver(ctx, file, c.Receiver, url, s.stdout)
}

// alertmanagerConfig returns the name of Alertmanager's configuration, which
// these commands need, and the settings.
func (s settings) alertmanagerConfig(sess *session) (string, config.Config, error) {
	c, _, err := s.load(sess)
	if err == nil && c.AlertmanagerConfig == "" {
		err = errNoAlertmanagerConfig
	}
	return c.AlertmanagerConfig, c, err
}
