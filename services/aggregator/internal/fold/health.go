package fold

import "weir/pkg/schema"

// HealthyPeers counts the sources that were heard of since a moment (unix
// nanoseconds) and did not go offline. What is recorded is none.
func (s *State) HealthyPeers(since int64) uint64 {
	n := uint64(0)
	for _, t := range s.tenants.ordered {
		for _, src := range t.sources {
			if src.LastSeen >= since && src.Presence != schema.PresenceOffline && src.Kind != schema.KindRecorded {
				n++
			}
		}
	}
	return n
}

// MeanServiceTime returns the mean over all tenants since the last reset, in
// nanoseconds, 0 for none.
func (s *State) MeanServiceTime() uint64 {
	sum, count := uint64(0), uint64(0)
	for _, t := range s.tenants.ordered {
		sum += t.ServiceTime.Sum
		count += t.ServiceTime.Count
	}
	if count == 0 {
		return 0
	}
	return sum / count
}
