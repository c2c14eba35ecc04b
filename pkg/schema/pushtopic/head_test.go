package pushtopic

import (
	"bytes"
	"strings"
	"testing"
)

func TestHeads(t *testing.T) {
	for _, h := range []Head{{At: 1}, {At: 1767323045000000001, Failed: 5}, {At: 7, Refused: true}, {At: 7, Failed: 6, Packed: true}} {
		if got, body := CutHead(append(h.Append(nil), "a 1\n"...)); got != h || string(body) != "a 1\n" {
			t.Errorf("%+v became %+v with %q", h, got, body)
		}
	}
	if got, body := CutHead([]byte("# weir-push at=5 more=x\n")); got != (Head{At: 5}) || len(body) > 0 {
		t.Errorf("%+v, %q", got, body)
	}
	for _, payload := range []string{"", "a 1\n", "# weir-push at=5", "# weir-push at=x\n", "# weir-push at=0\n", "# weir-push \n", "# weir-push at=5 failed=-1\n",
		"# weir-push at=5 " + strings.Repeat("x", MaxHead) + "\n"} {
		if got, body := CutHead([]byte(payload)); got != (Head{}) || string(body) != payload {
			t.Errorf("%q became %+v with %q", payload, got, body)
		}
	}
}

// FuzzCutHead looks for payloads of which something is lost, and for heads that
// are not read as they were written.
func FuzzCutHead(f *testing.F) {
	for _, payload := range []string{"", "a 1\n", "# weir-push at=5\na 1\n", "# weir-push at=5 failed=3 refused=1 encoding=zstd\n", "# weir-push at=5 at=0\n"} {
		f.Add([]byte(payload))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		h, body := CutHead(payload)
		if h == (Head{}) && len(body) != len(payload) || !bytes.HasSuffix(payload, body) || h.At < 0 || h.Failed < 0 {
			t.Fatalf("%+v, %q", h, body)
		}
		if h == (Head{}) {
			return
		}
		if again, rest := CutHead(append(h.Append(nil), body...)); again != h || !bytes.Equal(rest, body) {
			t.Fatalf("%+v became %+v, and %q %q", h, again, body, rest)
		}
	})
}
