// Package journal is weir's append-only journal in NATS JetStream: one stream a
// partition, one message a frame.
//
// Embedded runs the server in this process; Open uses any server. Journal
// appends frames and reads them from a position; Committer gathers entries into
// frames (group commit). Package journaltest has an in-memory journal for tests
// and the contract that both keep.
package journal
