package promapi

import (
	"github.com/prometheus/prometheus/promql/parser"

	"weir/pkg/read/promread/bounds"
)

// maxLaidOut is how deep an expression may be nested that is to be laid out,
// for which the time grows with the cube of the depth.
const maxLaidOut = 400

// queryText returns a request's query, or an error if it is too large.
func queryText(r *request) (string, error) {
	text := r.FormValue("query")
	if err := bounds.CheckText(text); err != nil {
		return "", invalid("query", err)
	}
	return text, nil
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
