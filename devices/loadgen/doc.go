// Package loadgen puts load on an MQTT broker and measures how it is borne, and
// publishes numbered messages through a broker's crashes.
//
// Run is the measuring tool. It speaks MQTT itself, over packets that were
// encoded beforehand and in which only a few digits change, so that what is
// measured is the server and not a client library. It runs closed loop, each
// client keeping its window full, or open loop, at a rate that does not yield
// to a slow server: there the latency counts from the moment at which an event
// was due, so that a server that stalls cannot hide the events that would have
// been sent meanwhile.
//
// Numbered is the careful one: it loses no message through any number of
// broken connections, retransmits as the standard says, and remembers which
// numbers were acknowledged.
//
// Backfill publishes given messages, such as a Recording's, whose readings have
// their own times in the past.
//
// Beside the load Run can probe: it publishes a few messages of its own and asks
// by HTTP until they are to be seen.
//
// The package knows of the server nothing but its addresses, its topics, and
// the one query that a probe asks.
package loadgen
