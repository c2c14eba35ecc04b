package amconfig

import (
	"fmt"
	"path/filepath"

	"weir/pkg/strictyaml"
)

// Parse reads an alertmanager.yml. Dir is the directory that relative names of
// files in it are relative to. The error, if any, is of type strictyaml.Faults, with
// all that is wrong.
func Parse(content []byte, dir string) (*Config, error) {
	root, err := strictyaml.Document(content)
	if err != nil {
		return nil, err
	}
	f := &file{Global: DefaultGlobal()}
	faults := strictyaml.Read(root, f, strictyaml.Options{Product: "Alertmanager", Unsupported: unsupported, Dir: dir, ValidateAll: true})
	faults = append(faults, f.complete(dir)...)
	faults = append(faults, f.check()...)
	if err := faults.Err(); err != nil {
		return nil, err
	}
	c := &Config{Global: f.Global, Receivers: f.Receivers, original: string(content)}
	for _, name := range f.Templates {
		c.Templates = append(c.Templates, string(name))
	}
	c.TimeIntervals, _ = f.intervals()
	c.Route = f.Route.route(&Route{GroupWait: DefaultGroupWait, GroupInterval: DefaultGroupInterval, RepeatInterval: DefaultRepeatInterval})
	for i := range f.InhibitRules {
		c.InhibitRules = append(c.InhibitRules, f.InhibitRules[i].rule())
	}
	return c, nil
}

// glob is a pattern for names of files.
type glob string

// UnmarshalText reads it.
func (g *glob) UnmarshalText(text []byte) error {
	if _, err := filepath.Match(string(text), ""); err != nil {
		return fmt.Errorf("%q: %w", text, err)
	}
	*g = glob(text)
	return nil
}

// RelativeTo joins it to a directory.
func (g *glob) RelativeTo(dir string) { join(dir, (*string)(g)) }

// complete carries into the receivers what the global section says, and joins
// the names of files to the directory.
func (f *file) complete(dir string) (found strictyaml.Faults) {
	f.Global.setDirectory(dir)
	for i := range f.Receivers {
		f.Receivers[i].SetDirectory(dir)
		found = append(found, f.Receivers[i].Complete(&f.Global)...)
	}
	return found
}

// check looks at how the sections go together.
func (f *file) check() (found strictyaml.Faults) {
	receivers := map[string]bool{}
	for i := range f.Receivers {
		r := &f.Receivers[i]
		if receivers[r.Name] {
			found.Add(r.Line(), "receivers: name %q is not unique", r.Name)
		}
		receivers[r.Name] = true
	}
	intervals, twice := f.intervals()
	found = append(found, twice...)
	if f.Route == nil {
		found.Add(0, "there is no route: expected the section route with a receiver")
		return found
	}
	found = append(found, f.Route.rootFaults()...)
	return append(found, f.Route.undefined(
		func(name string) bool { return receivers[name] },
		func(name string) bool { return intervals[name] != nil })...)
}
