package history

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// coder writes decisions and plain bits.
type coder struct {
	out    []byte // the column so far, after what was in it before
	start  int    // where this column's decisions begin in out
	low    uint64
	span   uint64
	plain  []byte // bytes of plain bits, the first last in the column
	acc    uint64
	filled uint // bits in acc
	last   [8]byte
}

// begin starts a column behind dst.
func (c *coder) begin(dst []byte) {
	*c = coder{out: dst, start: len(dst), span: 1<<64 - 1, plain: c.plain[:0]}
}

// decide writes a decision by its chance, which learns it.
func (c *coder) decide(p *chance, yes bool) {
	bound := c.span >> 16 * p.ofNo()
	if yes {
		c.low += bound
		if c.low < bound {
			c.carry()
		}
		c.span -= bound
	} else {
		c.span = bound
	}
	p.learn(yes)
	if c.span < 1<<32 {
		c.out = binary.BigEndian.AppendUint32(c.out, uint32(c.low>>32))
		c.low <<= 32
		c.span <<= 32
	}
}

// carry adds one to what is written.
func (c *coder) carry() {
	for i := len(c.out) - 1; i >= c.start; i-- {
		c.out[i]++
		if c.out[i] != 0 {
			return
		}
	}
}

// bits writes the lowest n ≤ 63 bits of v as they are.
func (c *coder) bits(v uint64, n uint) {
	if n > 32 {
		c.bits(v&(1<<32-1), 32)
		v, n = v>>32, n-32
	}
	c.acc |= v & (1<<n - 1) << c.filled
	c.filled += n
	for c.filled >= 8 {
		c.plain = append(c.plain, byte(c.acc))
		c.acc >>= 8
		c.filled -= 8
	}
}

// end finishes the column: the fewest bytes that tell the decisions, then the
// plain bits.
func (c *coder) end() []byte {
	if c.filled > 0 {
		c.plain = append(c.plain, byte(c.acc))
	}
	c.out = append(c.out, c.tail()...)
	if len(c.plain) == 0 {
		for len(c.out) > c.start && c.out[len(c.out)-1] == 0 {
			c.out = c.out[:len(c.out)-1] // the decoder reads zeroes beyond the end
		}
	}
	for i := len(c.plain) - 1; i >= 0; i-- {
		c.out = append(c.out, c.plain[i])
	}
	return c.out
}

// tail returns the shortest last bytes of the decisions: with them the code is
// in the span whatever follows (the plain bits), or at least if zeroes follow
// (nothing).
func (c *coder) tail() []byte {
	for n := 0; ; n++ {
		free := uint64(math.MaxUint64) >> (8 * n)
		v, carry := bits.Add64(c.low, free, 0)
		v &^= free
		above := v - c.low
		room := uint64(0)
		if len(c.plain) > 0 {
			room = free
		}
		if n < 8 && (above > c.span-1 || c.span-1-above < room) {
			continue
		}
		if carry > 0 {
			c.carry()
		}
		binary.BigEndian.PutUint64(c.last[:], v)
		return c.last[:n]
	}
}

// decoder reads what coder wrote. Damaged columns give any decisions at all,
// but nothing worse.
type decoder struct {
	data []byte
	pos  int // of the next bytes of decisions
	code uint64
	span uint64
	used uint // plain bits read, from data's end
}

func newDecoder(data []byte) decoder {
	d := decoder{data: data, span: 1<<64 - 1}
	d.code = uint64(d.next()) << 32
	d.code |= uint64(d.next())
	return d
}

// next returns four bytes, zeroes beyond the end.
func (d *decoder) next() uint32 {
	pos := d.pos
	d.pos += 4
	if pos+4 <= len(d.data) {
		return binary.BigEndian.Uint32(d.data[pos:])
	}
	v := uint32(0)
	for i := range 4 {
		v <<= 8
		if pos+i < len(d.data) {
			v |= uint32(d.data[pos+i])
		}
	}
	return v
}

// decide reads a decision by its chance, which learns it.
func (d *decoder) decide(p *chance) bool {
	bound := d.span >> 16 * p.ofNo()
	yes := d.code >= bound
	if yes {
		d.code -= bound
		d.span -= bound
	} else {
		d.span = bound
	}
	p.learn(yes)
	if d.span < 1<<32 {
		d.code = d.code<<32 | uint64(d.next())
		d.span <<= 32
	}
	return yes
}

// bits reads n ≤ 63 plain bits, zeroes beyond the column's begin.
func (d *decoder) bits(n uint) uint64 {
	if n > 32 {
		low := d.bits(32)
		return low | d.bits(n-32)<<32
	}
	end := len(d.data) - int(d.used>>3)
	shift := d.used & 7
	d.used += n
	var v uint64
	if end >= 8 {
		v = binary.BigEndian.Uint64(d.data[end-8:])
	} else {
		for i := range 8 {
			if end-1-i >= 0 {
				v |= uint64(d.data[end-1-i]) << (8 * i)
			}
		}
	}
	return v >> shift & (1<<n - 1)
}
