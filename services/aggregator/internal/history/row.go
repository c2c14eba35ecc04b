package history

import (
	"time"

	"weir/pkg/schema"
)

const (
	// ChunkRows is how many rows a log gathers before it is sealed.
	ChunkRows = 120
	// PageRows is how many rows a page of a log has: the unit in which logs are
	// written to disk.
	PageRows = 16
	// MaxChunkRows is the most rows that a chunk may have. It bounds what a
	// damaged chunk can ask for.
	MaxChunkRows = 1024
	// BucketLength is the time that a bucket covers. A chunk never spans two;
	// retention deletes whole ones.
	BucketLength = 6 * time.Hour
)

// Bucket returns the bucket of a time in unix nanoseconds; times before 1970
// are in the first.
func Bucket(timeNS int64) uint32 {
	return uint32(max(timeNS, 0) / int64(BucketLength))
}

// BucketStart returns the first nanosecond of a bucket, in unix time.
func BucketStart(bucket uint32) int64 { return int64(bucket) * int64(BucketLength) }

// Row is one reading in a track's history.
type Row struct {
	Time    int64  // event time, unix nanoseconds
	Arrival uint64 // the source's count of readings when it came, 1, 2, 3 …; 0 for an end by other labels
	Dialect schema.Dialect
	Clock   schema.Clock
	// End marks a row that is no reading: the track's series end here, because
	// its source has other labels from here on, or, with an Arrival, because
	// somebody said so.
	End    bool
	Fields []schema.FieldValue // ascending by Field, none twice; empty for an end
}
