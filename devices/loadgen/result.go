package loadgen

import (
	"time"

	"weir/pkg/schema"
)

// Progress is how far a run has come.
type Progress struct {
	Elapsed      time.Duration // since the first event was due
	Sent         uint64
	Acknowledged uint64
	Rejected     uint64
}

// Result is what a run measured. The counts are of the whole run, so that they
// can be compared with what the server counted; the rate and the distributions
// leave the warm-up out. The probes are in the counts, and in Visible; the rest
// is of the load alone.
type Result struct {
	Sent uint64 // events written, those included that a broken connection swallowed

	// Acknowledged is the events that the server took and accepted: by PUBACK
	// or PUBCOMP with a reason code of success. At QoS 0, where the standard
	// has no acknowledgement, by the answer to a PINGREQ sent behind them.
	Acknowledged uint64
	// Rejected is the events acknowledged with a reason code of failure, which
	// only MQTT 5 has.
	Rejected uint64
	// Unsent is the events that were due, open loop, and could not be sent
	// before the end because the window was full.
	Unsent uint64

	Bytes   uint64 // of the PUBLISH packets sent
	Payload int    // bytes of the first source's payload

	// Elapsed is from the end of the warm-up to the end of Duration, or to the
	// last acknowledgement where that came first; Answered is the
	// acknowledgements of both kinds within it; Rate is their quotient in
	// events a second.
	Elapsed  time.Duration
	Answered uint64
	Rate     float64

	Latency  Distribution // from the sending (open loop: from when it was due) to the acknowledgement
	Lateness Distribution // open loop: how long after they were due the events were written

	// Probes is the probes sent. Visible is, of those that were seen, how long
	// after just before they were written the answer came that showed them.
	Probes  uint64
	Visible Distribution

	// LoadEnded is when the load's last event was answered, or given up; the
	// last probes may have been waited for since.
	LoadEnded time.Time
}

// Distribution is a distribution of times.
type Distribution struct {
	P50, P90, P99, P999, Max time.Duration

	// Summary is the whole of it, in nanoseconds.
	Summary schema.Summary
}

func newDistribution(s schema.Summary) Distribution {
	q := func(q float64) time.Duration { return time.Duration(s.Quantile(q)) }
	return Distribution{P50: q(.5), P90: q(.9), P99: q(.99), P999: q(.999), Max: time.Duration(s.Max), Summary: s}
}

// recorder collects times that come in runs of equal ones, as the events of one
// write that were answered by one read do.
type recorder struct {
	sum  schema.Summary
	last uint64
	n    uint64
}

// add adds a time in nanoseconds; a negative one counts as 0.
func (r *recorder) add(nanos int64) {
	v := uint64(max(nanos, 0))
	if v != r.last {
		r.flush()
		r.last = v
	}
	r.n++
}

func (r *recorder) flush() {
	r.sum.AddN(r.last, r.n)
	r.n = 0
}

// summary returns everything that was added.
func (r *recorder) summary() *schema.Summary {
	r.flush()
	return &r.sum
}
