package seriesname

import "testing"

func TestNames(t *testing.T) {
	for _, c := range []struct{ name, text, series, label string }{
		{"a name stays", "air_temp:5m", "air_temp:5m", "air_temp_5m"},
		{"dots, dashes, blanks", "air.temp-2 x", "air_temp_2_x", "air_temp_2_x"},
		{"a digit at the beginning", "2nd", "_2nd", "_2nd"},
		{"letters that are not ASCII are one underscore each", "größe", "gr__e", "gr__e"},
		{"bytes that are no text", "a\xffb", "a_b", "a_b"},
		{"capitals, and what lies between them and the others", "A[Z]^z{", "A_Z__z_", "A_Z__z_"},
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

func FuzzOf(f *testing.F) {
	f.Add("air.temp")
	f.Add("2\xff")
	f.Fuzz(func(t *testing.T, text string) {
		if text != "" && (!Valid(Of(text)) || !ValidLabel(LabelOf(text))) {
			t.Errorf("%q becomes %q and %q", text, Of(text), LabelOf(text))
		}
	})
}
