package store

import (
	"slices"

	"weir/services/aggregator/internal/history"
)

// chunkRows visits a chunk's rows, ascending by time.
func chunkRows(c *history.Chunk, visit func(*history.Row)) error {
	var rows []history.Row
	var decoder history.Decoder
	err := decoder.RowsDescending(&history.Parts{Main: []history.Chunk{*c}}, func(r *history.Row) bool {
		row := *r
		row.Fields = slices.Clone(r.Fields)
		rows = append(rows, row)
		return true
	})
	for i := range slices.Backward(rows) {
		visit(&rows[i])
	}
	return err
}
