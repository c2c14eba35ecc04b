// Package ring holds what was measured of a task: a sample, the history of the
// latest of them, and the aggregates over that history. It is pure.
package ring

import "time"

// Fields is a set of the measured fields of a sample.
type Fields uint16

// The fields that a platform may be unable to give.
const (
	CPU             Fields = 1 << iota // CPUPercent
	Memory                             // MemoryBytes and MemoryPercent
	DiskIO                             // DiskReadBytes and DiskWriteBytes
	NetworkIO                          // NetworkRxBytes and NetworkTxBytes
	Threads                            // ThreadCount
	FileDescriptors                    // FileDescriptorCount

	All = CPU | Memory | DiskIO | NetworkIO | Threads | FileDescriptors
)

// Has reports whether all of other are in f.
func (f Fields) Has(other Fields) bool { return f&other == other }

// Sample is what was measured of a task at one moment. A field that the profile
// does not collect is 0; one that the platform cannot give is in Missing.
type Sample struct {
	Time    time.Time
	Missing Fields

	CPUPercent          float64 // since the sample before; above 100 on several cores
	MemoryBytes         uint64  // resident
	MemoryPercent       float64 // of the machine's memory
	DiskReadBytes       uint64  // since the task began
	DiskWriteBytes      uint64
	NetworkRxBytes      uint64 // of the network that the task sees, since it is up
	NetworkTxBytes      uint64
	UptimeSeconds       int64
	ThreadCount         int32
	FileDescriptorCount int32
}
