package readport

import (
	"fmt"

	"weir/services/aggregator/internal/history"

	"weir/pkg/schema"
)

// head counts the rows, decoding as few chunks as it can, and finds up to where
// they go if the request does not say.
func (p *rowsPage) head() (schema.RowsHead, error) {
	seen := until{}
	var total uint64
	for i := range p.tracks {
		tr := &p.tracks[i]
		seen.see(tr.Tenant, 0)
		n, err := p.countTrack(tr, seen)
		if err != nil {
			return schema.RowsHead{}, fmt.Errorf("count the rows of track %d: %w", tr.Number, err)
		}
		total += n
	}
	if p.upTo != nil {
		seen = p.upTo
	}
	return schema.RowsHead{Total: total, Until: seen.String()}, nil
}

func (p *rowsPage) countTrack(tr *pageTrack, seen until) (total uint64, err error) {
	for _, chunks := range [][]history.Chunk{tr.parts.Main, tr.parts.Late} {
		for i := range chunks {
			if err := outOfTime(p.ctx); err != nil {
				return 0, err
			}
			n, err := p.countChunk(tr, &chunks[i])
			if err != nil {
				return 0, err
			}
			seen.see(tr.Tenant, chunks[i].MaxArrival())
			total += n
		}
	}
	for _, log := range []history.LogView{tr.parts.MainLog, tr.parts.LateLog} {
		log.Rows(func(row *history.Row) bool {
			if p.wanted(tr, row) {
				total++
			}
			seen.see(tr.Tenant, row.Arrival)
			return true
		})
	}
	return total, nil
}

// countChunk counts the wanted rows of a chunk. If its head says that all are,
// they need not be looked at, unless there may be ends among them.
func (p *rowsPage) countChunk(tr *pageTrack, c *history.Chunk) (n uint64, err error) {
	if c.Min() >= tr.from && c.Max() <= p.request.To && c.MaxArrival() <= p.upTo.arrival(tr.Tenant) && !tr.Ends {
		return uint64(c.Rows()), nil
	}
	err = p.decoder.RowsDescending(&history.Parts{Main: []history.Chunk{*c}}, func(row *history.Row) bool {
		if p.wanted(tr, row) {
			n++
		}
		return true
	})
	return n, err
}
