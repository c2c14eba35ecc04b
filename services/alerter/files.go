package alerter

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"weir/services/alerter/internal/actions"
	"weir/services/alerter/internal/amconfig"
	"weir/services/alerter/internal/notify"
	"weir/services/alerter/internal/route"
	"weir/services/alerter/internal/rule"
)

// files is what the configuration's files say.
type files struct {
	groups       []rule.Group // the shipped ones first
	routes       *amconfig.Config
	integrations map[string][]notify.Integration
	mailer       *actions.SMTP
	logged       *route.Router // for transitions that go to the log
}

// load reads the files. All faults of all of them are one error.
func load(c *Config) (*files, error) {
	var f files
	var faults []error
	if c.DefaultRules {
		f.groups = append(f.groups, rule.Defaults()...)
	}
	paths, err := ruleFiles(c.Rules)
	faults = append(faults, err)
	for _, path := range paths {
		groups, err := ruleFile(path)
		faults = append(faults, err)
		f.groups = append(f.groups, groups...)
	}
	if f.routes, err = routesFile(c.AlertmanagerConfig); err != nil {
		return nil, errors.Join(append(faults, err)...)
	}
	if _, err := f.router(c); err != nil {
		faults = append(faults, err)
	}
	f.integrations, err = notify.Build(f.routes, notify.Options{Version: c.Version})
	faults = append(faults, err)
	f.mailer, err = actions.NewSMTP(&f.routes.Global, os.LookupEnv, time.Now)
	faults = append(faults, err)
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return &f, nil
}

// router returns a new router: each user has its own.
func (f *files) router(c *Config) (*route.Router, error) {
	return route.New(f.routes, route.Options{FallbackReceiver: c.FallbackReceiver, FallbackAfter: c.FallbackAfter})
}

// ruleFiles returns the files of paths: a directory stands for what ends in .yml
// or .yaml in it, by name.
func ruleFiles(paths []string) ([]string, error) {
	var all []string
	var faults []error
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			faults = append(faults, fmt.Errorf("rules: %w", err))
			continue
		}
		if !info.IsDir() {
			all = append(all, path)
			continue
		}
		entries, err := os.ReadDir(path)
		if err != nil {
			faults = append(faults, fmt.Errorf("rules: %w", err))
		}
		for _, e := range entries {
			if ext := filepath.Ext(e.Name()); !e.IsDir() && (ext == ".yml" || ext == ".yaml") {
				all = append(all, filepath.Join(path, e.Name()))
			}
		}
	}
	// A file given twice, by itself and in its directory, is one.
	seen := map[string]bool{}
	all = slices.DeleteFunc(all, func(path string) bool {
		twice := seen[filepath.Clean(path)]
		seen[filepath.Clean(path)] = true
		return twice
	})
	return all, errors.Join(faults...)
}

func ruleFile(path string) ([]rule.Group, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("rules: %w", err)
	}
	return rule.Parse(path, content)
}

func routesFile(path string) (*amconfig.Config, error) {
	if path == "" {
		return amconfig.Default(), nil
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("routes: %w", err)
	}
	c, err := amconfig.Parse(content, filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// fingerprint tells what the files say now from what they said before, whether
// they can be read or not.
func fingerprint(c *Config) [sha256.Size]byte {
	h := sha256.New()
	note := func(path string) {
		content, err := os.ReadFile(path)
		_, _ = fmt.Fprintf(h, "%q %v %d\n", path, err, len(content))
		_, _ = h.Write(content)
	}
	paths, err := ruleFiles(c.Rules)
	_, _ = fmt.Fprintln(h, err)
	for _, path := range paths {
		note(path)
	}
	if c.AlertmanagerConfig != "" {
		note(c.AlertmanagerConfig)
		for _, path := range templates(c.AlertmanagerConfig) {
			note(path)
		}
	}
	_, _ = io.WriteString(h, "end")
	return [sha256.Size]byte(h.Sum(nil))
}

// templates returns the template files that a routes file names, as far as it
// can be read.
func templates(path string) []string {
	c, err := routesFile(path)
	if err != nil {
		return nil
	}
	var all []string
	for _, pattern := range c.Templates {
		paths, _ := filepath.Glob(pattern)
		all = append(all, paths...)
	}
	return all
}

// directories returns the directories in which a change may be one of the
// files'.
func directories(c *Config) []string {
	var all []string
	for _, path := range c.Rules {
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			all = append(all, path)
		}
		all = append(all, filepath.Dir(path)) // of a directory too: it may be replaced
	}
	if c.AlertmanagerConfig != "" {
		all = append(all, filepath.Dir(c.AlertmanagerConfig))
		for _, path := range templates(c.AlertmanagerConfig) {
			all = append(all, filepath.Dir(path))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
