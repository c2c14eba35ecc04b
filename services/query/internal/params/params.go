// Package params reads the parameters of a request's query string.
package params

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"weir/services/query/internal/jsonappend"
)

// Error says that a parameter does not have the form it must have.
type Error struct {
	Name string // the parameter's name
	Got  string // its value
	Want string // what it must be: "a whole number from 0"
}

// Error returns `limit must be a whole number from 0, not "x"`.
func (e *Error) Error() string {
	return fmt.Sprintf("%s must be %s, not %q", e.Name, e.Want, e.Got)
}

// Page is the part of a list that is asked for, and how long the list is.
type Page struct {
	Offset, Limit, Total uint64
}

// DefaultLimit is a page's length where the request does not say.
const DefaultLimit = 100

// ParsePage reads offset (default 0) and limit (default DefaultLimit). With a
// maxLimit above 0 the limit is brought within 1 to maxLimit, as the source
// systems do with their lists.
func ParsePage(q url.Values, maxLimit uint64) (Page, error) {
	offset, err := whole(q, "offset", 0)
	if err != nil {
		return Page{}, err
	}
	limit, err := whole(q, "limit", DefaultLimit)
	if err != nil {
		return Page{}, err
	}
	if maxLimit > 0 {
		limit = min(max(limit, 1), maxLimit)
	}
	return Page{Offset: offset, Limit: limit}, nil
}

// whole reads a whole number; an empty value is like an absent one.
func whole(q url.Values, name string, otherwise uint64) (uint64, error) {
	s := q.Get(name)
	if s == "" {
		return otherwise, nil
	}
	// 63 bits: offset + limit must not overflow, nor whoever reads them signed.
	v, err := strconv.ParseUint(s, 10, 63)
	if err != nil {
		return 0, &Error{Name: name, Got: s, Want: "a whole number from 0"}
	}
	return v, nil
}

// OneOf reads a parameter that has one of a few values, or is absent: "".
func OneOf(q url.Values, name string, values ...string) (string, error) {
	s := q.Get(name)
	if s == "" {
		return "", nil
	}
	for _, v := range values {
		if s == v {
			return s, nil
		}
	}
	return "", &Error{Name: name, Got: s, Want: strings.Join(values, " or ")}
}

// Append appends `"offset":…,"limit":…,"total":…`.
func (p Page) Append(b []byte) []byte {
	b = jsonappend.Uint(b, "offset", p.Offset)
	b = jsonappend.Uint(b, "limit", p.Limit)
	return jsonappend.Uint(b, "total", p.Total)
}

// Bounds returns the part of a list of n items that the page shows.
func (p Page) Bounds(n int) (from, to int) {
	low := min(p.Offset, uint64(n))
	return int(low), int(min(low+p.Limit, uint64(n)))
}
