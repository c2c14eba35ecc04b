package history

import "math/bits"

// Numbers of a column are told as differences from what a predictor expects.
// A difference is written as: is it small, in no more bits than the floor; if
// not, in how many bits it goes (its size, by a binary tree over the sizes that
// the column has), and the two digits below its highest one, if they are worth
// learning; the rest, and its sign if that is as good as random, as plain bits.
//
// With a floor of 0 the small ones are the zeroes. Among noise, where every
// number is as likely as another, a higher floor saves decisions and costs
// nothing.

// shape describes the differences of a column: what its decisions are about.
type shape struct {
	floor  uint  // bits of a small difference
	high   uint  // bits of the largest difference, not below the floor
	small  bool  // some are small, but not all
	signs  signs // of those that have one: all but zeroes under a floor of 0
	digits bool  // the two highest digits are learned
}

type signs uint8

const (
	signsLearned signs = iota
	signsPlus          // there is no minus
	signsMinus         // there is nothing else
	signsPlain
)

// packed returns the shape in two bytes.
func (z *shape) packed() uint16 {
	v := uint16(z.floor) | uint16(z.high-z.floor)<<6 | uint16(z.signs)<<12
	if z.small {
		v |= 1 << 14
	}
	if z.digits {
		v |= 1 << 15
	}
	return v
}

// unpackShape reads what packed returned; any two bytes are a shape that can be read.
func unpackShape(v uint16) shape {
	z := shape{floor: uint(v & 63), signs: signs(v >> 12 & 3), small: v>>14&1 == 1, digits: v>>15 == 1}
	z.high = min(z.floor+uint(v>>6&63), 64)
	return z
}

// treeDepth returns how many decisions tell a size above the floor.
func (z *shape) treeDepth() uint {
	if z.high <= z.floor+1 {
		return 0
	}
	return uint(bits.Len(z.high - z.floor - 1))
}

// numberModel holds the chances of a column's decisions.
type numberModel struct {
	small  [4]chance // by whether the two differences before were small
	sign   [2]chance // by the sign before
	size   [128]chance
	digits [65][4]chance
}

func (m *numberModel) write(c *coder, z *shape, numbers []int64) {
	depth := z.treeDepth()
	recent, signed := 0, uint(0)
	for _, n := range numbers {
		negative := uint(uint64(n) >> 63)
		magnitude := distance(n)
		size := uint(bits.Len64(magnitude))
		rest := z.floor // digits still to tell
		isSmall := size <= z.floor
		if z.small {
			c.decide(&m.small[recent&3], isSmall)
			recent <<= 1
			if isSmall {
				recent |= 1
			}
		}
		if !isSmall {
			node := uint(1)
			for i := depth; i > 0; i-- {
				bit := (size - z.floor - 1) >> (i - 1) & 1
				c.decide(&m.size[node], bit == 1)
				node = node<<1 | bit
			}
			rest = size - 1
			if z.digits && rest >= 2 {
				node := uint(1)
				for range 2 {
					rest--
					bit := uint(magnitude >> rest & 1)
					c.decide(&m.digits[size][node], bit == 1)
					node = node<<1 | bit
				}
			}
		} else if size == 0 && z.floor == 0 {
			continue
		}
		switch z.signs {
		case signsLearned:
			c.decide(&m.sign[signed], negative == 1)
			signed = negative
		case signsPlain:
			c.bits(uint64(negative), 1)
		}
		c.bits(magnitude, rest)
	}
}

func (m *numberModel) read(d *decoder, z *shape, numbers []int64) {
	depth := z.treeDepth()
	always := z.high <= z.floor && !z.small
	recent, negative := 0, uint64(0)
	for i := range numbers {
		rest, magnitude := z.floor, uint64(0)
		isSmall := always
		if z.small {
			isSmall = d.decide(&m.small[recent&3])
			recent <<= 1
			if isSmall {
				recent |= 1
			}
		}
		if !isSmall {
			node := uint(1)
			for range depth {
				bit := uint(0)
				if d.decide(&m.size[node&127]) {
					bit = 1
				}
				node = node<<1 | bit
			}
			size := min(z.floor+1+node-1<<depth, 64) // more only if damaged
			rest, magnitude = size-1, 1
			if z.digits && rest >= 2 {
				digits := &m.digits[size]
				for range 2 {
					bit := uint64(0)
					if d.decide(&digits[magnitude&3]) {
						bit = 1
					}
					magnitude = magnitude<<1 | bit
					rest--
				}
			}
		} else if z.floor == 0 {
			numbers[i] = 0
			continue
		}
		switch z.signs {
		case signsLearned:
			yes := d.decide(&m.sign[negative])
			negative = 0
			if yes {
				negative = 1
			}
		case signsPlain:
			negative = d.bits(1)
		case signsMinus:
			negative = 1
		}
		magnitude = magnitude<<rest | d.bits(rest)
		numbers[i] = int64((magnitude ^ -negative) + negative)
	}
}
