package history_test

import (
	"testing"

	"weir/pkg/schema"
	"weir/services/aggregator/internal/history"
	"weir/services/aggregator/internal/history/historytest"
)

// taskRows are rows of the first eleven fields of a task.
func taskRows(b *testing.B, n int) []history.Row {
	b.Helper()
	set, ok := historytest.Named("task metrics, 10 s ±5 ms in ns")
	if !ok {
		b.Fatal("no task metrics")
	}
	rows := set.Rows(1, n)
	for i := range rows {
		rows[i].Fields = rows[i].Fields[:11]
	}
	return rows
}

// perValue reports the time that one value takes.
func perValue(b *testing.B, rows []history.Row) {
	values := b.N * countSamples(rows)
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(values), "ns/value")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(rows)), "ns/row")
}

func BenchmarkLogAppend(b *testing.B) {
	rows := taskRows(b, history.ChunkRows)
	b.ReportAllocs()
	var l history.Log
	size := 0
	for b.Loop() {
		l.Reset()
		for i := range rows {
			l.Append(&rows[i])
		}
		size = l.Bytes()
	}
	perValue(b, rows)
	b.ReportMetric(float64(size)/float64(countSamples(rows)), "B/sample")
}

func BenchmarkSealLog(b *testing.B) {
	rows := taskRows(b, history.ChunkRows)
	var l history.Log
	for i := range rows {
		l.Append(&rows[i])
	}
	var e history.Encoder
	var sealed []history.Sealed
	b.ReportAllocs()
	for b.Loop() {
		sealed = e.SealLog(sealed[:0], l.View())
	}
	perValue(b, rows)
}

// chunksOf seals rows.
func chunksOf(b *testing.B, rows []history.Row) (chunks []history.Chunk) {
	b.Helper()
	var e history.Encoder
	for i := 0; i < len(rows); i += history.ChunkRows {
		c, err := history.OpenChunk(e.Chunk(nil, rows[i:min(i+history.ChunkRows, len(rows))]))
		if err != nil {
			b.Fatal(err)
		}
		chunks = append(chunks, c)
	}
	return chunks
}

// BenchmarkSamplesOfChunks reads all fields of a track, one after the other.
func BenchmarkSamplesOfChunks(b *testing.B) {
	rows := taskRows(b, 10*history.ChunkRows)
	benchmarkSamples(b, &history.Parts{Main: chunksOf(b, rows)}, rows)
}

// BenchmarkOneFieldOfChunks reads one field only, of chunks that are all new to
// the decoder: every sample's time is decoded with its value.
func BenchmarkOneFieldOfChunks(b *testing.B) {
	rows := taskRows(b, 15*history.ChunkRows)
	var tracks []history.Parts
	for range 50 {
		for i := range rows {
			rows[i].Time += 1e3
		}
		tracks = append(tracks, history.Parts{Main: chunksOf(b, rows)})
	}
	var d history.Decoder
	var s history.Samples
	next := 0
	b.ReportAllocs()
	for b.Loop() {
		q := history.SampleQuery{Field: schema.TaskNetworkRxBytes, To: 1 << 60}
		if err := d.Samples(&tracks[next%len(tracks)], q, &s); err != nil {
			b.Fatal(err)
		}
		next++
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(rows)), "ns/value")
}

func BenchmarkSamplesOfALog(b *testing.B) {
	rows := taskRows(b, history.ChunkRows)
	var l history.Log
	for i := range rows {
		l.Append(&rows[i])
	}
	benchmarkSamples(b, &history.Parts{MainLog: l.View()}, rows)
}

func benchmarkSamples(b *testing.B, p *history.Parts, rows []history.Row) {
	var d history.Decoder
	var s history.Samples
	b.ReportAllocs()
	for b.Loop() {
		for i := range rows[0].Fields {
			q := history.SampleQuery{Field: schema.TaskCPUPercent + schema.Field(i), To: 1 << 60}
			if err := d.Samples(p, q, &s); err != nil {
				b.Fatal(err)
			}
		}
	}
	perValue(b, rows)
}

// BenchmarkLatest asks for the newest sample of tracks with a chunk and 60 open
// rows, each of which the decoder sees for the first time.
func BenchmarkLatest(b *testing.B) {
	rows := taskRows(b, 2*history.ChunkRows-60)
	var tracks []history.Parts
	for range 2 {
		var l history.Log
		for i := range rows[history.ChunkRows:] {
			l.Append(&rows[history.ChunkRows+i])
		}
		tracks = append(tracks, history.Parts{Main: chunksOf(b, rows[:history.ChunkRows]), MainLog: l.View()})
	}
	var d history.Decoder
	var s history.Samples
	next := 0
	b.ReportAllocs()
	for b.Loop() {
		q := history.SampleQuery{Field: schema.TaskCPUPercent, To: 1 << 60, Latest: true}
		if err := d.Samples(&tracks[next%2], q, &s); err != nil {
			b.Fatal(err)
		}
		next++
	}
}

func BenchmarkRowsDescending(b *testing.B) {
	rows := taskRows(b, history.ChunkRows)
	p := history.Parts{Main: chunksOf(b, rows)}
	var d history.Decoder
	b.ReportAllocs()
	for b.Loop() {
		if err := d.RowsDescending(&p, func(*history.Row) bool { return true }); err != nil {
			b.Fatal(err)
		}
	}
	perValue(b, rows)
}
