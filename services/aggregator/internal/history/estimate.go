package history

import (
	"math"
	"math/bits"
)

// tally counts a column's differences by size: enough to tell within a few
// percent in how many bytes they would go, without writing them.
type tally struct {
	sizes     [65]uint32
	negatives uint32
	total     uint32
}

func (t *tally) add(d int64) {
	magnitude := uint64(d)
	if d < 0 {
		magnitude = -magnitude
		t.negatives++
	}
	t.sizes[bits.Len64(magnitude)]++
	t.total++
}

// best returns the shape in which the differences take the fewest bits, and
// these bits × 256: the entropy of what is decided, the plain digits, and
// something for each decision that is learned.
func (t *tally) best() (shape, uint64) {
	high := uint(64)
	for high > 0 && t.sizes[high] == 0 {
		high--
	}
	lowest := high >> 6 // the shape holds high − floor in 6 bits
	found, least := shape{}, uint64(math.MaxUint64)
	small, above := t.total, uint64(0) // above: what the sizes above the floor cost, but for log2 of how many
	for floor := high; ; floor-- {
		if floor < 64 && (floor == lowest || t.sizes[floor] > 0 || small == 0) {
			others := uint64(t.total - small)
			cost := above + uint64(small)*uint64(floor)<<8 + others*log2(max(others, 1)) + choice(small, t.total-small)
			z := shape{floor: floor, high: high, small: small > 0 && others > 0}
			var sign uint64
			if z.signs, sign = t.signs(floor); cost+sign < least {
				found, least = z, cost+sign
			}
		}
		if floor == lowest || small == 0 {
			return found, least
		}
		if n := t.sizes[floor]; n > 0 {
			small -= n
			above += uint64(n)*uint64(floor-1)<<8 + learning - uint64(n)*log2(uint64(n))
		}
	}
}

// signs returns how signs are told above a floor, and in how many bits × 256.
func (t *tally) signs(floor uint) (signs, uint64) {
	signed := t.total
	if floor == 0 {
		signed -= t.sizes[0]
	}
	switch t.negatives {
	case 0:
		return signsPlus, 0
	case signed:
		return signsMinus, 0
	}
	if learned := choice(t.negatives, signed-t.negatives); learned < uint64(signed)<<8 {
		return signsLearned, learned
	}
	return signsPlain, uint64(signed) << 8
}

// learning is what the chances of one more decision cost until they are known.
const learning = 3 << 8

// choice returns the bits × 256 that no and yes of a decision take.
func choice(yes, no uint32) uint64 {
	if yes == 0 || no == 0 {
		return 0
	}
	y, n := uint64(yes), uint64(no)
	return (y+n)*log2(y+n) - y*log2(y) - n*log2(n) + learning
}

// worthLearning reports whether the two highest digits of the differences are
// uneven enough to be learned.
func (z *shape) worthLearning(differences []int64) bool {
	var counts [65][4]uint32
	for _, d := range differences {
		magnitude := distance(d)
		if size := bits.Len64(magnitude); size >= 3 && size > int(z.floor) {
			counts[size][magnitude>>(size-3)&3]++
		}
	}
	gain := int64(0)
	for size := 3; size < 65; size++ {
		c := &counts[size]
		if n := c[0] + c[1] + c[2] + c[3]; n > 0 {
			gain += int64(n) * 2 << 8
			gain -= int64(choice(c[0]+c[1], c[2]+c[3]) + choice(c[0], c[1]) + choice(c[2], c[3]))
		}
	}
	return gain > 0
}

// log2 returns the logarithm of v > 0 to base 2, × 256, rounded down, for
// small v exactly. It is computed in integers: floats could differ between
// machines, and with them the choice of predictors, and so the bytes.
func log2(v uint64) uint64 {
	if v < uint64(len(log2Table)) {
		return uint64(log2Table[v])
	}
	shift := uint(bits.Len64(v)) - 8
	return uint64(log2Table[v>>shift]) + uint64(shift)<<8
}

var log2Table = func() (table [256]uint16) {
	for v := uint64(1); v < 256; v++ {
		whole := uint64(bits.Len64(v)) - 1
		fraction, x := uint64(0), v<<(31-whole) // x in [1, 2), 31 bits behind the point
		for range 8 {
			x = x * x >> 31
			fraction = fraction<<1 | x>>32
			x >>= x >> 32
		}
		table[v] = uint16(whole<<8 | fraction)
	}
	return table
}()
