package seriesname

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNames(t *testing.T) {
	for _, c := range []struct{ name, text, series, label string }{
		{"a name stays", "air_temp:5m", "air_temp:5m", "air_temp_5m"},
		{"dots, dashes, blanks", "air.temp-2 x", "air_temp_2_x", "air_temp_2_x"},
		{"a digit at the beginning", "2nd", "_2nd", "_2nd"},
		{"letters of any script stay", "größe", "größe", "größe"},
		{"words without ASCII, and marks that belong to letters", "温度 तापमान", "温度_तापमान", "温度_तापमान"},
		{"digits of any script stay, signs do not", "٣m² °C", "٣m²__C", "٣m²__C"},
		{"bytes that are no text", "a\xffb", "a_b", "a_b"},
		{"capitals, and what lies between them and the others", "A[Z]^z{", "A_Z__z_", "A_Z__z_"},
		{"parts of a raw name", "a\x00b", "a_b", "a_b"},
		{"nothing", "", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Of(c.text); got != c.series {
				t.Errorf("series %q, want %q", got, c.series)
			}
			if got := LabelOf(c.text); got != c.label {
				t.Errorf("label %q, want %q", got, c.label)
			}
			if got := string(Append([]byte("p_"), 0, c.text)); c.text != "2nd" && c.text != "" && got != "p_"+c.series {
				t.Errorf("behind a prefix %q", got)
			}
		})
	}
	if got := string(Append([]byte("p_"), 0, "2")); got != "p_2" {
		t.Errorf("a digit behind a prefix: %q", got)
	}
}

// settled returns what raw names are called in the end.
func settled(raws []string) []string {
	all := make([]Made, len(raws))
	for i, raw := range raws {
		all[i] = Made{Of(raw), raw}
	}
	Settle(all)
	names := make([]string, len(all))
	for i := range all {
		names[i] = all[i].Name
	}
	return names
}

func TestSettle(t *testing.T) {
	long := strings.Repeat("é", 200)
	for _, c := range []struct {
		name      string
		raw, want []string
	}{
		{"names that differ stay", []string{"a-b", "a-c"}, []string{"a_b", "a_c"}},
		{"the first by raw name keeps the name", []string{"a-b", "a b", "a.b"}, []string{"a-b", "a_b", "a.b"}},
		{"one that is called so keeps it", []string{"a-b", "a_b"}, []string{"a-b", "a_b"}},
		{"the same raw name has the same name", []string{"a-b", "a b", "a-b"}, []string{"a-b", "a_b", "a-b"}},
		{"parts are joined by underscores", []string{"m\x00a-b", "m\x00a b"}, []string{"m_a-b", "m_a_b"}},
		{"of which one may be called so", []string{"m\x00a-b", "m\x00a_b"}, []string{"m_a-b", "m_a_b"}},
		{"and by dots where that is taken", []string{"a\x00b", "a_b"}, []string{"a.b", "a_b"}},
		{"and get a number where that is", []string{"a\x00b", "a_b", "a.b"}, []string{"a.b#2", "a_b", "a.b"}},
		{"long names that differ at the end", []string{long + " 1", long + "-1", long + ".1"}, []string{long + "_1", long[:256], long[:256] + "#2"}},
		{"bytes that are no text", []string{"a\xff", "a\xfe"}, []string{"a\uFFFD", "a_"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, settled(c.raw)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Long names that differ only behind what is kept of them are settled in a moment:
// a body can bring thousands.
func TestSettleTakesLinearTime(t *testing.T) {
	raws := make([]string, 50_000)
	for i := range raws {
		raws[i] = strings.Repeat("-", 300) + strconv.Itoa(1_000_000+i)
	}
	all := make([]Made, len(raws))
	for i, raw := range raws {
		all[i] = Made{"_", raw}
	}
	Settle(all) // within the test's time, which a search from the first number on would not be
	if first, last := all[1].Name, all[len(all)-1].Name; !strings.HasSuffix(first, "-") || !strings.HasSuffix(last, "-#49999") {
		t.Errorf("from %q to %q", first, last)
	}
}

func FuzzOf(f *testing.F) {
	f.Add("air.temp")
	f.Add("2\xff")
	f.Add("温度")
	f.Fuzz(func(t *testing.T, text string) {
		if text != "" && (!Valid(Of(text)) || !ValidLabel(LabelOf(text))) {
			t.Errorf("%q becomes %q and %q", text, Of(text), LabelOf(text))
		}
	})
}

func FuzzSettle(f *testing.F) {
	f.Add("a-b,a b,a_b,a\x00b,a.b,a-b")
	f.Fuzz(func(t *testing.T, list string) {
		raws := strings.Split(list, ",")
		names := settled(raws)
		of := map[string]string{}
		for i, name := range names {
			if raw, known := of[name]; known && raw != raws[i] {
				t.Fatalf("%q and %q are both called %q", raw, raws[i], name)
			}
			of[name] = raws[i]
		}
		slices.Reverse(raws)
		again := settled(raws)
		slices.Reverse(again)
		if diff := cmp.Diff(names, again); diff != "" {
			t.Fatal(diff)
		}
	})
}
