package jsonpath

import "testing"

func TestText(t *testing.T) {
	const document = `{"status":"healthy","components":{"blockchain":"connected","a.b":1.50},"nodes":[{"ok":true},{"ok":null}],"empty":"","list":[1, 2]}`
	for _, c := range []struct{ path, want, fault string }{
		{"status", "healthy", ""},
		{"$.status", "healthy", ""},
		{"components.blockchain", "connected", ""},
		{`components["a.b"]`, "1.50", ""},
		{"nodes[0].ok", "true", ""},
		{"$.nodes[1].ok", "null", ""},
		{`["status"]`, "healthy", ""},
		{"empty", "", ""},
		{"list", "[1,2]", ""},
		{"nodes[2].ok", "", "there is no [2]"},
		{"status.x", "", `there is no object with "x"`},
		{"other", "", `there is no "other"`},
	} {
		t.Run(c.path, func(t *testing.T) {
			p, err := Parse(c.path)
			if err != nil {
				t.Fatal(err)
			}
			got, err := p.Text([]byte(document))
			fault := ""
			if err != nil {
				fault = err.Error()
			}
			if got != c.want || fault != c.fault {
				t.Errorf("got %q, %q", got, fault)
			}
		})
	}
	for _, bad := range []string{"", ".", "a.", "a..b", "a[", "a[x]", "a[-1]", `a["x]`, `a[""]`, "a[0]b"} {
		if p, err := Parse(bad); err == nil {
			t.Errorf("%q: %+v", bad, p)
		}
	}
}

func FuzzText(f *testing.F) {
	f.Add(`a["b"][0].c`, `{"a":{"b":[{"c":1}]}}`)
	f.Fuzz(func(t *testing.T, path, document string) {
		if p, err := Parse(path); err == nil {
			_, _ = p.Text([]byte(document))
		}
	})
}
