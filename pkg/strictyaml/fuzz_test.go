package strictyaml_test

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"weir/pkg/strictyaml"
)

// plain is what yaml can read strictly by itself.
type plain struct {
	Name   string           `yaml:"name"`
	On     bool             `yaml:"on"`
	Count  *int             `yaml:"count"`
	Inner  *plain           `yaml:"inner"`
	List   []plain          `yaml:"list"`
	Texts  []string         `yaml:"texts"`
	Map    map[string]plain `yaml:"map"`
	Values map[string]int   `yaml:"values"`
}

// FuzzRead looks for files that cannot be refused properly, and for ones that are
// read though yaml, told to be strict, refuses them or reads something else.
func FuzzRead(f *testing.F) {
	for _, text := range []string{
		"", "name: a\non: true\ncount: 3\n", "inner: {inner: {name: x}}\nlist: [{name: a}, {texts: [b, ~, 1]}]\n", "map: {a: {values: {b: 1}}}\n",
		"name: &name x\n*name : y\n", "inner: &i {list: [*i]}\n", "list: [{<<: {name: a}}]\n", "a: b\n---\nc: d\n", "name: a\nname: b\n", "? [a]\n: b\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		var got, want plain
		root, err := strictyaml.Document(content)
		if err == nil {
			err = strictyaml.Read(root, &got, strictyaml.Options{}).Err()
		}
		var faults strictyaml.Faults
		if errors.As(err, &faults) {
			check(t, faults)
			return
		}
		if err != nil {
			t.Fatalf("a %T", err)
		}
		decoder := yaml.NewDecoder(bytes.NewReader(content))
		decoder.KnownFields(true)
		if err := decoder.Decode(&want); err != nil && !errors.Is(err, io.EOF) {
			t.Errorf("it was read: %v", err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("it was read as %+v, by yaml as %+v", got, want)
		}
	})
}

// check looks whether faults say something, in order.
func check(t *testing.T, faults strictyaml.Faults) {
	t.Helper()
	for i, f := range faults {
		if f.Line < 0 || strings.TrimSpace(f.Text) == "" || i > 0 && f.Line < faults[i-1].Line {
			t.Errorf("fault %d of\n%s", i, faults)
		}
	}
}
