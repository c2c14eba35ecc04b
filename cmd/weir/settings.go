package main

import (
	"fmt"
	"log/slog"
	"reflect"
	"strconv"
	"strings"

	"github.com/alecthomas/kong"

	"weir/cmd/weir/internal/config"
)

// settings gives a command the flags of its role, made from the table of
// settings. Embed it.
type settings struct {
	Flags kong.Plugins `embed:""` // one pointer to a struct with a field a flag

	role  config.Role
	names []string // by field of that struct
}

// newSettings builds the struct from which kong makes the flags. Every field is
// a pointer, or a list, to which kong adds, nil until its flag is given: package config must know which were,
// and reads their texts itself to say what is wrong with all of them at once.
func newSettings(role config.Role) settings {
	s := settings{role: role}
	var fields []reflect.StructField
	add := func(name, placeholder, help string, typ reflect.Type) {
		tag := fmt.Sprintf(`name:%q help:%s`, name, strconv.Quote(help))
		if placeholder != "" {
			tag += fmt.Sprintf(` placeholder:%q`, placeholder)
		}
		if typ == reflect.TypeFor[[]string]() {
			tag += ` sep:"none"` // values may have commas in them
		}
		fields = append(fields, reflect.StructField{
			Name: fmt.Sprintf("F%d", len(fields)), Type: typ, Tag: reflect.StructTag(tag),
		})
		s.names = append(s.names, name)
	}
	add(config.ConfigFlag, "FILE", "Configuration file, YAML (WEIR_CONFIG).", reflect.TypeFor[*string]())
	for _, row := range config.Settings {
		switch {
		case row.Roles&role == 0:
		case row.Value == "":
			add(row.Flag(), "", switchHelp(row), reflect.TypeFor[*bool]())
		case row.List:
			add(row.Flag(), row.Value, flagHelp(row), reflect.TypeFor[[]string]())
		default:
			add(row.Flag(), row.Value, flagHelp(row), reflect.TypeFor[*string]())
		}
	}
	s.Flags = kong.Plugins{reflect.New(reflect.StructOf(fields)).Interface()}
	return s
}

func switchHelp(row config.Setting) string {
	if row.Default == "true" {
		return flagHelp(row)
	}
	return row.Help + " (" + row.Env() + ")"
}

func flagHelp(row config.Setting) string {
	if row.Default == "" {
		return row.Help + " (" + row.Env() + ")"
	}
	return row.Help + " (" + row.Env() + "; default " + row.Default + ")"
}

// given lists the flags that the command line gave.
func (s settings) given() []config.Flag {
	var flags []config.Flag
	v := reflect.ValueOf(s.Flags[0]).Elem()
	for i, name := range s.names {
		f := v.Field(i)
		if f.IsNil() {
			continue
		}
		var text string
		if list, ok := f.Interface().([]string); ok {
			text = strings.Join(list, "\n")
		} else {
			text = fmt.Sprint(f.Elem().Interface())
		}
		flags = append(flags, config.Flag{Name: name, Text: text})
	}
	return flags
}

// load puts the layers of the settings together and says what they ignore.
func (s settings) load(sess *session) (config.Config, *slog.Logger, error) {
	c, logger, _, err := s.loadWithLevel(sess)
	return c, logger, err
}

// loadWithLevel is load with the logger's level, which can be set while it runs.
func (s settings) loadWithLevel(sess *session) (config.Config, *slog.Logger, *slog.LevelVar, error) {
	c, warnings, err := config.Load(s.role, config.Sources{Env: sess.env, Flags: s.given()})
	level := new(slog.LevelVar)
	level.Set(c.LogLevel)
	logger := leveledLogger(sess, c, level)
	for _, w := range warnings {
		logger.Warn(w)
	}
	return c, logger, level, err
}

// newLogger writes log lines to standard error, as the settings want them.
func newLogger(sess *session, c config.Config) *slog.Logger {
	return leveledLogger(sess, c, c.LogLevel)
}

func leveledLogger(sess *session, c config.Config, level slog.Leveler) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if c.LogFormat == config.LogJSON {
		return slog.New(slog.NewJSONHandler(sess.stderr, options))
	}
	return slog.New(slog.NewTextHandler(sess.stderr, options))
}
