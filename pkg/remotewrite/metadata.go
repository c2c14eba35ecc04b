package remotewrite

import (
	"strings"
	"unicode/utf8"

	"weir/pkg/schema"
)

// describe enters what the request says of a family, and returns it as it is
// kept. Of a family that is described twice the first word counts.
func (d *Decoder) describe(name string, typ schema.SeriesType, help, unit string) Metadata {
	if at, known := d.families[name]; known {
		return d.result.Metadata[at]
	}
	if !utf8.ValidString(unit) || len(unit) > MaxName {
		unit = ""
	}
	m := Metadata{Name: name, Type: typ, Help: shortened(help), Unit: unit}
	if name == "" || len(name) > MaxName || !utf8.ValidString(name) {
		return m
	}
	d.families[name] = len(d.result.Metadata)
	d.result.Metadata = append(d.result.Metadata, m)
	return m
}

// shortened returns the beginning of a text, at most MaxHelp bytes.
func shortened(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(text) <= MaxHelp {
		return text
	}
	end := MaxHelp
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}

// suffixes are what the series of a family have behind its name.
var suffixes = []struct {
	suffix string
	of     []schema.SeriesType
}{
	{"_bucket", []schema.SeriesType{schema.Histogram}},
	{"_sum", []schema.SeriesType{schema.Histogram, schema.Distribution}},
	{"_count", []schema.SeriesType{schema.Histogram, schema.Distribution}},
}

// family returns the name of a series' family, whose type is known.
func family(name string, typ schema.SeriesType) string {
	for _, s := range suffixes {
		for _, of := range s.of {
			if base, has := strings.CutSuffix(name, s.suffix); has && of == typ && base != "" {
				return base
			}
		}
	}
	return name
}

// known adds what the request says of a series' family.
func (d *Decoder) known(v *schema.NamedValue) {
	at, known := d.families[v.Name]
	for i := 0; !known && i < len(suffixes); i++ {
		base, has := strings.CutSuffix(v.Name, suffixes[i].suffix)
		if !has {
			continue
		}
		if at, known = d.families[base]; known {
			known = family(v.Name, d.result.Metadata[at].Type) == base
		}
	}
	if known {
		m := &d.result.Metadata[at]
		v.Type, v.Help, v.Unit = m.Type, m.Help, m.Unit
	}
}
