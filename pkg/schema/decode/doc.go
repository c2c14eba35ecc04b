// Package decode turns the messages of Propeller's proplets and of SPORE's
// nodes into readings.
//
// It is pure: ingest runs it to answer the device, the fold runs it again to
// count the event, and both come to the same verdict. What a message is, is
// decided by its payload's shape; the topic gives the tenant and, for SPORE,
// a name where the payload has none.
package decode
