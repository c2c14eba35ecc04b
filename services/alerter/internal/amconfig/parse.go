package amconfig

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Parse reads an alertmanager.yml. Dir is the directory that relative names of
// files in it are relative to. The error, if any, is an *Error with all that is
// wrong.
func Parse(content []byte, dir string) (*Config, error) {
	root, err := document(content)
	if err != nil {
		return nil, newError(newFaults(err))
	}
	f, r := &file{Global: DefaultGlobal()}, &reader{lines: map[string]int{}}
	r.read(root, reflect.ValueOf(f).Elem(), "", "the file")
	f.complete(r, dir)
	f.check(r)
	if len(r.faults) > 0 {
		return nil, newError(r.faults)
	}
	c := &Config{Global: f.Global, Templates: f.Templates, Receivers: f.Receivers, original: string(content)}
	c.TimeIntervals, _ = f.intervals()
	c.Route = f.Route.route(&Route{GroupWait: DefaultGroupWait, GroupInterval: DefaultGroupInterval, RepeatInterval: DefaultRepeatInterval})
	for i := range f.InhibitRules {
		c.InhibitRules = append(c.InhibitRules, f.InhibitRules[i].rule())
	}
	return c, nil
}

// document returns the one document of a file. Decoding it into whatever it is
// finds what the nodes alone do not show: keys that are there twice, aliases that
// contain themselves or multiply.
func document(content []byte) (*yaml.Node, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	root := &yaml.Node{}
	if err := decoder.Decode(root); errors.Is(err, io.EOF) {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null"}, nil
	} else if err != nil {
		return nil, err
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is a second document in the file: expected one")
	}
	var whatever any
	if err := root.Decode(&whatever); err != nil {
		return nil, err
	}
	return root.Content[0], nil
}

// complete carries into the receivers what the global section says, and joins
// the names of files to the directory.
func (f *file) complete(r *reader, dir string) {
	for i := range f.Templates {
		if _, err := filepath.Match(f.Templates[i], ""); err != nil {
			r.fault(r.lines["templates"], "templates: %q: %s", f.Templates[i], err)
		}
		join(dir, &f.Templates[i])
	}
	f.Global.setDirectory(dir)
	for i := range f.Receivers {
		path := fmt.Sprintf("receivers[%d]", i)
		if f.Receivers[i].Name == "" {
			r.fault(r.lines[path], "receivers: name is missing")
		}
		f.Receivers[i].SetDirectory(dir)
		for _, text := range f.Receivers[i].Complete(&f.Global) {
			item, _, _ := strings.Cut(text, ":") // "slack_configs[0]"
			r.fault(max(r.lines[path], r.lines[path+"."+item]), "%s", text)
		}
	}
}

// check looks at how the sections go together.
func (f *file) check(r *reader) {
	receivers := map[string]bool{}
	for i := range f.Receivers {
		name := f.Receivers[i].Name
		if receivers[name] {
			r.fault(r.lines[fmt.Sprintf("receivers[%d]", i)], "receivers: name %q is not unique", name)
		}
		receivers[name] = true
	}
	intervals, twice := f.intervals()
	r.faults = append(r.faults, twice...)
	if f.Route == nil {
		r.fault(0, "there is no route: expected the section route with a receiver")
		return
	}
	r.faults = append(r.faults, f.Route.rootFaults()...)
	r.faults = append(r.faults, f.Route.undefined(
		func(name string) bool { return receivers[name] },
		func(name string) bool { return intervals[name] != nil })...)
}
