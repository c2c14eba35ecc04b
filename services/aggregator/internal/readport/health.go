package readport

import "context"

func (p *Port) health(ctx context.Context, _ []byte, to *stream) error {
	return to.json(p.Health(ctx))
}
