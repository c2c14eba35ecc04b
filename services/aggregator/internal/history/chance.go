package history

// Columns are written by an adaptive binary range coder: every yes-or-no
// decision has a chance, learned from the same decisions before it, and costs
// what it surprises. 120 rows are too few to send tables ahead; a chance that
// learns needs none. Digits that are noise anyway bypass the coder and stand in
// plain bits at the column's end, written backwards.

// chance is the chance that the next decision is a no. Its zero value is even.
type chance struct {
	lead int16 // 65536 × (chance of a no − ½)
	seen uint8 // decisions so far, up to maxSeen < 128
}

const (
	even    = 1 << 15
	surest  = 65536 - 24 // no chance is smaller than 24/65536
	maxSeen = 62
)

// pace says how far a chance moves towards a decision, × 65536: after n
// decisions 1/(n+1.5), so that the chance is their average, quick at first.
var pace = func() (p [256]int64) {
	for n := range p {
		p[n] = int64(2 * 65536 / (2*min(n, maxSeen) + 3))
	}
	return p
}()

func (c *chance) ofNo() uint64 { return uint64(int64(c.lead) + even) }

func (c *chance) learn(yes bool) {
	goal := int64(surest - even)
	if yes {
		goal = even - surest
	}
	c.lead += int16((goal - int64(c.lead)) * pace[c.seen] >> 16)
	c.seen += (c.seen - maxSeen) >> 7 // one more, but for maxSeen
}
