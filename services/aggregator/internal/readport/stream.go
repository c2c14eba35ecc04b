package readport

import (
	"encoding/json"
	"fmt"

	"github.com/nats-io/nats.go/micro"

	"weir/pkg/schema"
)

// stream is an answer in messages of at most schema.ReadPortChunk bytes. It is
// collected first and then sent, so that the state is locked while records are
// encoded and not while they are sent; unless it is live: then each message is
// sent as soon as it is full.
type stream struct {
	chunks  [][]byte
	current []byte
	live    *courier // nil: collected
	lane    lane     // in which the request waits
	err     error    // of sending, if live; what comes then is dropped
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
	if s.live != nil {
		if s.err == nil {
			s.err = s.live.send(s.current[:start], true)
		}
		s.current = s.current[:copy(s.current, s.current[start:])] // what was sent was copied
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

// send sends what there is, and ends the answer.
func (s *stream) send(req micro.Request) error {
	if s.err != nil {
		return s.err
	}
	if s.live != nil {
		return s.live.send(s.current, false)
	}
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
