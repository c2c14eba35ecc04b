// Package fold computes the aggregator's state from the journal: tenants'
// counts, sources with their last readings and their history, clients' duplicate
// windows, dead letters.
//
// It is pure. The state after a journal position depends on the frames up to
// there and on the Settings, and on nothing else: not on a clock, not on the
// order of a map, not on the moments at which checkpoints were taken or the
// process started anew. Everything that later frames can depend on is in what
// Changes hands out and Loader takes in, and so survives a restart.
//
// History is kept by tracks: a source with one set of labels. A track's rows lie
// in two open logs, for what came in order and for what came late, until a log is
// full or its bucket of time is over; then they are sealed into chunks, which go
// to the store and leave the state. Retention and limits are decided here too, by
// the journal's own clock.
//
// A State has no lock. Whoever shares one lets Apply, Changes, Committed and
// Order run alone, and may run the queries (queries.go) together.
package fold
