package history_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/prometheus/tsdb/chunkenc"

	"weir/pkg/golden"
	"weir/services/aggregator/internal/history"
	"weir/services/aggregator/internal/history/historytest"
)

// tracks and trackRows are how much of each set is compared.
const (
	tracks    = 20
	trackRows = 5 * history.ChunkRows
)

// TestBytesPerSampleOfEachKindOfData compares XOR chunks (each series with its
// own timestamps), our chunks (the rows' times and all), and the columns of
// values in them. A change of the format shows itself here.
func TestBytesPerSampleOfEachKindOfData(t *testing.T) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%-48s %8s %8s %8s\n", "bytes per sample", "XOR", "weir", "values")
	for _, set := range historytest.Sets() {
		samples, xor, ours, bare := 0, 0, 0, 0
		for seed := range uint64(tracks) {
			rows := set.Rows(seed, trackRows)
			samples += countSamples(rows)
			xor += xorBytes(t, rows)
			ours += chunkBytes(rows)
			bare += chunkBytes(withoutFields(rows))
		}
		perSample := func(n int) float64 { return float64(n) / float64(samples) }
		fmt.Fprintf(&b, "%-48s %8.3f %8.3f %8.3f\n", set.Name, perSample(xor), perSample(ours), perSample(ours-bare))
	}
	golden.Check(t, "bytes-per-sample.txt", b.Bytes())
}

func countSamples(rows []history.Row) (n int) {
	for i := range rows {
		n += len(rows[i].Fields)
	}
	return n
}

// withoutFields returns the rows with nothing but their times.
func withoutFields(rows []history.Row) []history.Row {
	rows = slices.Clone(rows)
	for i := range rows {
		rows[i].Fields = nil
	}
	return rows
}

// chunkBytes returns the size of the rows in chunks.
func chunkBytes(rows []history.Row) (n int) {
	var e history.Encoder
	for len(rows) > 0 {
		size := min(len(rows), history.ChunkRows)
		n += len(e.Chunk(nil, rows[:size]))
		rows = rows[size:]
	}
	return n
}

// xorBytes returns the size of the rows as Prometheus would keep them: each
// series by itself, with its own timestamps in milliseconds, in XOR chunks of
// 120 samples.
func xorBytes(t *testing.T, rows []history.Row) (n int) {
	t.Helper()
	for field := range rows[0].Fields {
		for from := 0; from < len(rows); from += history.ChunkRows {
			chunk := chunkenc.NewXORChunk()
			app, err := chunk.Appender()
			if err != nil {
				t.Fatalf("append to an XOR chunk: %v", err)
			}
			for _, r := range rows[from:min(from+history.ChunkRows, len(rows))] {
				app.Append(0, r.Time/int64(time.Millisecond), r.Fields[field].Value)
			}
			n += len(chunk.Bytes())
		}
	}
	return n
}
