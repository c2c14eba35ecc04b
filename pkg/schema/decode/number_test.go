package decode

import (
	"encoding/json"
	"math"
	"strconv"
	"testing"
)

func TestParseNumberRoundsAsStrconvDoes(t *testing.T) {
	for _, s := range []string{
		"0", "-0", "0.0", "7", "12.25", "0.1", "0.3", "123456789012345", "1234567890.12345", "0.00000000000001",
		"9007199254740993", "72057594037927937", "0.1234567890123456789", "123456789012345678901234567890",
		"1e22", "1e23", "-4.35e-5", "1.7976931348623157e308", "4.9e-324", "2.2250738585072011e-308", "1E+2", "-65",
	} {
		want, err := strconv.ParseFloat(s, 64)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := parseNumber(s)
		if !ok || got != want || math.Signbit(got) && got == 0 {
			t.Errorf("parseNumber(%q) = %v, %v; want %v", s, got, ok, want)
		}
	}
}

func TestParseNumberRefusesWhatIsNoFiniteNumber(t *testing.T) {
	for _, s := range []string{
		"", "-", "+1", "01", "-01", "00", "1.", ".5", "-.5", "1.2.3", "1..2", "1e", "1e+", "1e5.5", "e5", "1-2", "1 ",
		"nan", "NaN", "inf", "-Inf", "infinity", "0x10", "1_000", "1e999", "-1e999", "1e99999999999999999999",
	} {
		if got, ok := parseNumber(s); ok {
			t.Errorf("parseNumber(%q) = %v", s, got)
		}
	}
}

func FuzzParseNumber(f *testing.F) {
	for _, s := range []string{"0", "-12.5e3", "01", "1.", "123456789012345678", "1e999", "0.5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		want, err := strconv.ParseFloat(s, 64)
		isJSON := json.Valid([]byte(s)) && s != "" && (s[0] == '-' || s[0]-'0' <= 9) && s[len(s)-1]-'0' <= 9
		if isNumber(s) != isJSON {
			t.Errorf("isNumber(%q) = %v", s, isNumber(s))
		}
		got, ok := parseNumber(s)
		if ok != (isJSON && err == nil) || ok && got != want {
			t.Errorf("parseNumber(%q) = %v, %v; want %v, %v", s, got, ok, want, err)
		}
	})
}
