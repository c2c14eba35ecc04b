package decode

import "weir/pkg/schema"

// Decoder decodes payloads.
type Decoder struct{}

// New returns a Decoder.
func New() *Decoder { return &Decoder{} }

// Decode decodes the payload of an event on topic t.
func (d *Decoder) Decode(t Topic, payload []byte) ([]schema.Reading, *schema.Rejection) {
	return nil, nil
}
