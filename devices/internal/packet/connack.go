package packet

import (
	"encoding/binary"
	"fmt"
)

// Connack is the server's answer to CONNECT.
type Connack struct {
	SessionPresent bool
	Code           byte   // 0 is accepted; return code (3.1.1) or reason code (5)
	ReceiveMaximum uint16 // most QoS 1 and 2 messages in flight; 65535 where nothing was said
	MaximumQoS     byte   // 2 where nothing was said
	Reason         string // MQTT 5's reason string, or what 3.1.1's code means; "" where there is none
}

// meanings are those of MQTT 3.1.1's return codes. Source: its section 3.2.2.3.
var meanings = map[byte]string{
	1: "unacceptable protocol version",
	2: "identifier rejected",
	3: "server unavailable",
	4: "bad user name or password",
	5: "not authorized",
}

// MQTT 5's properties that are read or written here.
const (
	propSessionExpiry  = 0x11
	propReasonString   = 0x1f
	propReceiveMaximum = 0x21
	propMaximumQoS     = 0x24
)

// Connack reads a CONNACK of the version. The error is an ErrMalformed.
func (p Packet) Connack(version byte) (Connack, error) {
	c := Connack{ReceiveMaximum: 0xffff, MaximumQoS: 2}
	if p.Type != CONNACK || len(p.Body) < 2 {
		return c, fmt.Errorf("%w: %v of %d bytes where CONNACK was expected", ErrMalformed, p.Type, len(p.Body))
	}
	c.SessionPresent, c.Code = p.Body[0]&1 == 1, p.Body[1]
	if version != V5 {
		c.Reason = meanings[c.Code]
		return c, nil
	}
	if len(p.Body) == 2 {
		return c, nil
	}
	props, err := properties(p.Body[2:])
	if err != nil {
		return c, err
	}
	for len(props) > 0 {
		id, value, rest, err := property(props)
		if err != nil {
			return c, err
		}
		switch id {
		case propReceiveMaximum:
			c.ReceiveMaximum = binary.BigEndian.Uint16(value)
		case propMaximumQoS:
			c.MaximumQoS = value[0]
		case propReasonString:
			c.Reason = string(value)
		}
		props = rest
	}
	return c, nil
}

// properties cuts the property section, a length and so many bytes, off b.
func properties(b []byte) ([]byte, error) {
	length, n := binary.Uvarint(b) // little-endian groups of seven bits, as MQTT writes them
	if n <= 0 || n > 4 || length > uint64(len(b)-n) {
		return nil, fmt.Errorf("%w: the property section is cut off", ErrMalformed)
	}
	return b[n : n+int(length)], nil
}

// propertySizes holds the fixed sizes of those properties that a CONNACK may
// have; 0 stands for a string, -2 for a pair of strings.
var propertySizes = map[byte]int{
	0x11: 4, 0x12: 0, 0x13: 2, 0x15: 0, 0x16: 0, 0x1a: 0, 0x1c: 0, 0x1f: 0,
	0x21: 2, 0x22: 2, 0x24: 1, 0x25: 1, 0x26: -2, 0x27: 4, 0x28: 1, 0x29: 1, 0x2a: 1,
}

// property cuts one property off b. The value is without the length of a
// string; that of a pair of strings is left empty.
func property(b []byte) (id byte, value, rest []byte, err error) {
	id, b = b[0], b[1:]
	size, known := propertySizes[id]
	switch {
	case !known:
		return id, nil, nil, fmt.Errorf("%w: property 0x%02x in a CONNACK", ErrMalformed, id)
	case size == 0:
		value, rest, err = cutString(b)
		return id, value, rest, err
	case size == -2:
		if _, b, err = cutString(b); err == nil {
			_, rest, err = cutString(b)
		}
		return id, nil, rest, err
	case len(b) < size:
		return id, nil, nil, fmt.Errorf("%w: property 0x%02x is cut off", ErrMalformed, id)
	}
	return id, b[:size], b[size:], nil
}

func cutString(b []byte) (s, rest []byte, err error) {
	if len(b) < 2 {
		return nil, nil, fmt.Errorf("%w: a string without its length", ErrMalformed)
	}
	n := int(binary.BigEndian.Uint16(b))
	if len(b)-2 < n {
		return nil, nil, fmt.Errorf("%w: a string is cut off", ErrMalformed)
	}
	return b[2 : 2+n], b[2+n:], nil
}
