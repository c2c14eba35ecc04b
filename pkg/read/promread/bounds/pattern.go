package bounds

import (
	"fmt"
	"regexp/syntax"
)

// The most that the regular expressions of a query may have together. One of 20 kB
// takes 100 MB when it is compiled, for `x{1000}` is a thousand x; and each
// character of a text is compared with all that a repetition may be at.
const (
	// MaxPattern counts characters and classes of characters, repeated ones as
	// often as they may be: the names of tens of thousands of nodes.
	MaxPattern = 1_000_000
	// MaxRepetitions counts those that are repeated a number of times alone.
	MaxRepetitions = 10_000
)

// CheckPatterns returns an error if regular expressions are too large together.
// What is none is none of its business.
func CheckPatterns(all ...string) error {
	var sum patterns
	for _, pattern := range all {
		if err := sum.add(pattern); err != nil {
			return err
		}
	}
	return nil
}

// patterns sums up the regular expressions of a query.
type patterns struct {
	length         int
	size, repeated float64
}

func (p *patterns) add(pattern string) error {
	if p.length += len(pattern); p.length > MaxPattern {
		return fmt.Errorf("regular expressions of more than %d bytes", MaxPattern)
	}
	re, err := syntax.Parse(pattern, syntax.Perl|syntax.DotNL)
	if err != nil {
		return nil
	}
	p.measure(re, 1)
	switch {
	case p.size > MaxPattern:
		return fmt.Errorf("regular expressions of more than %d characters, repeated ones counted", MaxPattern)
	case p.repeated > MaxRepetitions:
		return fmt.Errorf("regular expressions that repeat more than %d characters", MaxRepetitions)
	}
	return nil
}

// measure adds what is repeated so many times. The library lets nothing be
// repeated more than a thousand times, nor nested more than that deep.
func (p *patterns) measure(re *syntax.Regexp, times float64) {
	own := 1.0
	switch re.Op {
	case syntax.OpLiteral:
		own = float64(len(re.Rune))
	case syntax.OpCharClass:
		own = 1 + float64(len(re.Rune))/4 // a range has two, a step of the program four times a range
	case syntax.OpRepeat:
		times *= float64(max(re.Max, re.Min+1))
	}
	p.size += own * times
	if times > 1 {
		p.repeated += own * times
	}
	for _, sub := range re.Sub {
		p.measure(sub, times)
	}
}
