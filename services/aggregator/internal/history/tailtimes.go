package history

// TailTimes appends the times of a log's latest rows, in the order of their
// arrival, ends left out: of enough rows to tell how often there are some, or of
// all.
func (d *Decoder) TailTimes(v LogView, into []int64) []int64 {
	v.tail().each(&d.state, func(s *pageState) bool {
		if !s.end {
			into = append(into, s.time)
		}
		return true
	})
	return into
}
