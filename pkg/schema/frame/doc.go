// Package frame is the wire format of the journal's unit: frame.proto says what
// it is, Encode writes it and Decode reads it.
//
// Events are stored as columns with dictionaries for topics and clients: what a
// fleet repeats costs a byte, zstd finds the rest, and packed columns are read
// several times faster than one protobuf message an event.
package frame

//go:generate protoc --go_out=. --go_opt=module=weir/pkg/schema/frame frame.proto
