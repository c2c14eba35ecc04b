// Package sources reads the file that says what ingest fetches by itself, and how
// it reads what it is sent: targets to scrape in Prometheus' shape, DataMgmt
// nodes, uptime checks, SPORE gateways, mappings of MQTT topics, and the tenant of
// what is written remotely.
//
// It is read strictly: a key that is not known is an error, one that Prometheus
// knows and weir does not is an error that says so, and all faults are reported
// at once, each with its line.
package sources

import (
	"fmt"
	"os"
	"path/filepath"

	"go.yaml.in/yaml/v3"

	"weir/pkg/schema"
	"weir/pkg/strictyaml"
)

// File is what a sources file says. It is not changed once it is read.
type File struct {
	Scrapes   []Scrape   `yaml:"scrape_configs"`
	DataNodes []DataNode `yaml:"datamgmt_nodes"`
	Probes    []Probe    `yaml:"probes"`
	Gateways  []Gateway  `yaml:"spore_gateways"`

	// Mappings is the section topic_mappings as it stands, nil if there is none:
	// whoever maps topics reads it.
	Mappings *yaml.Node `yaml:"topic_mappings"`

	RemoteWrite RemoteWrite `yaml:"remote_write"`
}

// RemoteWrite says whose series are that are written remotely without saying so.
type RemoteWrite struct {
	Owner `yaml:",inline"`
}

// Validate returns what is wrong with it.
func (r *RemoteWrite) Validate() []string { return r.faults() }

// Owner is the tenant of what is fetched.
type Owner struct {
	Service    string `yaml:"service"`
	Subservice string `yaml:"subservice"` // without its leading slash
}

// Tenant returns the tenant.
func (o *Owner) Tenant() schema.Tenant {
	return schema.Tenant{Service: o.Service, Subservice: o.Subservice}
}

func (o *Owner) faults() []string {
	var faults []string
	const expected = "%s is %q: expected 1 to %d ASCII letters, digits, '_', '-' or '.'"
	switch {
	case o.Service == "":
		faults = append(faults, "service is missing")
	case !schema.ValidTenantName(o.Service):
		faults = append(faults, fmt.Sprintf(expected, "service", o.Service, schema.MaxTenantName))
	}
	switch {
	case o.Subservice == "":
		faults = append(faults, "subservice is missing")
	case !schema.ValidSubservice(o.Subservice):
		faults = append(faults, fmt.Sprintf(expected+", or several such names with '/' between them", "subservice", o.Subservice, schema.MaxTenantName))
	}
	return faults
}

// Options say what reading a file needs of others.
type Options struct {
	// Mappings checks the section topic_mappings. Its error may have several
	// lines, each of which says which line of the file it means. nil takes any.
	Mappings func(*yaml.Node) error
}

// Load reads a sources file. The names of files in it are relative to its
// directory.
func Load(path string, o Options) (*File, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the sources file: %w", err)
	}
	f, err := Parse(content, filepath.Dir(path), o)
	if err != nil {
		return nil, fmt.Errorf("sources file %s:\n%w", path, err)
	}
	return f, nil
}

// Parse reads the content of a sources file; dir is what names of files in it are
// relative to. The error, if any, is of type strictyaml.Faults, with all that is
// wrong.
func Parse(content []byte, dir string, o Options) (*File, error) {
	root, err := strictyaml.Document(content)
	if err != nil {
		return nil, err
	}
	f := &File{}
	faults := strictyaml.Read(root, f, strictyaml.Options{Product: "Prometheus", Unsupported: unsupported, Dir: dir})
	faults = append(faults, f.distinct()...)
	if f.Mappings != nil && o.Mappings != nil {
		if err := o.Mappings(f.Mappings); err != nil {
			faults = append(faults, strictyaml.FaultsOf(err)...)
		}
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	return f, nil
}

// distinct looks for names that stand for two things: their series would mix.
func (f *File) distinct() (faults strictyaml.Faults) {
	seen := map[string]int{}
	once := func(line int, section, what, name string) {
		if name == "" {
			return
		}
		if first, twice := seen[what+"\x00"+name]; twice {
			faults.Add(line, "%s: the name %q stands there already, in line %d", section, name, first)
			return
		}
		seen[what+"\x00"+name] = line
	}
	for i := range f.Scrapes {
		once(f.Scrapes[i].Line(), "scrape_configs", "job", f.Scrapes[i].JobName)
	}
	for i := range f.DataNodes {
		n := &f.DataNodes[i]
		once(n.Line(), "datamgmt_nodes", "data node of "+n.Tenant().String(), n.Name)
	}
	// What is probed and what is a gateway are devices of a tenant, by their names.
	for i := range f.Probes {
		p := &f.Probes[i]
		once(p.Line(), "probes", "device of "+p.Tenant().String(), p.Name)
	}
	for i := range f.Gateways {
		g := &f.Gateways[i]
		once(g.Line(), "spore_gateways", "device of "+g.Tenant().String(), g.Name)
	}
	return faults
}
