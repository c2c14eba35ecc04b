package config

import (
	"os"
	"strings"
)

const (
	envPrefix = "WEIR_"
	// ConfigEnv names the configuration file, as --config does.
	ConfigEnv = envPrefix + "CONFIG"
	// ConfigFlag is the flag for the configuration file, without dashes.
	ConfigFlag = "config"
)

// Flag is a setting as the command line gave it.
type Flag struct {
	Name string // without dashes
	Text string // of one that was given several times, each on a line of its own
}

// Sources is where settings come from, besides the defaults.
type Sources struct {
	Env   []string // "NAME=value", as os.Environ gives it
	Flags []Flag   // each once; ConfigFlag among them
}

// Load fills the settings for a role: the defaults, over them the file that
// --config or WEIR_CONFIG names, over it the environment, over all the flags.
// Warnings say what was ignored and perhaps not meant so. The error is a Faults
// with everything that is wrong in any layer.
func Load(role Role, from Sources) (c Config, warnings []string, err error) {
	l := &loader{config: Default(), places: map[string]string{}, env: environment(from.Env)}
	l.file(from)
	l.environment()
	l.flags(from.Flags)
	l.validate(role)
	if len(l.faults) > 0 {
		return Config{}, l.warnings, l.faults
	}
	return l.config, l.warnings, nil
}

// loader gathers the layers of one Load.
type loader struct {
	config   Config
	env      []variable
	places   map[string]string // by setting: where its value in force stands
	warnings []string
	faults   Faults
}

// listSeparator stands between the items of a list on its way to a setting.
const listSeparator = "\n"

// apply sets one setting to a value that stands at place; prefix comes before
// the message where the place does not name the setting.
func (l *loader) apply(s Setting, value, place, prefix string) {
	if err := s.set(&l.config, value); err != nil {
		l.faults.add(place, "%s%s", prefix, err)
		return
	}
	l.places[s.Key] = place
}

func (l *loader) flags(flags []Flag) {
	for _, f := range flags {
		if f.Name == ConfigFlag {
			continue
		}
		s, ok := lookup(f.Name, Setting.Flag)
		if !ok {
			panic("BUG: flag --" + f.Name + " is not a setting")
		}
		l.apply(s, f.Text, "--"+f.Name, "")
	}
}

// file reads the configuration file if one is named; the flag goes before the
// environment.
func (l *loader) file(from Sources) {
	path, place := "", ""
	for _, v := range l.env {
		if v.name == ConfigEnv {
			path, place = v.value, v.place()
		}
	}
	for _, f := range from.Flags {
		if f.Name == ConfigFlag {
			path, place = f.Text, "--"+ConfigFlag
		}
	}
	if place == "" {
		return
	}
	data, err := os.ReadFile(path)
	if err != nil {
		l.faults.add(place, "cannot read the configuration file: %s", err)
		return
	}
	l.yaml(path, data)
}

// variable is an environment variable of ours.
type variable struct{ name, value string }

func (v variable) place() string { return "environment " + v.name }

// environment picks our variables. One without a value counts as not set:
// compose files and unit files often hand on empty ones.
func environment(env []string) []variable {
	var ours []variable
	for _, e := range env {
		name, value, _ := strings.Cut(e, "=")
		if strings.HasPrefix(name, envPrefix) && value != "" {
			ours = append(ours, variable{name, value})
		}
	}
	return ours
}

// environment applies our variables. Unknown ones only warn: container
// platforms set some of their own after a service's name (WEIR_PORT_8080_TCP).
func (l *loader) environment() {
	for _, v := range l.env {
		if v.name == ConfigEnv {
			continue
		}
		s, ok := lookup(v.name, Setting.Env)
		if !ok {
			l.warnings = append(l.warnings, v.place()+": "+unknown(v.name, Setting.Env)+", ignored")
			continue
		}
		value := v.value
		if s.List {
			value = strings.ReplaceAll(value, ",", listSeparator)
		}
		l.apply(s, value, v.place(), "")
	}
}
