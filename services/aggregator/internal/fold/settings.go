package fold

import (
	"time"

	"weir/pkg/schema"
)

// Settings are what a state depends on beside the journal. They are part of the
// store: a store folded under other settings would hold another state.
type Settings struct {
	// ReadingsPerSource is how many of the latest readings of each task and
	// proplet are kept; at least 1, at most MaxReadingsPerSource.
	ReadingsPerSource int
	// Earliest is the first event time that is plausible, unix nanoseconds.
	Earliest int64
	// Ahead is how far an event's own time may be ahead of its receipt.
	Ahead time.Duration
	// Windows is how many clients' duplicate windows are kept. When one more
	// client publishes with QoS 1 or 2, the window of the client that has been
	// silent for longest is forgotten.
	Windows int
}

// MaxReadingsPerSource bounds Settings.ReadingsPerSource: a reading's slot has
// two bytes in the store's keys.
const MaxReadingsPerSource = 1 << 16

// DefaultSettings returns the settings of the design: 100 readings, times from
// 2020 to 5 minutes ahead, and windows for 100,000 clients.
func DefaultSettings() Settings {
	return Settings{
		ReadingsPerSource: 100,
		Earliest:          time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano(),
		Ahead:             5 * time.Minute,
		Windows:           100_000,
	}
}

// eventTime returns the time that a reading counts for: its own where that is
// plausible, else that of its receipt. skewed says that the device gave a date
// and that it was not plausible; a device that only knows its uptime is not
// skewed.
func (s Settings) eventTime(r *schema.Reading, received int64) (at int64, skewed bool) {
	switch r.Clock {
	case schema.ClockRFC3339, schema.ClockEpoch, schema.ClockUnix:
		if r.Time >= s.Earliest && r.Time <= received+int64(s.Ahead) {
			return r.Time, false
		}
		return received, true
	}
	return received, false
}
