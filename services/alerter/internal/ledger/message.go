package ledger

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/klauspost/compress/zstd"

	"weir/pkg/schema/zstdall"
	"weir/services/alerter/internal/alert"
)

// A message of the stream is an envelope of four bytes and a JSON document,
// compressed with zstd, whose frames carry a checksum.
const (
	magic   = "WA" // weir's alerts
	version = 1

	headerSize = 4

	// MaxMessage bounds a message, in bytes: NATS takes 1 MiB by default.
	MaxMessage = 512 << 10
	// maxEvent bounds one event as JSON: it fits into a message alone,
	// compressible or not.
	maxEvent = MaxMessage - 4<<10
	// maxDocument bounds a message's document, so that a damaged size cannot ask
	// for all memory. Writers keep to a quarter of it.
	maxDocument = 16 << 20
)

// kind says what a message holds.
type kind byte

const (
	kindOpened   kind = 1 // a writer began; what was stored before is not its own
	kindEvents   kind = 2
	kindSnapshot kind = 3 // a part of one
)

// events is the document of a message of events.
type events struct {
	Events []json.RawMessage `json:"events"`
}

// opened is the document of a writer's first message.
type opened struct {
	Writer string `json:"writer"`
}

// snapshot is the document of one part of a snapshot. The parts of one follow
// each other in the stream: a snapshot whose last part is not where it is
// expected was never finished.
type snapshot struct {
	ID   string     `json:"id"`
	Part int        `json:"part"`           // 0 begins the snapshot
	Last bool       `json:"last,omitempty"` // it ends the snapshot
	Of   alert.Part `json:"of"`
}

var (
	encoder = zstdall.NewEncoder(zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderCRC(true))
	decoder = zstdall.NewDecoder(maxDocument)
)

// seal returns the message of a document, and whether it keeps to the bounds.
func seal(k kind, document any) (message []byte, fits bool) {
	data, err := json.Marshal(document)
	if err != nil {
		panic("BUG: a document of the ledger cannot be encoded: " + err.Error())
	}
	message = encoder.EncodeAll(data, []byte{magic[0], magic[1], version, byte(k)})
	return message, len(message) <= MaxMessage && len(data) <= maxDocument/2
}

// unseal checks a message's envelope and returns its kind and its document.
func unseal(data []byte) (kind, []byte, error) {
	if len(data) < headerSize || string(data[:2]) != magic {
		return 0, nil, fmt.Errorf("%w: it does not begin as a message of the ledger", ErrCorrupt)
	}
	if data[2] != version {
		return 0, nil, fmt.Errorf("%w: %d, this program reads %d", ErrVersion, data[2], version)
	}
	document, err := decoder.DecodeAll(data[headerSize:], nil)
	if err != nil {
		return 0, nil, fmt.Errorf("%w: %v", ErrCorrupt, err)
	}
	return kind(data[3]), document, nil
}

// encode returns an event as it is stored, and as it is read again: that is what
// is applied, so that a state is the same after a restart, to the last bit.
//
// What an alert says about itself is shortened: it may grow with what a rule
// finds, and an alert that could not be stored for it could neither fire nor end,
// nor any other of its rule.
func encode(e alert.Event) (json.RawMessage, alert.Event, error) {
	if e.Transition != nil {
		t := *e.Transition
		t.Alert = t.Alert.Bounded()
		e.Transition = &t
	}
	data, err := json.Marshal(e)
	if err != nil {
		return nil, alert.Event{}, fmt.Errorf("encode an event: %w", err)
	}
	if len(data) > maxEvent {
		return nil, alert.Event{}, fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, len(data), maxEvent)
	}
	var again alert.Event
	if err := json.Unmarshal(data, &again); err != nil {
		return nil, alert.Event{}, fmt.Errorf("an event that could not be read again: %w", err)
	}
	return data, again, nil
}

// sealEvents returns the messages of events, in their order, each within bounds.
func sealEvents(all []json.RawMessage) [][]byte {
	var messages [][]byte
	for len(all) > 0 {
		n, size := 0, 0
		for n < len(all) && (n == 0 || size+len(all[n]) <= maxDocument/4) {
			size += len(all[n])
			n++
		}
		message, fits := seal(kindEvents, events{all[:n]})
		for !fits && n > 1 {
			n = (n + 1) / 2
			message, fits = seal(kindEvents, events{all[:n]})
		}
		messages, all = append(messages, message), all[n:]
	}
	return messages
}

// partSize is how many things are in a part of a snapshot before it is known
// how well they compress.
const partSize = 1000

// sealSnapshot returns the messages of a snapshot.
func sealSnapshot(id string, s *alert.State) [][]byte {
	var parts []alert.Part
	for p := range s.Parts(partSize) {
		parts = append(parts, p)
	}
	var messages [][]byte
	for i := 0; i < len(parts); i++ {
		message, fits := seal(kindSnapshot, snapshot{ID: id, Part: i, Last: i == len(parts)-1, Of: parts[i]})
		if halves, ok := parts[i].Halves(); ok && !fits {
			parts = slices.Replace(parts, i, i+1, halves[:]...)
			i--
			continue
		}
		messages = append(messages, message)
	}
	return messages
}
