package readport

import (
	"context"
	"fmt"

	"weir/services/aggregator/internal/fold"

	"weir/pkg/schema"
	"weir/pkg/schema/wire"
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

func (p *Port) readings(_ context.Context, request []byte, to *stream) error {
	var q schema.ReadingsRequest
	if err := parse(request, &q); err != nil {
		return err
	}
	if q.ID == "" || q.Kind == 0 {
		return fmt.Errorf("%w: kind and id must be given", ErrBadRequest)
	}
	p.State.Read(func(s *fold.State) {
		total, page := s.Readings(&q)
		to.record(func(b []byte) []byte { return wire.AppendUint(b, total) })
		for _, data := range page {
			to.record(func(b []byte) []byte { return append(b, data...) })
		}
	})
	return nil
}
