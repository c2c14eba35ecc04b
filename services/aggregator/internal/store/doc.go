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
//	'b' tenant(4)                              a tenant's history: its name, the first bucket kept
//	'b' tenant(4) bucket(4)                    how many chunks and bytes the tenant has in a bucket
//	'c' client(8)                              a client's duplicate window: id, counts
//	'd' seq(8)                                 a dead letter, payload included
//	'f'                                        the format's version (uvarint)
//	'h' tenant(4) bucket(4) class(1) track(8) time(8) seq(4)
//	                                           a sealed chunk: class 0 main, 1 late; time of its last row
//	'j' writer                                 last frame of a writer: number, position
//	'k' track(8)                               a track: its source, labels and dimensions, its fields
//	'l' track(8) class(1) page(1)              a page of a track's open log
//	'm'                                        origin, cursor, settings, lengths of the tables
//	'n' field(2)                               a name that named values brought: its type, help and unit
//	'p'                                        the mappings of topics that are in force
//	's' source(8)                              a source, by its number
//	't' service 0 subservice                   a tenant's numbers
//	'w' client(8) segment(1)                   up to 64 entries of a duplicate window, 8 bytes each
//	'x' service 0 subservice 0 reason(1) seq(8) index of the dead letters; the value is the ordinal
//	                                           among those of this tenant and reason
//
// Values are records of pkg/schema and of this package in the encoding of
// pkg/schema/wire, and pages and chunks of package history. Chunks and dead
// letters stay on disk; everything else is in memory too.
//
// A tenant's buckets stand together, so that the oldest go by one deletion of a
// range, and with them whole files. The late chunks of a bucket stand behind the
// main ones, so that whoever reads the main ones does not come past them. Main
// chunks of a track do not overlap: the first key with a time from a moment on is
// that of the chunk that holds what was then.
package store
