// Package golden compares documents with files under testdata that were written
// by hand from the contracts.
package golden

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// JSON compares got with testdata/name. The file is indented so that people can
// read it; apart from white space the two must agree to the byte, order of keys
// and form of numbers included. got must be compact and end with a newline.
func JSON(t testing.TB, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		var pretty bytes.Buffer
		if err := json.Indent(&pretty, got, "", "  "); err != nil {
			t.Fatalf("%s: the document is not JSON: %v\n%s", name, err, got)
		}
		write(t, path, pretty.Bytes())
	}
	var want bytes.Buffer
	if err := json.Compact(&want, read(t, path)); err != nil {
		t.Fatalf("%s is not JSON: %v", path, err)
	}
	want.WriteByte('\n')
	if !bytes.Equal(got, want.Bytes()) {
		t.Errorf("%s:\ngot  %swant %s", name, got, want.Bytes())
	}
}

// Text compares got with testdata/name to the byte.
func Text(t testing.TB, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		write(t, path, got)
	}
	if want := read(t, path); !bytes.Equal(got, want) {
		t.Errorf("%s:\ngot\n%s\nwant\n%s", name, got, want)
	}
}

func write(t testing.TB, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
