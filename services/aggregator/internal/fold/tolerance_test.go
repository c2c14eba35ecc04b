package fold

import (
	"fmt"
	"testing"

	"weir/services/aggregator/internal/history"

	"weir/pkg/schema"
)

// counts is a reading of a counter and a gauge of the same value.
func counts(core string, v, tolerance float64) schema.Reading {
	r := board("", core, 0, "c_total", "g")
	r.Named[0].Type, r.Named[0].Value = schema.Cumulative, v
	r.Named[1].Type, r.Named[1].Value = schema.Gauge, v
	r.CounterTolerance = tolerance
	return r
}

func TestCountersThatMayFall(t *testing.T) {
	for _, test := range []struct {
		name      string
		tolerance float64
		values    []float64
		want      []float64 // of the counter
	}{
		{"without a tolerance they are as they come", 0, []float64{10, 9, 11}, []float64{10, 9, 11}},
		{"what falls by no more stays", 2, []float64{10, 9, 8, 9, 10, 11}, []float64{10, 10, 10, 10, 10, 11}},
		{"what falls by more began anew", 2, []float64{10, 7, 6, 0, 1}, []float64{10, 7, 7, 0, 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			j := openJournal()
			for i, v := range test.values {
				j.events(sees(int64(i), counts("0", v, test.tolerance)))
			}
			list := rows(t, j.SourceTracks(schema.KindDevice, "b", schema.Tenant{})[0])
			for i := range list { // newest first
				k := len(list) - 1 - i
				if got := list[i].Fields; got[0].Value != test.want[k] || got[1].Value != test.values[k] {
					t.Errorf("row %d: %v, want %v and %v", k, got, test.want[k], test.values[k])
				}
			}
		})
	}
}

// The log is sealed after a number of rows, and the row before is then in a chunk.
func TestACounterThatFallsBehindASealIsTolerated(t *testing.T) {
	j := openJournal()
	var got, want string
	for i := range 2*history.ChunkRows + 3 {
		v := float64(1000 + i)
		if i%history.ChunkRows == 0 && i > 0 {
			v -= 3 // the first row of each log: 2 less than the one before
		}
		j.events(sees(int64(i), counts("0", v, 2)))
		want = fmt.Sprint(max(v, float64(1000+i-1)), " ") + want
	}
	for _, r := range rows(t, j.SourceTracks(schema.KindDevice, "b", schema.Tenant{})[0]) {
		got += fmt.Sprint(r.Fields[0].Value, " ")
	}
	if got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

func TestAnEndIsNoValueThatACounterFellFrom(t *testing.T) {
	j := openJournal()
	j.events(sees(0, counts("0", 10, 2)), sees(1, endsAll()), sees(2, counts("0", 9, 2)))
	if got := rows(t, j.SourceTracks(schema.KindDevice, "b", schema.Tenant{})[0])[0].Fields[0].Value; got != 9 {
		t.Errorf("got %v", got)
	}
}
