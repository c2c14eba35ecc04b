// Package strictyaml reads a YAML file into structs and says all that is wrong
// with it at once, each fault with its line. A key that a struct has no field for
// is a fault; one that another product's users know, and weir does not have, is a
// fault that says so.
//
// The key of a field is that of its yaml tag; a field without one has none. The
// keys of an embedded struct are those of the struct around it. Keys that are left
// out, or have nothing behind them, leave their fields as they are.
//
// What is read may have these methods, on its pointer:
//
//	SetDefaults()          of a struct: before its keys are read
//	SetLine(line int)      of a struct: where it begins (At has it)
//	Validate() []string    of a struct: after its keys are read; returns its faults, and may fill in what is missing
//	RelativeTo(dir string) of a text: it is the name of a file, relative ones mean Options.Dir
//	UnmarshalYAML, UnmarshalText
//
// An UnmarshalYAML(func(any) error), as foreign types often have it, is strict as
// well: what it asks for is read by the same rules.
package strictyaml

import (
	"bytes"
	"errors"
	"io"
	"reflect"

	"go.yaml.in/yaml/v3"
)

// Options say what differs from file to file.
type Options struct {
	// Product is whose file it was before it was weir's: "Prometheus".
	Product string

	// Unsupported lists, by section, the keys that Product has and weir does not. A
	// section is called by the key that it stands behind, the file itself "".
	// "x_*" and "*_x" are families of keys, without those that there is a field for;
	// a key that is named in full is refused even so: foreign types have fields for
	// more than is supported.
	Unsupported map[string][]string

	// Dir is the directory that the names of files are relative to.
	Dir string

	// ValidateAll calls Validate even of what has a value that could not be read.
	// More is found at once so, but a Validate that misses the value finds a fault
	// that is none.
	ValidateAll bool
}

// Document returns the one document of a file; for an empty file, null. The error
// is of type Faults.
//
// Decoding it into whatever it is finds what the nodes alone do not show: keys
// that are there twice, aliases that contain themselves or multiply.
func Document(content []byte) (*yaml.Node, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	root := &yaml.Node{}
	if err := decoder.Decode(root); errors.Is(err, io.EOF) {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null"}, nil
	} else if err != nil {
		return nil, FaultsOf(err).Err()
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, Faults{{Text: "there is a second document in the file: expected one"}}
	}
	var whatever any
	if err := root.Decode(&whatever); err != nil {
		return nil, FaultsOf(err).Err()
	}
	return root.Content[0], nil
}

// Read reads a document into the struct that a pointer points to, and returns what
// is wrong with it. Others may add to that what they find between the sections.
func Read(root *yaml.Node, into any, o Options) Faults {
	r := &reader{Options: o}
	r.read(root, reflect.ValueOf(into).Elem(), "")
	return r.faults
}

// At is embedded in a struct that is to know in which line it began.
type At struct{ line int }

// SetLine is called by Read.
func (a *At) SetLine(line int) { a.line = line }

// Line returns the line, 1, 2, 3 …; 0 for what was not read from a file.
func (a *At) Line() int { return a.line }
