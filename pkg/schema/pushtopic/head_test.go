package pushtopic

import (
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
