package packet

import "errors"

// ErrMalformed is returned for bytes that are no MQTT packet.
var ErrMalformed = errors.New("malformed packet")
