package jsonappend_test

import (
	"encoding/json"
	"math"
	"strconv"
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
		"a full counter of 64 bits stays one":     {math.MaxUint64, "18446744073709551615"},
		"the largest exact whole number":          {1<<53 - 1, "9007199254740991"},
		"one beyond them is in its shortest form": {1 << 60, "1152921504606847000"},
		"a negative whole number":                 {-60, "-60"},
		"zero":                                    {0, "0"},
		"negative zero is zero":                   {math.Copysign(0, -1), "0"},
		"a fraction is in its shortest form":      {12.25, "12.25"},
		"a fraction without an exact binary form": {0.1, "0.1"},
		"hundredths":                              {0.05, "0.05"},
		"tenths, negative":                        {-65.5, "-65.5"},
		"large hundredths":                        {9999999999999.99, "9999999999999.99"},
		"hundredths of 16 digits":                 {12345678901234.56, "12345678901234.56"},
		"nearly hundredths":                       {math.Nextafter(0.3, 1), "0.30000000000000004"},
		"the smallest number":                     {math.SmallestNonzeroFloat64, "0." + strings.Repeat("0", 323) + "5"},
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

func FuzzNumber(f *testing.F) {
	f.Add(0.29)
	f.Add(-1234.5)
	f.Fuzz(func(t *testing.T, v float64) {
		for _, v := range []float64{v, math.Round(v*10) / 10, math.Round(v*100) / 100, math.Round(v)} {
			if math.IsNaN(v) || math.IsInf(v, 0) || v == 0 {
				continue
			}
			got, want := string(jsonappend.Number(nil, v)), strconv.FormatFloat(v, 'f', -1, 64)
			if got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		}
	})
}

func BenchmarkNumber(b *testing.B) {
	for name, v := range map[string]float64{"whole": 49152, "hundredths": 53.65, "general": 53.651234} {
		b.Run(name, func(b *testing.B) {
			var buf [32]byte
			for b.Loop() {
				jsonappend.Number(buf[:0], v)
			}
		})
	}
}
