package jsonappend_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"weir/services/query/internal/jsonappend"
)

func TestNumber(t *testing.T) {
	for name, row := range map[string]struct {
		v    float64
		want string
	}{
		"a whole number has no decimals":          {7340032, "7340032"},
		"a large whole number has no exponent":    {1e21, "1000000000000000000000"},
		"the largest exact whole number":          {1<<53 - 1, "9007199254740991"},
		"one beyond them is in its shortest form": {1 << 60, "1152921504606847000"},
		"a negative whole number":                 {-60, "-60"},
		"zero":                                    {0, "0"},
		"negative zero is zero":                   {math.Copysign(0, -1), "0"},
		"a fraction is in its shortest form":      {12.25, "12.25"},
		"a fraction without an exact binary form": {0.1, "0.1"},
		"a small fraction has no exponent":        {1e-7, "0.0000001"},
		"not a number is null":                    {math.NaN(), "null"},
		"infinity is null":                        {math.Inf(-1), "null"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := string(jsonappend.Number(nil, row.v)); got != row.want {
				t.Errorf("Number(%v) = %s, want %s", row.v, got, row.want)
			}
		})
	}
}

func TestString(t *testing.T) {
	for name, row := range map[string]struct{ s, want string }{
		"plain text":                          {"spore-a", `"spore-a"`},
		"the empty text":                      {"", `""`},
		"quotes and backslashes":              {`a"b\c`, `"a\"b\\c"`},
		"line ends and tabs":                  {"a\nb\rc\td", `"a\nb\rc\td"`},
		"other control characters":            {"\x00\x1f", `"\u0000\u001f"`},
		"markup is not escaped":               {"<a&b>", `"<a&b>"`},
		"letters beyond ASCII stay":           {"grün\n\"", `"grün\n\""`},
		"bytes that are not UTF-8 are marked": {"a\xff\xfeb", "\"a\uFFFDb\""},
	} {
		t.Run(name, func(t *testing.T) {
			got := string(jsonappend.String(nil, row.s))
			if got != row.want {
				t.Errorf("String(%q) = %s, want %s", row.s, got, row.want)
			}
		})
	}
}

func TestKeysAreSeparatedByCommas(t *testing.T) {
	b := []byte{'{'}
	b = jsonappend.Field(b, "text", "ends in a colon:")
	b = jsonappend.Uint(b, "uint", 1)
	b = jsonappend.Int(b, "int", -1)
	b = jsonappend.Float(b, "float", 1.5)
	b = jsonappend.Bool(b, "bool", true)
	b = append(jsonappend.Key(b, "list"), '[')
	b = append(append(jsonappend.Comma(b), "1"...), ']', '}')
	want := `{"text":"ends in a colon:","uint":1,"int":-1,"float":1.5,"bool":true,"list":[1]}`
	if string(b) != want {
		t.Errorf("got  %s\nwant %s", b, want)
	}
}

func FuzzString(f *testing.F) {
	f.Add("a\"\\\n\x00ü\xff\u2028")
	f.Fuzz(func(t *testing.T, s string) {
		var back string
		if err := json.Unmarshal(jsonappend.String(nil, s), &back); err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		if want := strings.ToValidUTF8(s, "\uFFFD"); back != want {
			t.Errorf("%q reads back as %q", s, back)
		}
	})
}
