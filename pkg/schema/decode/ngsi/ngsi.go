// Package ngsi reads the notifications of FIWARE's context brokers: NGSIv2, as
// Orion sends them for a subscription
// (https://github.com/telefonicaid/fiware-orion/blob/master/doc/manuals/orion-api.md#notification-messages).
// What it says of bad ones is what Perseo says, whose clients match on it.
package ngsi

import (
	"strings"

	"weir/pkg/schema"
	"weir/pkg/schema/decode/seriesname"
)

// Notice is a notification.
type Notice struct {
	Subscription string
	Entities     []Entity // at least one
}

// Entity is what a notification says of one entity.
type Entity struct {
	ID      string
	Type    string
	Time    int64          // unix nanoseconds, of its attribute TimeInstant; 0 where it has none
	Numbers []Number       // its numeric and boolean attributes, ascending by Name, each once
	Texts   []schema.Label // all other attributes as text or JSON, ascending by name
}

// Number is an attribute that is a number, or a boolean as 1 or 0.
type Number struct {
	Name  string // of its series
	Value float64
	Unit  string // of its metadata "unit" or "unitCode", "" for none
}

// The limits of a notification.
const (
	MaxEntities   = 1000
	MaxAttributes = 256  // of an entity
	MaxName       = 256  // bytes of an id, a type or a name
	MaxText       = 1024 // bytes of a text that is kept; a longer one is cut off
)

// The statuses of answers to bad notifications.
const (
	badRequest = 400
	brokenJSON = 500 // as Perseo answers
)

// Error is what a bad notification is answered with.
type Error struct {
	Code  int      // HTTP status
	Texts []string // one, or more if List
	List  bool     // the answer's "error" is an array
}

// Error returns the texts in one line.
func (e *Error) Error() string { return strings.Join(e.Texts, "; ") }

func bad(text string) *Error {
	return &Error{Code: badRequest, Texts: []string{text}}
}

// SeriesName returns the name under which an attribute's values are kept: a dot
// becomes two underscores, as in Perseo's events, and the name is made one of a
// series. Of several attributes of an entity that would get one name the others
// keep their own, see seriesname.Settle.
func SeriesName(attribute string) string {
	return seriesname.Of(strings.ReplaceAll(attribute, ".", "__"))
}
