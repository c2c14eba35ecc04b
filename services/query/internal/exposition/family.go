package exposition

import (
	"io"
	"strconv"

	"weir/pkg/metrics"
	"weir/pkg/schema"
)

// familyWriter writes the lines of a family, its declaration before the first:
// a family without lines is not mentioned.
type familyWriter struct {
	w       io.Writer
	desc    metrics.Desc
	started bool
}

func family(w io.Writer, d metrics.Desc) *familyWriter { return &familyWriter{w: w, desc: d} }

// each writes a family with one line for each tenant.
func each[T any](w io.Writer, name string, typ metrics.Type, help string, tenants []T, value func(*T) (schema.Tenant, uint64)) {
	f := family(w, metrics.Desc{Name: name, Type: typ, Help: help})
	for i := range tenants {
		t, v := value(&tenants[i])
		f.uint(v, tenantLabels(t)...)
	}
}

func tenantLabels(t schema.Tenant) []metrics.Label {
	return []metrics.Label{metrics.L("service", t.Service), metrics.L("subservice", t.Subservice)}
}

func (f *familyWriter) uint(v uint64, labels ...metrics.Label) {
	f.line("", strconv.FormatUint(v, 10), labels)
}

func (f *familyWriter) seconds(suffix string, ns uint64, labels ...metrics.Label) {
	f.line(suffix, strconv.FormatFloat(float64(ns)/1e9, 'f', -1, 64), labels)
}

func (f *familyWriter) line(suffix, value string, labels []metrics.Label) {
	if !f.started {
		f.started = true
		metrics.WriteFamily(f.w, f.desc, nil)
	}
	io.WriteString(f.w, metrics.Series(f.desc.Name+suffix, labels...)+" "+value+"\n")
}
