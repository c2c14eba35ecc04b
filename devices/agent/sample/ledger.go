package sample

// ledger finds what was spent from one sum to the next, of sums over processes
// that may lose some.
//
// A child that its parent waits for between the reading of the parent and its
// own is in neither: the sum falls by what the child has used, and is whole the
// next time. So one sum that is too low is waited out; a second one means that
// what is missing does not come back, as with a child that init waited for.
type ledger struct {
	highest float64
	low     bool // the sum before was too low
}

func (l *ledger) spent(sum float64) float64 {
	switch {
	case sum >= l.highest:
		spent := sum - l.highest
		l.highest, l.low = sum, false
		return spent
	case !l.low:
		l.low = true
	default:
		l.highest, l.low = sum, false
	}
	return 0
}
