package readport

import (
	"context"

	"weir/services/aggregator/internal/fold"

	"weir/pkg/schema"
)

func (p *Port) sources(_ context.Context, request []byte, to *stream) error {
	var q schema.SourcesRequest
	if err := parse(request, &q); err != nil {
		return err
	}
	p.State.Read(func(s *fold.State) {
		s.Sources(&q, func(src *schema.Source) { to.record(src.AppendBinary) })
	})
	return nil
}
