// Package schema is the language that weir's services share: events and
// frames, tenants, sources and their readings, rejection reasons, counter and
// field names, and the messages of the read port.
//
// It imports the standard library and its own codecs only. Everything in it is
// a value or a pure function: no clock, no I/O, no locks.
package schema
