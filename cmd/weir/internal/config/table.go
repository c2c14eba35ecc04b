package config

import (
	"fmt"
	"strings"
)

// MarkdownTable returns the table of settings for the README.
func MarkdownTable() string {
	var b strings.Builder
	b.WriteString("| file | flag | environment | default | for | what |\n|---|---|---|---|---|---|\n")
	fmt.Fprintf(&b, "| | `--%s FILE` | `%s` | | all | Configuration file, YAML. |\n", ConfigFlag, ConfigEnv)
	for _, s := range Settings {
		flag := strings.TrimSpace("--" + s.Flag() + " " + s.Value)
		fmt.Fprintf(&b, "| `%s` | `%s` | `%s` | %s | %s | %s |\n", s.Key, flag, s.Env(), code(s.Default), s.usedBy(), s.Help)
	}
	return b.String()
}

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + s + "`"
}

// usedBy names the services that take a setting.
func (s Setting) usedBy() string {
	if s.Roles&services == services {
		return "all"
	}
	var names []string
	for _, r := range []Role{Ingest, Aggregator, Query, Alerter} {
		if s.Roles&r != 0 {
			names = append(names, strings.TrimPrefix(r.String(), "weir "))
		}
	}
	return strings.Join(names, ", ")
}
