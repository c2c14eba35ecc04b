// Package bounds says what one query must not ask for, because the engine's limits
// of samples and time would come too late: for the time of its parser, for what it
// sets aside before the first sample, and for what it does not count in samples.
// It is pure: whoever takes a query, a rule or a selector from somebody asks it.
package bounds

import (
	"fmt"
	"strings"

	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/util/strutil"
)

// MaxTokens is how many names, strings, numbers, operators and brackets a query
// may have. The time that the parser and the engine take before they first look
// whether the query's own is over grows with the square of them: at the limit
// it is a second, for the largest query that a request can hold it is hours.
// A string is one of them, however long: a regular expression may name
// thousands of nodes.
const MaxTokens = 10_000

// CheckText returns an error if queries, or selectors, have together too many
// tokens, or regular expressions that are too large: what everybody's must be
// asked for before they are parsed.
func CheckText(queries ...string) error {
	length, regexps := 0, false
	for _, query := range queries {
		length += len(query)
		regexps = regexps || strings.Contains(query, "=~") || strings.Contains(query, "!~")
	}
	if length <= MaxTokens && !regexps { // a token has a character at the least
		return nil
	}
	tokens, patterns := 0, patterns{}
	for _, query := range queries {
		if err := checkTokens(query, &tokens, &patterns); err != nil {
			return err
		}
	}
	return nil
}

// checkTokens adds a query's tokens to those that were counted before.
func checkTokens(query string, tokens *int, patterns *patterns) error {
	lexer := parser.Lex(query)
	item, before := parser.Item{}, parser.ItemType(0)
	for ; ; *tokens++ {
		lexer.NextItem(&item)
		switch {
		case item.Typ == parser.EOF, item.Typ == parser.ERROR: // the parser says what is wrong
			return nil
		case *tokens >= MaxTokens:
			return fmt.Errorf("more than %d names, numbers, operators and brackets", MaxTokens)
		case item.Typ == parser.STRING && (before == parser.EQL_REGEX || before == parser.NEQ_REGEX):
			if pattern, err := strutil.Unquote(item.Val); err == nil {
				if err := patterns.add(pattern); err != nil {
					return err
				}
			}
		}
		before = item.Typ
	}
}
