package fold

import (
	"slices"
	"strings"

	"weir/pkg/schema"
)

// The labels of series that are not a source's own.
const (
	labelService    = "service"
	labelSubservice = "subservice"
	labelType       = "type" // of a device: its own, and part of its name
	// clashPrefix comes before a label of the source that has the name of one of
	// ours, as Prometheus does with what it scrapes.
	clashPrefix = "exported_"
)

// seriesLabels returns the labels of a track's series, ascending by name, each
// name once and no value empty. Dimensions are called as they are: the decoders
// make their names.
func seriesLabels(tr *track) []schema.Label {
	src, dims := tr.source, tr.strand.dims
	all := make([]schema.Label, 0, 4+len(tr.labels)+len(dims))
	add := func(name, value string) {
		if value != "" {
			all = append(all, schema.Label{Name: name, Value: value})
		}
	}
	add(labelService, src.Tenant.Service)
	add(labelSubservice, src.Tenant.Subservice)
	if label := src.Kind.IDLabel(); label != "" {
		add(label, src.ID)
	}
	if src.Kind == schema.KindTask {
		add(schema.KindProplet.IDLabel(), tr.parent)
	}
	for _, l := range tr.labels {
		add(free(all, src.Kind, labelName(l.Name)), l.Value)
	}
	for _, l := range dims {
		add(free(all, src.Kind, l.Name), l.Value)
	}
	slices.SortFunc(all, func(a, b schema.Label) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// labelName makes a valid label name of any text, as Prometheus' clients do.
func labelName(text string) string {
	valid := func(i int, c byte) bool {
		return c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || i > 0 && '0' <= c && c <= '9'
	}
	ok := text != ""
	for i := 0; i < len(text); i++ {
		ok = ok && valid(i, text[i])
	}
	if ok {
		return text
	}
	name := []byte(text)
	for i, c := range name {
		if !valid(i, c) {
			name[i] = '_'
		}
	}
	return string(append(name, "_"[:max(0, 1-len(name))]...))
}

// free puts the prefix before a name until it is neither one of ours nor
// reserved nor taken.
func free(taken []schema.Label, kind schema.Kind, name string) string {
	for reserved(kind, name) || slices.ContainsFunc(taken, func(l schema.Label) bool { return l.Name == name }) {
		name = clashPrefix + name
	}
	return name
}

func reserved(kind schema.Kind, name string) bool {
	return name == labelService || name == labelSubservice || name == kind.IDLabel() ||
		kind == schema.KindTask && name == schema.KindProplet.IDLabel() || strings.HasPrefix(name, "__")
}
