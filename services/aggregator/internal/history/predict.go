package history

// predictor says what a column's numbers are told against. They are taken
// relative to the first one and divided by what they have in common, so that
// the first is 0 (the offsets).
type predictor uint8

const (
	constant predictor = iota // all are the first
	straight                  // each is as far from the one before as the second from the first
	mean                      // their mean
	step                      // the one before
	bend                      // the one before, and the step to it
	average                   // an average of those before, the newer the heavier
	line                      // a line through all of them
	predictors
)

// slopeBits is how many bits behind the point a line's slope has.
const slopeBits = 8

// parameters are what a predictor must be told.
type parameters struct {
	start int64 // mean, line: the expectation at the first row; straight, bend: the first step
	slope int64 // line: by row, × 2^slopeBits
}

// skipped returns how many of the first numbers the parameters tell.
func (p predictor) skipped() int {
	switch p {
	case step:
		return 1
	case bend:
		return 2
	}
	return 0
}

// differences appends to into what the predictor does not foresee.
func (p predictor) differences(into, offsets []int64, with parameters) []int64 {
	switch p {
	case mean:
		for _, v := range offsets {
			into = append(into, v-with.start)
		}
	case step:
		for i := 1; i < len(offsets); i++ {
			into = append(into, offsets[i]-offsets[i-1])
		}
	case bend:
		for i := 2; i < len(offsets); i++ {
			into = append(into, offsets[i]-offsets[i-1]-(offsets[i-1]-offsets[i-2]))
		}
	case average:
		level := int64(0)
		for _, v := range offsets {
			d := v - level
			into = append(into, d)
			level += toward(d)
		}
	case line:
		at := with.start << slopeBits
		for _, v := range offsets {
			into = append(into, v-at>>slopeBits)
			at += with.slope
		}
	}
	return into
}

// toward is how far the average moves for a difference.
func toward(d int64) int64 { return d>>1 - d>>3 }

// restore turns the differences into offsets, in place. Those that the
// parameters tell are in front and are overwritten.
func (p predictor) restore(v []int64, with parameters) {
	switch p {
	case constant:
		clear(v)
	case straight:
		for i := range v {
			v[i] = int64(i) * with.start
		}
	case mean:
		for i := range v {
			v[i] += with.start
		}
	case step:
		v[0] = 0
		for i := 1; i < len(v); i++ {
			v[i] += v[i-1]
		}
	case bend:
		v[0] = 0
		last, by := int64(0), with.start
		for i := 1; i < len(v); i++ {
			if i > 1 {
				by += v[i]
			}
			last += by
			v[i] = last
		}
	case average:
		level := int64(0)
		for i, d := range v {
			v[i] = level + d
			level += toward(d)
		}
	case line:
		at := with.start << slopeBits
		for i := range v {
			v[i] += at >> slopeBits
			at += with.slope
		}
	}
}
