package golden

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// recorder is a test whose failures are looked at.
type recorder struct {
	testing.TB
	failure string
}

func (r *recorder) Errorf(format string, args ...any) { r.failure += fmt.Sprintf(format, args...) }

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	panic(r)
}

// failure runs a comparison in a test of its own and returns how it failed.
func failure(t *testing.T, compare func(testing.TB)) string {
	t.Helper()
	r := &recorder{TB: t}
	func() {
		defer func() {
			if stopped := recover(); stopped != nil && stopped != r {
				panic(stopped)
			}
		}()
		compare(r)
	}()
	return r.failure
}

// directory makes an empty one the current one and puts files into it.
func directory(t *testing.T, files map[string]string) {
	t.Helper()
	t.Chdir(t.TempDir())
	if err := os.Mkdir("testdata", 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		write(t, name, []byte(content))
	}
}

const readme = "# weir\n<!-- table: kept by a test -->\n| a |\n<!-- end of table -->\nThe end.\n"

var files = map[string]string{"testdata/lines.txt": "one\ntwo\n", "testdata/broken.json": "{", "testdata/document.json": "{\n  \"b\": 1.0,\n  \"a\": [2]\n}\n", "README.md": readme}

func TestComparisons(t *testing.T) {
	for _, row := range []struct {
		name     string
		compare  func(testing.TB)
		failures []string // what the failure says; none: it agrees
	}{
		{"the same bytes agree", func(t testing.TB) { Check(t, "lines.txt", []byte("one\ntwo\n")) }, nil},
		{"a difference is shown, with the way to update", func(t testing.TB) { Check(t, "lines.txt", "one\nthree\n") }, []string{"testdata/lines.txt", `two`, `three`, "-update"}},
		{"a missing file is named, with the way to write it", func(t testing.TB) { Check(t, "none.txt", "") }, []string{"testdata/none.txt", "-update"}},
		{"white space of a JSON file does not count", func(t testing.TB) { JSON(t, "document.json", "{\"b\":1.0,\"a\":[2]}\n") }, nil},
		{"the form of numbers counts", func(t testing.TB) { JSON(t, "document.json", []byte("{\"b\":1,\"a\":[2]}\n")) }, []string{"testdata/document.json", "1.0", "-update"}},
		{"the order of keys counts", func(t testing.TB) { JSON(t, "document.json", "{\"a\":[2],\"b\":1.0}\n") }, []string{"-update"}},
		{"white space within a document counts", func(t testing.TB) { JSON(t, "document.json", "{\"b\": 1.0,\"a\":[2]}\n") }, []string{`\"b\": 1.0`}},
		{"the newline at a document's end counts", func(t testing.TB) { JSON(t, "document.json", `{"b":1.0,"a":[2]}`) }, []string{`[2]}"`}},
		{"what is not JSON is shown", func(t testing.TB) { JSON(t, "document.json", "oops") }, []string{"the document is not JSON", "oops"}},
		{"a file that is not JSON is named", func(t testing.TB) { JSON(t, "broken.json", "{}") }, []string{"testdata/broken.json is not JSON"}},
		{"a section that is up to date", func(t testing.TB) { Section(t, "README.md", "table", "| a |\n") }, nil},
		{"a section that is old", func(t testing.TB) { Section(t, "README.md", "table", "| b |\n") }, []string{"the table in README.md", "| b |", "-update"}},
		{"a section that is missing", func(t testing.TB) { Section(t, "README.md", "list", "") }, []string{"<!-- list: kept by a test -->"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			directory(t, files)
			failed := failure(t, row.compare)
			if (failed == "") != (row.failures == nil) {
				t.Errorf("it failed with %q", failed)
			}
			for _, part := range row.failures {
				if !strings.Contains(failed, part) {
					t.Errorf("%q does not say %q", failed, part)
				}
			}
		})
	}
}

func TestUpdate(t *testing.T) {
	directory(t, files)
	*update = true
	t.Cleanup(func() { *update = false })
	Check(t, "new/lines.txt", "three\n")
	JSON(t, "document.json", "{\"a\":1e3}\n")
	Section(t, "README.md", "table", "| b |\n")
	for file, want := range map[string]string{
		"testdata/new/lines.txt": "three\n",
		"testdata/document.json": "{\n  \"a\": 1e3\n}\n",
		"README.md":              strings.Replace(readme, "| a |", "| b |", 1),
	} {
		if got, err := os.ReadFile(file); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", file, got, err)
		}
	}
}
