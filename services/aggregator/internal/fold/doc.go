// Package fold computes the aggregator's state from the journal: tenants'
// counts, sources with their last readings, clients' duplicate windows, dead
// letters.
//
// It is pure. The state after a journal position depends on the frames up to
// there and on the Settings, and on nothing else: not on a clock, not on the
// order of a map, not on the moments at which checkpoints were taken or the
// process started anew. Everything that later frames can depend on is in what
// Changes hands out and Loader takes in, and so survives a restart.
//
// A State has no lock. Whoever shares one lets Apply, Changes, Committed and
// Order run alone, and may run the queries (queries.go) together.
package fold
