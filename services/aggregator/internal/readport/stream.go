package readport

import (
	"encoding/json"
	"fmt"

	"github.com/nats-io/nats.go/micro"

	"weir/pkg/schema"
)

// stream collects an answer and then sends it in messages of at most
// schema.ReadPortChunk bytes. It is collected first, so that the state is locked
// while records are encoded and not while they are sent.
type stream struct {
	chunks  [][]byte
	current []byte
}

// record appends a record, which encode appends to what it is given. A record
// is never split.
func (s *stream) record(encode func([]byte) []byte) {
	if s.current == nil {
		s.current = make([]byte, 0, firstChunk)
	}
	start := len(s.current)
	s.current = encode(s.current)
	if len(s.current) <= schema.ReadPortChunk || start == 0 {
		return
	}
	next := append(make([]byte, 0, schema.ReadPortChunk), s.current[start:]...)
	s.chunks = append(s.chunks, s.current[:start])
	s.current = next
}

// firstChunk is what a small answer needs: most are.
const firstChunk = 4 << 10

// json makes the answer one JSON document.
func (s *stream) json(v any) (err error) {
	s.current, err = json.Marshal(v)
	return err
}

func (s *stream) send(req micro.Request) error {
	for i, chunk := range s.chunks {
		err := req.Respond(chunk, micro.WithHeaders(micro.Headers{schema.MoreHeader: []string{"1"}}))
		if err != nil {
			return fmt.Errorf("send part %d of an answer: %w", i+1, err)
		}
	}
	if err := req.Respond(s.current); err != nil {
		return fmt.Errorf("send an answer's last part: %w", err)
	}
	return nil
}
