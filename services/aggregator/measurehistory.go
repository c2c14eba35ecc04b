package aggregator

import (
	"fmt"
	"iter"

	"github.com/prometheus/prometheus/tsdb/chunkenc"

	"weir/services/aggregator/internal/history"

	"weir/pkg/schema"
)

// HistoryKind is how many bytes some data take.
type HistoryKind struct {
	Name     string `json:"kind"`
	Samples  uint64 `json:"samples"`
	Bytes    uint64 `json:"bytes"`           // of the history's chunks: times, values and all
	XORBytes uint64 `json:"plain_xor_bytes"` // of Prometheus' XOR chunks of as many samples, one for each series, of times in whole milliseconds
}

// MeasureHistory encodes the readings of one source, ascending in time, as the
// fold seals them, and as plain XOR chunks: for measurements. A reading is used
// up before the next one is asked for.
func MeasureHistory(name string, readings iter.Seq[schema.Reading]) (HistoryKind, error) {
	m := historyMeasure{kind: HistoryKind{Name: name}}
	for r := range readings {
		if n := len(m.rows); n > 0 && (n == history.ChunkRows || history.Bucket(m.rows[0].Time) != history.Bucket(r.Time)) {
			if err := m.seal(); err != nil {
				return m.kind, err
			}
		}
		m.rows = append(m.rows, history.Row{
			Time: r.Time, Arrival: m.arrival + 1, Dialect: r.Dialect, Clock: r.Clock, Fields: append([]schema.FieldValue(nil), r.Fields...),
		})
		m.arrival++
	}
	return m.kind, m.seal()
}

// historyMeasure gathers the rows of a chunk.
type historyMeasure struct {
	kind    HistoryKind
	rows    []history.Row
	arrival uint64
	encoder history.Encoder
	chunk   []byte
}

func (m *historyMeasure) seal() error {
	if len(m.rows) == 0 {
		return nil
	}
	m.chunk = m.encoder.Chunk(m.chunk[:0], m.rows)
	m.kind.Bytes += uint64(len(m.chunk))
	series := map[schema.Field]*chunkenc.XORChunk{}
	for _, row := range m.rows {
		for _, f := range row.Fields {
			c := series[f.Field]
			if c == nil {
				c = chunkenc.NewXORChunk()
				series[f.Field] = c
			}
			a, err := c.Appender()
			if err != nil {
				return fmt.Errorf("append to an XOR chunk: %w", err)
			}
			a.Append(0, row.Time/1e6, f.Value)
			m.kind.Samples++
		}
	}
	for _, c := range series {
		m.kind.XORBytes += uint64(len(c.Bytes()))
	}
	m.rows = m.rows[:0]
	return nil
}
