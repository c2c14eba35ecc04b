// Package golden compares what a test got with a file under testdata. With the
// flag -update the test writes the file instead:
//
//	go test . -run TestHelp -update
package golden

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const howToUpdate = "run the test with -update to write it anew, and read what changed"

// Check compares got with testdata/name to the byte. The name may have slashes.
func Check[T ~string | ~[]byte](t testing.TB, name string, got T) {
	t.Helper()
	if diff := cmp.Diff(string(Want(t, name, got)), string(got)); diff != "" {
		t.Errorf("%s (-want +got); %s:\n%s", Path(name), howToUpdate, diff)
	}
}

// JSON compares a JSON document with testdata/name. The file is indented so that
// people can read it; apart from white space the two must agree to the byte, order
// of keys and form of numbers included. got must be compact and end with a newline.
func JSON[T ~string | ~[]byte](t testing.TB, name string, got T) {
	t.Helper()
	var want bytes.Buffer
	if err := json.Compact(&want, Want(t, name, indent(t, name, []byte(got)))); err != nil {
		t.Fatalf("%s is not JSON: %v", Path(name), err)
	}
	want.WriteByte('\n')
	if string(got) != want.String() {
		diff := cmp.Diff(string(indent(t, name, want.Bytes())), string(indent(t, name, []byte(got))))
		t.Errorf("%s (-want +got); %s:\n%s\ngot  %q\nwant %q", Path(name), howToUpdate, diff, got, want.String())
	}
}

func indent(t testing.TB, name string, document []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, document, "", "  "); err != nil {
		t.Fatalf("%s: the document is not JSON: %v\n%s", name, err, document)
	}
	return b.Bytes()
}

// Want returns what testdata/name holds, for tests that do not compare bytes;
// with -update that is got, written just now.
func Want[T ~string | ~[]byte](t testing.TB, name string, got T) []byte {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(Path(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, Path(name), []byte(got))
	}
	want, err := os.ReadFile(Path(name))
	if err != nil {
		t.Fatalf("%v; %s", err, howToUpdate)
	}
	return want
}

// Path is where the golden file of a name is.
func Path(name string) string { return filepath.Join("testdata", filepath.FromSlash(name)) }

// Section compares got with a part of a file that people write, such as a table
// of the README. It stands between the lines
//
//	<!-- section: kept by a test -->
//	<!-- end of section -->
func Section(t testing.TB, file, section, got string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	begin, end := "<!-- "+section+": kept by a test -->\n", "<!-- end of "+section+" -->"
	before, rest, found := strings.Cut(string(data), begin)
	want, after, foundEnd := strings.Cut(rest, end)
	switch {
	case !found || !foundEnd:
		t.Fatalf("%s has no lines %q and %q", file, begin, end)
	case *update:
		write(t, file, []byte(before+begin+got+end+after))
	case want != got:
		t.Errorf("the %s in %s (-want +got); %s:\n%s", section, file, howToUpdate, cmp.Diff(want, got))
	}
}

func write(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}
