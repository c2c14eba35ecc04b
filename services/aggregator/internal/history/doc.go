// Package history is the form in which a track's readings are kept: rows in an
// open log while they come, sealed chunks of columns from then on, and the
// merged reading of both.
//
// A track is one source with one set of labels. Its rows come in two kinds:
// main rows, each not older than the track's newest when it came, and late
// rows, all others. Each kind has a Log of its own and chunks of its own, so
// that main chunks never overlap, and what came late costs nothing to what did
// not.
//
// Everything here is pure and deterministic: equal rows have equal bytes, on
// every machine. Values are exact to the bit.
package history
