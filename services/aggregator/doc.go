// Package aggregator folds the journal into the numbers that weir shows: it
// reads frames from a position on, applies them to the state in memory, writes
// checkpoints to its store, and answers questions at the read port.
//
// App is the service; Rebuild and Verify are tools for a stopped one.
package aggregator
