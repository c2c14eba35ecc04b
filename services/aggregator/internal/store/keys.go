package store

import (
	"bytes"
	"encoding/binary"

	"weir/services/aggregator/internal/fold"

	"weir/pkg/schema"
)

// The first bytes of the keys; see doc.go.
const (
	keyBucket     = 'b'
	keyClient     = 'c'
	keyDeadLetter = 'd'
	keyFormat     = 'f'
	keyChunk      = 'h'
	keyWriter     = 'j'
	keyTrack      = 'k'
	keyLog        = 'l'
	keyMeta       = 'm'
	keyName       = 'n'
	keyMappings   = 'p'
	keySource     = 's'
	keyTenant     = 't'
	keySegment    = 'w'
	keyIndex      = 'x'
)

// tables are the first bytes that a store's keys may have, ascending.
const tables = "bcdfhjklmnpstwx"

func appendNumber(b []byte, table byte, n uint64) []byte {
	return binary.BigEndian.AppendUint64(append(b, table), n)
}

// appendBucketKey appends the key of a tenant's bucket; those of a tenant stand
// behind the record of its history.
func appendBucketKey(b []byte, table byte, tenant uint64, bucket uint32) []byte {
	return binary.BigEndian.AppendUint32(appendHistoryKey(b, table, tenant), bucket)
}

func appendHistoryKey(b []byte, table byte, tenant uint64) []byte {
	return binary.BigEndian.AppendUint32(append(b, table), uint32(tenant))
}

// appendTrackPrefix appends what the keys of a track's main or late chunks in a
// bucket share.
func appendTrackPrefix(b []byte, tenant uint64, bucket uint32, late bool, track uint64) []byte {
	return appendUint64(append(appendBucketKey(b, keyChunk, tenant, bucket), class(late)), track)
}

func appendChunkKey(b []byte, c *fold.SealedChunk) []byte {
	b = appendTrackPrefix(b, c.Tenant, c.Bucket, c.Late, c.Track)
	return binary.BigEndian.AppendUint32(appendUint64(b, uint64(c.Max)), uint32(c.Seq))
}

func appendPageKey(b []byte, track uint64, late bool, page int) []byte {
	return append(appendNumber(b, keyLog, track), class(late), byte(page))
}

// class is the byte that tells main rows from late ones.
func class(late bool) byte {
	if late {
		return 1
	}
	return 0
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

func appendNameKey(b []byte, f schema.Field) []byte {
	return binary.BigEndian.AppendUint16(append(b, keyName), uint16(f))
}

// numberOf returns the number in a key of a table with just a number.
func numberOf(key []byte) (uint64, bool) {
	if len(key) != 9 {
		return 0, false
	}
	return binary.BigEndian.Uint64(key[1:]), true
}

// historyOf returns the tenant in the key of its history's record.
func historyOf(key []byte) (tenant uint64, ok bool) {
	if len(key) != 5 {
		return 0, false
	}
	return uint64(binary.BigEndian.Uint32(key[1:])), true
}

func bucketOf(key []byte) (tenant uint64, bucket uint32, ok bool) {
	if len(key) != 9 {
		return 0, 0, false
	}
	return uint64(binary.BigEndian.Uint32(key[1:])), binary.BigEndian.Uint32(key[5:]), true
}

func pageOf(key []byte) (track uint64, late bool, page int, ok bool) {
	if len(key) != 11 || key[9] > 1 {
		return 0, false, 0, false
	}
	return binary.BigEndian.Uint64(key[1:]), key[9] == 1, int(key[10]), true
}

// chunkKeySize is how long the key of a chunk is.
const chunkKeySize = 1 + 4 + 4 + 1 + 8 + 8 + 4

// chunkOf returns all that the key of a chunk says of it.
func chunkOf(key []byte) (c fold.SealedChunk, ok bool) {
	if len(key) != chunkKeySize || key[9] > 1 {
		return c, false
	}
	return fold.SealedChunk{
		Tenant: uint64(binary.BigEndian.Uint32(key[1:])), Bucket: binary.BigEndian.Uint32(key[5:]),
		Late: key[9] == 1, Track: binary.BigEndian.Uint64(key[10:]),
		Max: int64(binary.BigEndian.Uint64(key[18:])), Seq: uint64(binary.BigEndian.Uint32(key[26:])),
	}, true
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
