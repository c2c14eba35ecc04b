package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

// The functions below make a setting's set: each reads one form of value into
// the field that it is given. Their errors say what was found and what was
// expected; where it stood is added by the layer that read it.

func text(field func(*Config) *string) func(*Config, string) error {
	return func(c *Config, s string) error {
		*field(c) = s
		return nil
	}
}

// list reads one item a line.
func list(field func(*Config) *[]string) func(*Config, string) error {
	return func(c *Config, s string) error {
		var items []string
		for item := range strings.SplitSeq(s, listSeparator) {
			if item = strings.TrimSpace(item); item != "" {
				items = append(items, item)
			}
		}
		*field(c) = items
		return nil
	}
}

func webURL(field func(*Config) *string) func(*Config, string) error {
	return func(c *Config, s string) error {
		if s != "" {
			u, err := url.Parse(s)
			if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
				return fmt.Errorf("%q is not an address such as https://weir.example.org", s)
			}
		}
		*field(c) = strings.TrimSuffix(s, "/")
		return nil
	}
}

func oneOf(field func(*Config) *string, allowed ...string) func(*Config, string) error {
	return func(c *Config, s string) error {
		if !slices.Contains(allowed, s) {
			return fmt.Errorf("%q is not one of %s", s, strings.Join(allowed, ", "))
		}
		*field(c) = s
		return nil
	}
}

func address(field func(*Config) *string) func(*Config, string) error {
	return func(c *Config, s string) error {
		_, port, err := net.SplitHostPort(s)
		if err != nil {
			return fmt.Errorf("%q is not an address such as 127.0.0.1:1883", s)
		}
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return fmt.Errorf("%q has port %q, expected 0 to 65535", s, port)
		}
		*field(c) = s
		return nil
	}
}

func boolean(field func(*Config) *bool) func(*Config, string) error {
	return func(c *Config, s string) error {
		v, err := strconv.ParseBool(s)
		if err != nil {
			return fmt.Errorf("%q is not true or false", s)
		}
		*field(c) = v
		return nil
	}
}

func number(field func(*Config) *int, low, high int) func(*Config, string) error {
	return func(c *Config, s string) error {
		v, err := strconv.Atoi(s)
		if err != nil {
			return fmt.Errorf("%q is not a whole number", s)
		}
		if v < low || v > high {
			return fmt.Errorf("%d is not in %d to %d", v, low, high)
		}
		*field(c) = v
		return nil
	}
}

func size(field func(*Config) *int, low, high int) func(*Config, string) error {
	return func(c *Config, s string) error {
		v, err := humanize.ParseBytes(s)
		if err != nil {
			return fmt.Errorf("%q is not a size such as 64KiB or 65536", s)
		}
		if v < uint64(low) || v > uint64(high) {
			return fmt.Errorf("%s is not in %s to %s", s, humanize.IBytes(uint64(low)), humanize.IBytes(uint64(high)))
		}
		*field(c) = int(v)
		return nil
	}
}

func duration(field func(*Config) *time.Duration, low, high time.Duration) func(*Config, string) error {
	return func(c *Config, s string) error {
		v, err := time.ParseDuration(s)
		if err != nil {
			return fmt.Errorf("%q is not a duration such as 500ms, 10s or 1m30s", s)
		}
		if v < low || v > high {
			return fmt.Errorf("%s is not in %s to %s", v, low, high)
		}
		*field(c) = v
		return nil
	}
}

// age reads a duration that may have days in it.
func age(field func(*Config) *time.Duration, high time.Duration) func(*Config, string) error {
	return func(c *Config, s string) error {
		var v time.Duration
		days, rest, found := strings.Cut(s, "d")
		n, err := strconv.ParseUint(days, 10, 16)
		switch {
		case found && err != nil, !found:
			rest = s
		default:
			v = time.Duration(n) * 24 * time.Hour
		}
		if rest != "" {
			more, err := time.ParseDuration(rest)
			if err != nil {
				return fmt.Errorf("%q is not a duration such as 15d, 36h or 1d12h", s)
			}
			v += more
		}
		if v < 0 || v > high {
			return fmt.Errorf("%s is not in 0 to %dd", s, high/(24*time.Hour))
		}
		*field(c) = v
		return nil
	}
}

func date(field func(*Config) *time.Time) func(*Config, string) error {
	return func(c *Config, s string) error {
		v, err := time.Parse(time.DateOnly, s)
		if err != nil {
			return fmt.Errorf("%q is not a date such as 2020-01-01", s)
		}
		if v.Unix() < 0 {
			return fmt.Errorf("%q is before 1970-01-01", s)
		}
		*field(c) = v
		return nil
	}
}

func level(c *Config, s string) error {
	levels := map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
	}
	l, ok := levels[s]
	if !ok {
		return errors.New(strconv.Quote(s) + " is not one of debug, info, warn, error")
	}
	c.LogLevel = l
	return nil
}
