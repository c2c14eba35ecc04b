// Package live computes the series that have no history: what the state says of
// sources and tenants at the moment of asking (schema.LiveSeries).
//
// It is pure: the moment is given. Whoever asks captures Sources from the state,
// with what a Memory knows of them, and has a Selection make series of them.
package live
