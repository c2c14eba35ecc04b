package packet

import "encoding/binary"

// Connect is what a device says first.
type Connect struct {
	Version       byte // V311 or V5
	ClientID      string
	Username      string // sent if it or the password is set
	Password      string
	Clean         bool   // clean session (3.1.1), clean start (5)
	KeepAlive     uint16 // seconds; 0 is none
	SessionExpiry uint32 // MQTT 5: seconds that the session outlives the connection
	Will          *Will  // nil for none
}

// Will is what the server publishes, at QoS 0, when the connection breaks.
type Will struct {
	Topic   string
	Payload []byte
}

// AppendConnect appends a CONNECT packet.
//
// Source: MQTT 3.1.1 and 5, section 3.1.
func AppendConnect(dst []byte, c Connect) []byte {
	var props []byte
	if c.Version == V5 && c.SessionExpiry > 0 {
		props = binary.BigEndian.AppendUint32([]byte{propSessionExpiry}, c.SessionExpiry)
	}
	flags, length := byte(0), 10+2+len(c.ClientID)
	if c.Clean {
		flags |= 0x02
	}
	if c.Will != nil {
		flags |= 0x04
		length += 2 + len(c.Will.Topic) + 2 + len(c.Will.Payload)
		if c.Version == V5 {
			length++
		}
	}
	if c.Username != "" || c.Password != "" {
		flags |= 0x80
		length += 2 + len(c.Username)
	}
	if c.Password != "" {
		flags |= 0x40
		length += 2 + len(c.Password)
	}
	if c.Version == V5 {
		length += 1 + len(props)
	}
	dst = appendHeader(dst, CONNECT, 0, length)
	dst = appendString(dst, "MQTT")
	dst = append(dst, c.Version, flags)
	dst = binary.BigEndian.AppendUint16(dst, c.KeepAlive)
	if c.Version == V5 {
		dst = append(dst, byte(len(props)))
		dst = append(dst, props...)
	}
	dst = appendString(dst, c.ClientID)
	if c.Will != nil {
		if c.Version == V5 {
			dst = append(dst, 0) // no properties
		}
		dst = appendString(dst, c.Will.Topic)
		dst = appendString(dst, string(c.Will.Payload))
	}
	if flags&0x80 != 0 {
		dst = appendString(dst, c.Username)
	}
	if flags&0x40 != 0 {
		dst = appendString(dst, c.Password)
	}
	return dst
}

// Publish is a message to be sent.
type Publish struct {
	Topic   string
	Payload []byte
	ID      uint16 // 0 at QoS 0
	QoS     byte
}

// Marks are the places in an encoded PUBLISH, counted from its first byte, that
// change from one message to the next.
type Marks struct {
	ID      int // two bytes, big endian; 0 at QoS 0, which has none
	Payload int
}

// dupFlag is the bit of a PUBLISH's first byte that marks a retransmission.
const dupFlag = 0x08

// AppendPublish appends a PUBLISH packet, without properties in MQTT 5.
func AppendPublish(dst []byte, version byte, p Publish) ([]byte, Marks) {
	start := len(dst)
	length := 2 + len(p.Topic) + len(p.Payload)
	if p.QoS > 0 {
		length += 2
	}
	if version == V5 {
		length++
	}
	dst = appendHeader(dst, PUBLISH, p.QoS<<1, length)
	dst = appendString(dst, p.Topic)
	var m Marks
	if p.QoS > 0 {
		m.ID = len(dst) - start
		dst = binary.BigEndian.AppendUint16(dst, p.ID)
	}
	if version == V5 {
		dst = append(dst, 0)
	}
	m.Payload = len(dst) - start
	return append(dst, p.Payload...), m
}

// SetDup marks an encoded PUBLISH as a retransmission.
func SetDup(publish []byte) { publish[0] |= dupFlag }

// AppendAck appends a PUBACK, PUBREC, PUBREL or PUBCOMP that says success; its
// four bytes are the same in both versions.
func AppendAck(dst []byte, t Type, id uint16) []byte {
	flags := byte(0)
	if t == PUBREL {
		flags = 2
	}
	return append(dst, byte(t)<<4|flags, 2, byte(id>>8), byte(id))
}

// AppendPingreq appends a PINGREQ.
func AppendPingreq(dst []byte) []byte { return append(dst, byte(PINGREQ)<<4, 0) }

// AppendDisconnect appends a DISCONNECT that says a normal end, the same in
// both versions.
func AppendDisconnect(dst []byte) []byte { return append(dst, byte(DISCONNECT)<<4, 0) }

func appendHeader(dst []byte, t Type, flags byte, remaining int) []byte {
	if remaining > MaxRemaining {
		panic("BUG: a packet longer than MQTT allows")
	}
	dst = append(dst, byte(t)<<4|flags)
	for remaining >= 0x80 {
		dst = append(dst, byte(remaining)|0x80)
		remaining >>= 7
	}
	return append(dst, byte(remaining))
}

func appendString(dst []byte, s string) []byte {
	if len(s) > 0xffff {
		panic("BUG: a string longer than MQTT allows")
	}
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(s)))
	return append(dst, s...)
}
