package store

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"weir/services/aggregator/internal/fold"

	"weir/pkg/schema"
	"weir/pkg/schema/wire"
)

func (d describer) nameOf(source uint64) string {
	value, found, err := get(d.db, appendNumber(nil, keySource, source))
	if err != nil || !found {
		return fmt.Sprintf("source %d", source)
	}
	var s schema.Source
	s.ReadBinary(wire.NewReader(value))
	return sourceName(&s)
}

func (d describer) clientName(client uint64) string {
	value, found, err := get(d.db, appendNumber(nil, keyClient, client))
	if err != nil || !found {
		return fmt.Sprintf("client %d", client)
	}
	w, _ := readWindow(client, value)
	return fmt.Sprintf("client %q", w.ID)
}

func settingsText(s fold.Settings) string {
	text := fmt.Sprintf("%d duplicate windows, clocks from %s to %s ahead, %s",
		s.Windows, timestamp(s.Earliest), s.Ahead, limitsText(s.Limits))
	for _, t := range s.Tenants {
		text += fmt.Sprintf(", %s: %s", t.Tenant, limitsText(t.Limits))
	}
	return text
}

func limitsText(l fold.Limits) string {
	retention, bytes := "for ever", ""
	if l.Retention > 0 {
		retention = "for " + l.Retention.String()
	}
	if l.HistoryBytes > 0 {
		bytes = fmt.Sprintf(" in %d bytes", l.HistoryBytes)
	}
	return fmt.Sprintf("history %s%s, %s series, %s sources a tenant", retention, bytes, limitText(l.Series), limitText(l.Sources))
}

func limitText(n uint64) string {
	if n == 0 {
		return "any number of"
	}
	return strconv.FormatUint(n, 10)
}

func sourceName(s *schema.Source) string {
	return fmt.Sprintf("%s %q of %s", s.Kind, s.ID, s.Tenant)
}

func timestamp(ns int64) string {
	if ns == 0 || ns == math.MinInt64 {
		return "never"
	}
	return time.Unix(0, ns).UTC().Format(time.RFC3339Nano)
}

func (d describer) fieldsText(fields []schema.FieldValue) string {
	var b strings.Builder
	for i, f := range fields {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(d.fieldName(f.Field) + "=" + strconv.FormatFloat(f.Value, 'f', -1, 64))
	}
	return b.String()
}

// fieldName names a field as the source system does, or by the name that it was
// brought with.
func (d describer) fieldName(f schema.Field) string {
	if value, found, err := get(d.db, appendNameKey(nil, f)); err == nil && found {
		var m schema.Metadata
		m.ReadBinary(wire.NewReader(value))
		return m.Name
	}
	at, found := slices.BinarySearchFunc(schema.Fields, f, func(i schema.FieldInfo, f schema.Field) int { return cmp.Compare(i.Field, f) })
	if !found {
		return fmt.Sprintf("field_%d", f)
	}
	return schema.Fields[at].Path
}

// clockNames are the forms in which devices give their time.
var clockNames = [...]string{"none", "RFC 3339", "seconds and nanoseconds", "unix seconds", "uptime"}

func clockText(c schema.Clock) string {
	if int(c) < len(clockNames) {
		return clockNames[c]
	}
	return fmt.Sprintf("clock_%d", c)
}

func labelsText(labels []schema.Label) string {
	var b strings.Builder
	for i, l := range labels {
		if i > 0 {
			b.WriteByte(' ')
		}
		fmt.Fprintf(&b, "%s=%q", l.Name, l.Value)
	}
	return b.String()
}
