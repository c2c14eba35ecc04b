package store

import (
	"bytes"
	"encoding/binary"

	"weir/pkg/schema"
)

// The first bytes of the keys; see doc.go.
const (
	keyClient     = 'c'
	keyDeadLetter = 'd'
	keyFormat     = 'f'
	keyWriter     = 'j'
	keyMeta       = 'm'
	keyReading    = 'r'
	keySource     = 's'
	keyTenant     = 't'
	keySegment    = 'w'
	keyIndex      = 'x'
)

// tables are the first bytes that a store's keys may have, ascending.
const tables = "cdfjmrstwx"

func appendNumber(b []byte, table byte, n uint64) []byte {
	return binary.BigEndian.AppendUint64(append(b, table), n)
}

func appendReadingKey(b []byte, source uint64, slot int) []byte {
	return binary.BigEndian.AppendUint16(appendNumber(b, keyReading, source), uint16(slot))
}

func appendSegmentKey(b []byte, client uint64, segment int) []byte {
	return append(appendNumber(b, keySegment, client), byte(segment))
}

func appendTenantKey(b []byte, table byte, t schema.Tenant) []byte {
	b = append(append(b, table), t.Service...)
	return append(append(b, 0), t.Subservice...)
}

// appendIndexPrefix appends what the index keys of a tenant and reason share.
func appendIndexPrefix(b []byte, t schema.Tenant, r schema.Reason) []byte {
	return append(appendTenantKey(b, keyIndex, t), 0, byte(r))
}

// numberOf returns the number in a key of a table with just a number.
func numberOf(key []byte) (uint64, bool) {
	if len(key) != 9 {
		return 0, false
	}
	return binary.BigEndian.Uint64(key[1:]), true
}

func readingOf(key []byte) (source uint64, slot int, ok bool) {
	if len(key) != 11 {
		return 0, 0, false
	}
	return binary.BigEndian.Uint64(key[1:]), int(binary.BigEndian.Uint16(key[9:])), true
}

func segmentOf(key []byte) (client uint64, segment int, ok bool) {
	if len(key) != 10 {
		return 0, 0, false
	}
	return binary.BigEndian.Uint64(key[1:]), int(key[9]), true
}

func indexOf(key []byte) (t schema.Tenant, r schema.Reason, seq uint64, ok bool) {
	service, rest, ok1 := bytes.Cut(key[1:], []byte{0})
	subservice, rest, ok2 := bytes.Cut(rest, []byte{0})
	if !ok1 || !ok2 || len(rest) != 9 {
		return t, r, 0, false
	}
	return schema.Tenant{Service: string(service), Subservice: string(subservice)}, schema.Reason(rest[0]), binary.BigEndian.Uint64(rest[1:]), true
}

func appendUint64(b []byte, n uint64) []byte { return binary.BigEndian.AppendUint64(b, n) }
