package history

import "math/bits"

// choose returns the predictor that leaves the least to tell.
func (w *columnWriter) choose() (predictor, parameters, shape) {
	offsets := w.offsets
	largest := uint64(0)
	for _, v := range offsets {
		largest |= distance(v)
	}
	if largest == 0 {
		return constant, parameters{}, shape{}
	}
	first := offsets[1] // there are two: one alone is constant
	middle, trend := fit(offsets, largest)
	with := [predictors]parameters{mean: {start: middle}, bend: {start: first}, straight: {start: first}, line: trend}
	w.count(with)
	if t := &w.tallies[bend]; t.total == t.sizes[0] {
		return straight, with[straight], shape{}
	}
	best := step
	z, least := w.tallies[step].best()
	for _, p := range []predictor{bend, mean, average, line} {
		other, cost := w.tallies[p].best()
		if cost += p.parametersCost(with[p]); cost < least {
			best, z, least = p, other, cost
		}
	}
	return best, with[best], z
}

// parametersCost returns the bits × 256 that the parameters take.
func (p predictor) parametersCost(with parameters) uint64 {
	size := func(v int64) uint64 { return uint64(bits.Len64(distance(v))/7+1) * 8 << 8 }
	switch p {
	case mean, bend:
		return size(with.start)
	case line:
		return size(with.start) + size(with.slope)
	}
	return 0
}

// count tallies the differences that each predictor would leave.
func (w *columnWriter) count(with [predictors]parameters) {
	w.tallies = [predictors]tally{}
	level, at := int64(0), with[line].start<<slopeBits
	last, lastStep := int64(0), int64(0)
	for i, v := range w.offsets {
		w.tallies[mean].add(v - with[mean].start)
		w.tallies[line].add(v - at>>slopeBits)
		at += with[line].slope
		d := v - level
		w.tallies[average].add(d)
		level += toward(d)
		if i > 0 {
			by := v - last
			w.tallies[step].add(by)
			if i > 1 {
				w.tallies[bend].add(by - lastStep)
			}
			lastStep = by
		}
		last = v
	}
}

// fit returns the mean of the offsets, and the line through the means of their
// first and their last half. largest has the bits of all of them.
func fit(offsets []int64, largest uint64) (middle int64, trend parameters) {
	n := len(offsets)
	shift := max(0, bits.Len64(largest)+bits.Len(uint(n))+slopeBits-63)
	half := n / 2
	var early, late, all int64
	for i, v := range offsets {
		v >>= shift
		all += v
		switch {
		case i < half:
			early += v
		case i >= n-half:
			late += v
		}
	}
	trend.slope = (late - early) << slopeBits / (int64(half) * int64(n-half)) << shift
	middle = all / int64(n) << shift
	trend.start = middle - trend.slope*int64(n-1)>>(slopeBits+1)
	return middle, trend
}
