// Package packet is the part of MQTT 3.1.1 and 5 that a publishing device
// needs, made for speed: packets are appended to and cut from plain byte
// slices, and nothing allocates except CONNECT and CONNACK.
//
// Source: OASIS MQTT Version 3.1.1 (2014) and Version 5.0 (2019).
package packet

import (
	"encoding/binary"
	"fmt"
)

// Type is a control packet's type, the upper half of its first byte.
type Type byte

// The control packets' types.
const (
	CONNECT     Type = 1
	CONNACK     Type = 2
	PUBLISH     Type = 3
	PUBACK      Type = 4
	PUBREC      Type = 5
	PUBREL      Type = 6
	PUBCOMP     Type = 7
	SUBSCRIBE   Type = 8
	SUBACK      Type = 9
	UNSUBSCRIBE Type = 10
	UNSUBACK    Type = 11
	PINGREQ     Type = 12
	PINGRESP    Type = 13
	DISCONNECT  Type = 14
	AUTH        Type = 15
)

var typeNames = [16]string{"reserved", "CONNECT", "CONNACK", "PUBLISH", "PUBACK", "PUBREC", "PUBREL", "PUBCOMP",
	"SUBSCRIBE", "SUBACK", "UNSUBSCRIBE", "UNSUBACK", "PINGREQ", "PINGRESP", "DISCONNECT", "AUTH"}

// String returns the type's name as the standard writes it.
func (t Type) String() string { return typeNames[t&15] }

// The protocol versions as CONNECT carries them.
const (
	V311 byte = 4
	V5   byte = 5
)

// MaxRemaining is the largest remaining length that the format can express.
const MaxRemaining = 268_435_455

// Packet is one control packet as cut from the wire.
type Packet struct {
	Type  Type
	Flags byte   // the lower half of the first byte
	Body  []byte // what follows the fixed header; part of the buffer it was cut from
}

// Cut cuts the first packet off buf and returns the number of bytes it takes; 0
// when buf does not hold all of it yet. The error is an ErrMalformed.
func Cut(buf []byte) (Packet, int, error) {
	if len(buf) < 2 {
		return Packet{}, 0, nil
	}
	length, shift := 0, 0
	for i := 1; ; i++ {
		if i > 4 {
			return Packet{}, 0, fmt.Errorf("%w: the remaining length has more than four bytes", ErrMalformed)
		}
		if i == len(buf) {
			return Packet{}, 0, nil
		}
		length |= int(buf[i]&0x7f) << shift
		shift += 7
		if buf[i] < 0x80 {
			if len(buf)-i-1 < length {
				return Packet{}, 0, nil
			}
			p := Packet{Type: Type(buf[0] >> 4), Flags: buf[0] & 15, Body: buf[i+1 : i+1+length]}
			return p, i + 1 + length, nil
		}
	}
}

// Ack is what PUBACK, PUBREC, PUBREL and PUBCOMP say.
type Ack struct {
	ID     uint16
	Reason byte // MQTT 5; 0 where it was left out, as always in 3.1.1
}

// Refused reports whether the reason code is one of failure.
func (a Ack) Refused() bool { return a.Reason >= 0x80 }

// Ack reads a PUBACK, PUBREC, PUBREL or PUBCOMP of either version. The error is
// an ErrMalformed.
func (p Packet) Ack() (Ack, error) {
	switch {
	case len(p.Body) < 2:
		return Ack{}, fmt.Errorf("%w: %v without a packet id", ErrMalformed, p.Type)
	case len(p.Body) == 2:
		return Ack{ID: binary.BigEndian.Uint16(p.Body)}, nil
	default:
		return Ack{ID: binary.BigEndian.Uint16(p.Body), Reason: p.Body[2]}, nil
	}
}
