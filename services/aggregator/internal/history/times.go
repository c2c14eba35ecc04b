package history

import "fmt"

// Times appends the times of a track's rows from..to (unix nanoseconds,
// inclusive), ends by other labels left out, in no order: the Ends of another
// track of the same source. Of chunks it decodes no field. An error wraps
// ErrDamaged.
func (d *Decoder) Times(p *Parts, from, to int64, into []int64) ([]int64, error) {
	var err error
	for _, chunks := range [][]Chunk{p.Main, p.Late} {
		for i := range chunks {
			if into, err = d.chunkRowTimes(&chunks[i], from, to, into); err != nil {
				return into, err
			}
		}
	}
	for _, log := range []LogView{p.MainLog, p.LateLog} {
		log.each(&d.state, func(s *pageState) bool {
			if (!s.end || s.rowArrival > 0) && s.time >= from && s.time <= to {
				into = append(into, s.time)
			}
			return true
		})
	}
	return into, nil
}

// chunkRowTimes is Times of a chunk.
func (d *Decoder) chunkRowTimes(c *Chunk, from, to int64, into []int64) ([]int64, error) {
	if c.max < from || c.min > to {
		return into, nil
	}
	ends, err := d.chunkEnds(c)
	if err != nil {
		return into, err
	}
	times, err := d.timesOf(c)
	if err != nil {
		return into, err
	}
	if ends != nil {
		d.arrivals = resize(d.arrivals, c.rows)
		if _, err := d.columns.read(c.arrivals, d.arrivals); err != nil {
			return into, fmt.Errorf("arrivals of a chunk: %w", err)
		}
	}
	for i, t := range times {
		if t >= from && t <= to && (ends == nil || ends[i]&metaEnd == 0 || d.arrivals[i] > 0) {
			into = append(into, t)
		}
	}
	return into, nil
}
