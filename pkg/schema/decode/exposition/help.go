package exposition

import (
	"strconv"
	"strings"
)

// maxHelpLines is over how many lines a help's text may go.
const maxHelpLines = 32

// help is the text of the latest HELP line, while it may go on: boards write
// newlines in it as they are.
type help struct {
	family string // "" for none
	left   int    // lines that it may still have
	until  int    // the line of the family's TYPE: all before it are help; 0 if none follows
}

// beginHelp notes a HELP line. OpenMetrics does not let its text go on.
func (p *Parser) beginHelp(family string) {
	if p.seconds {
		return
	}
	p.help = help{family: family, left: maxHelpLines}
	rest := p.text
	for n := 1; n <= maxHelpLines+1 && rest != ""; n++ {
		var line string
		line, rest, _ = strings.Cut(rest, "\n")
		line, comment := strings.CutPrefix(strings.Trim(line, " \t\r"), "#")
		switch {
		case comment:
		case isSample(line, family): // the TYPE stands behind them
			return
		default:
			continue
		}
		switch keyword, after := word(line); keyword {
		case "TYPE":
			if name, _ := word(after); name == family {
				p.help.until = p.line + n // a standard text has no samples in between
			}
			return
		case "HELP", "UNIT":
			return
		}
	}
}

// isSample reports whether a line passes for a sample of a family, whose name it
// begins with: a text about it hardly has a number there.
func isSample(line, family string) bool {
	rest, is := strings.CutPrefix(line, family)
	if !is {
		return false
	}
	if end := strings.LastIndexByte(rest, '}'); end >= 0 {
		rest = rest[end+1:]
	} else {
		_, rest = word(rest) // of _sum and its like, or none
	}
	value, _ := word(rest)
	_, err := strconv.ParseFloat(value, 64)
	return err == nil
}

// mayBeHelp reports whether a line that cannot be read may be a part of a help's
// text: one that begins as a sample of the family does is a faulty sample.
func (p *Parser) mayBeHelp(line string) bool {
	if p.help.left <= 0 || len(p.doc.Samples) >= MaxSamples {
		return false
	}
	rest, is := strings.CutPrefix(line, p.help.family)
	return !is || rest != "" && !strings.ContainsAny(rest[:1], "{ \t")
}

func (p *Parser) helpGoesOn(line string) {
	p.help.left--
	f := p.family(p.help.family)
	f.Help += "\n" + line
}
