package loadgen

import (
	"encoding/binary"
	"time"

	"weir/devices/internal/packet"
)

// template is one source's PUBLISH, encoded.
type template struct {
	packet  []byte
	idAt    int // 0 at QoS 0
	patches []patch
	payload int // bytes
}

// stream is one client's endless sequence of PUBLISH packets, over its sources
// in turn. After newStream it does not allocate.
type stream struct {
	good, bad []template // one a source; bad is empty unless every is set
	every     int
	next      int    // the source whose turn it is
	seq       uint64 // events made so far
	values    uint64 // state of the values' pseudo-random sequence
	clock     timeText
}

// newStream makes the stream of the i-th client. Where there are fewer sources
// than clients, several clients share one.
func newStream(c Config, i int) *stream {
	s := &stream{every: c.MalformedEvery, values: c.Seed ^ uint64(i)<<32}
	for source := i % c.Sources; source < c.Sources; source += c.Clients {
		s.good = append(s.good, newTemplate(c, c.Payload, source))
		if s.every > 0 {
			s.bad = append(s.bad, newTemplate(c, Bad, source))
		}
	}
	return s
}

func newTemplate(c Config, kind Kind, source int) template {
	named := shapes[kind].source(source, c.Service, c.Subservice)
	payload, patches := named.expand()
	encoded, at := packet.AppendPublish(nil, c.Version, packet.Publish{Topic: named.topic, Payload: payload, QoS: c.QoS, ID: 1})
	for i := range patches {
		patches[i].at += at.Payload
	}
	return template{packet: encoded, idAt: at.ID, patches: patches, payload: len(payload)}
}

// largest is the size of the stream's largest packet in bytes.
func (s *stream) largest() int {
	n := 0
	for _, t := range s.good {
		n = max(n, len(t.packet))
	}
	for _, t := range s.bad {
		n = max(n, len(t.packet))
	}
	return n
}

// payload is the size of the first source's payload in bytes.
func (s *stream) payload() int { return s.good[0].payload }

// append appends the next PUBLISH with the packet id and the time, unix
// nanoseconds.
func (s *stream) append(dst []byte, id uint16, now int64) []byte {
	s.seq++
	from := s.good
	if s.every > 0 && s.seq%uint64(s.every) == 0 {
		from = s.bad
	}
	t := &from[s.next]
	if s.next++; s.next == len(from) {
		s.next = 0
	}
	start := len(dst)
	dst = append(dst, t.packet...)
	p := dst[start:]
	if t.idAt > 0 {
		binary.BigEndian.PutUint16(p[t.idAt:], id)
	}
	for _, m := range t.patches {
		s.patch(p[m.at:], m.mark, now)
	}
	return dst
}

func (s *stream) patch(p []byte, m mark, now int64) {
	switch m {
	case markPercent:
		v := s.random()
		putDigits(p[:2], 10+v%90)
		putDigits(p[3:5], v>>32%100)
	case markBytes:
		putDigits(p[:7], 1_000_000+s.random()%9_000_000)
	case markCount:
		putDigits(p[:4], 1000+s.random()%9000)
	case markSeq:
		putDigits(p[:6], 100_000+s.seq%900_000)
	case markTime:
		s.clock.put(p, now)
	case markUnix:
		putDigits(p[:10], uint64(now/int64(time.Second)))
	}
}

// random is splitmix64: fast, and good enough for a CPU's percentage.
func (s *stream) random() uint64 {
	s.values += 0x9e3779b97f4a7c15
	z := s.values
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// putDigits fills p with the last digits of v.
func putDigits(p []byte, v uint64) {
	for i := len(p) - 1; i >= 0; i-- {
		p[i] = '0' + byte(v%10)
		v /= 10
	}
}

// timeText writes times as RFC 3339 with microseconds; it formats the date only
// when the second has changed.
type timeText struct {
	second int64
	text   []byte
}

func (t *timeText) put(p []byte, now int64) {
	if second := now / int64(time.Second); second != t.second || t.text == nil {
		t.second = second
		t.text = time.Unix(second, 0).UTC().AppendFormat(t.text[:0], "2006-01-02T15:04:05.")
	}
	n := copy(p, t.text)
	putDigits(p[n:n+6], uint64(now%int64(time.Second)/1000))
}
