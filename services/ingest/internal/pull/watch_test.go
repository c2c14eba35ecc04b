package pull

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func link(t *testing.T, target, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	_ = os.Remove(path)
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
}

func TestTheDirectoriesOfAFile(t *testing.T) {
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	in := func(path string) string { return filepath.Join(root, path) }
	write(t, in("v1/file"), "")
	link(t, "v1", in("current"))
	link(t, in("current/file"), in("etc/file"))
	link(t, "../etc/file", in("more/file"))
	link(t, "round", in("round"))
	for _, c := range []struct {
		file string
		want []string
	}{
		{"v1/file", []string{"v1"}},
		{"v1/none", []string{"v1"}},
		{"etc/file", []string{"etc", ".", "v1"}},
		{"more/file", []string{"more", "etc", ".", "v1"}},
	} {
		for i := range c.want {
			c.want[i] = in(c.want[i])
		}
		if diff := cmp.Diff(c.want, directories(in(c.file))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.file, diff)
		}
	}
	if n := len(directories(in("round"))); n != maxLinks {
		t.Errorf("a link to itself is followed %d times", n)
	}
}

func TestChangesBehindLinksAreSeen(t *testing.T) {
	root := t.TempDir()
	in := func(path string) string { return filepath.Join(root, path) }
	write(t, in("v1/file"), "1")
	write(t, in("v2/file"), "2")
	link(t, in("v1/file"), in("etc/file"))
	read := make(chan string, 10)
	err := Watch(t.Context(), []string{in("etc/*")}, time.Millisecond, func() {
		content, _ := os.ReadFile(in("etc/file"))
		read <- string(content)
	})
	if err != nil {
		t.Fatal(err)
	}
	until := func(want string) {
		t.Helper()
		late := time.After(time.Minute)
		for {
			select {
			case got := <-read:
				if got == want {
					return
				}
			case <-late:
				t.Fatalf("%q was not seen", want)
			}
		}
	}
	write(t, in("v1/file"), "1b")
	until("1b")
	link(t, in("v2/file"), in("etc/file"))
	until("2")
	write(t, in("v2/file"), "2b")
	until("2b")
}
