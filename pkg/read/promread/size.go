package promread

import (
	"fmt"

	"github.com/prometheus/prometheus/promql/parser"
)

// MaxTokens is how many names, strings, numbers, operators and brackets a query
// may have. The time that the parser and the engine take before they first look
// whether the query's own is over grows with the square of them: at the limit
// it is a second, for the largest query that a request can hold it is hours.
// A string is one of them, however long: a regular expression may name
// thousands of nodes.
const MaxTokens = 10_000

// CheckTokens returns an error if a query has too many tokens: what everybody's
// query must be asked for before it is parsed.
func CheckTokens(query string) error {
	// A token has a character at the least.
	if len(query) <= MaxTokens {
		return nil
	}
	lexer := parser.Lex(query)
	for item, n := (parser.Item{}), 0; ; n++ {
		lexer.NextItem(&item)
		switch {
		case item.Typ == parser.EOF, item.Typ == parser.ERROR: // the parser says what is wrong
			return nil
		case n == MaxTokens:
			return fmt.Errorf("more than %d names, numbers, operators and brackets", MaxTokens)
		}
	}
}
