package promapi

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

// maxLaidOut is how deep an expression may be nested that is to be laid out,
// for which the time grows with the cube of the depth.
const maxLaidOut = 400

// queryText returns a request's query, or an error if it has too many tokens.
func queryText(r *request) (string, error) {
	text, n := r.FormValue("query"), 0
	// A token has a character at the least.
	if len(text) <= MaxTokens {
		return text, nil
	}
	lexer := parser.Lex(text)
	for item := (parser.Item{}); ; n++ {
		lexer.NextItem(&item)
		switch {
		case item.Typ == parser.EOF, item.Typ == parser.ERROR: // the parser says what is wrong
			return text, nil
		case n == MaxTokens:
			return "", invalid("query", fmt.Errorf("more than %d names, numbers, operators and brackets", MaxTokens))
		}
	}
}

// deeper reports whether an expression is nested deeper than max.
func deeper(n parser.Node, max int) bool {
	if max == 0 {
		return true
	}
	for child := range parser.ChildrenIter(n) {
		if deeper(child, max-1) {
			return true
		}
	}
	return false
}
