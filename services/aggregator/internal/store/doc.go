// Package store keeps the fold's state in Pebble.
//
// The journal is the write-ahead log, the store its checkpoint: a commit is one
// synced batch that holds the changes of the state together with the journal
// position up to which they go. What a store holds depends on the journal, the
// settings and that position alone, byte for byte, whatever the moments at which
// it was committed.
//
// Keys, by their first byte; numbers are big endian, so that they sort:
//
//	'c' client(8)                              a client's duplicate window: id, counts
//	'd' seq(8)                                 a dead letter, payload included
//	'f'                                        the format's version (uvarint)
//	'j' writer                                 last frame of a writer: number, position
//	'm'                                        origin, cursor, settings, lengths of the tables
//	'r' source(8) slot(2)                      one of the latest readings of a task or proplet
//	's' source(8)                              a source, by its number
//	't' service 0 subservice                   a tenant's numbers
//	'w' client(8) segment(1)                   up to 64 entries of a duplicate window, 8 bytes each
//	'x' service 0 subservice 0 reason(1) seq(8) index of the dead letters; the value is the ordinal
//	                                           among those of this tenant and reason
//
// Values are records of pkg/schema and of this package in the encoding of
// pkg/schema/wire.
package store
