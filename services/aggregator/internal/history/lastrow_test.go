package history

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/pkg/schema"
)

func TestTheLastRowIsTheOneAppendedLast(t *testing.T) {
	var l Log
	var d Decoder
	if got := d.LastRow(l.View()); got != nil {
		t.Errorf("an empty log has %+v", got)
	}
	for i := range 3*PageRows + 2 {
		want := Row{Time: int64(i) * 1e9, Arrival: uint64(i + 1), Dialect: schema.DialectGateway, Clock: schema.ClockUnix,
			Fields: []schema.FieldValue{{Field: schema.SporeCPUUsagePercent, Value: float64(i) / 4}, {Field: schema.SporeMemoryFreeBytes, Value: 7}}}
		if i%5 == 4 {
			want.Fields = want.Fields[1:]
		}
		if i%17 == 16 {
			want = Row{Time: want.Time, End: true}
		}
		l.Append(&want)
		got := *d.LastRow(l.View())
		if want.End {
			got.Dialect, got.Clock, got.Fields = 0, 0, nil // an end has none
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("row %d (-want +got):\n%s", i, diff)
		}
	}
}
