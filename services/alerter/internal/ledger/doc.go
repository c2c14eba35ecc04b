// Package ledger keeps the alerter's events in a JetStream stream and folds
// them into its state. What Append has returned for is stored, and a ledger that
// is opened again knows it.
//
// One ledger writes at a time: each message is stored only where its writer
// expects it, and opening a ledger writes a message. So whoever opened it before
// finds out with its next one.
package ledger
