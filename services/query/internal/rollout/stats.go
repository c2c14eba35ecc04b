package rollout

import (
	"math"
	"slices"
)

// Stats sums up values.
type Stats struct {
	Mean  float64
	P95   float64 // by PromQL's rule, as quantile_over_time(0.95, …) has it
	Count uint64
}

// pool gathers values that are summed up together.
type pool []float64

// stats sorts the pool.
func (p pool) stats() Stats {
	if len(p) == 0 {
		return Stats{}
	}
	s := Stats{Mean: mean(p), Count: uint64(len(p))}
	slices.Sort(p)
	s.P95 = quantile(0.95, p)
	return s
}

// mean adds with Neumaier's correction, as PromQL does.
func mean(values []float64) float64 {
	sum, c := 0.0, 0.0
	for _, v := range values {
		next := sum + v
		if math.Abs(sum) >= math.Abs(v) {
			c += (sum - next) + v
		} else {
			c += (v - next) + sum
		}
		sum = next
	}
	if n := float64(len(values)); !math.IsInf(sum, 0) {
		return (sum + c) / n
	}
	return meanOfHuge(values)
}

// meanOfHuge is for finite values whose sum is not.
func meanOfHuge(values []float64) (m float64) {
	for _, v := range values {
		m += v / float64(len(values))
	}
	return finite(m)
}

// quantile interpolates between the two values next to the rank q·(n-1) of
// values, which are ascending.
func quantile(q float64, values []float64) float64 {
	rank := q * float64(len(values)-1)
	low := math.Floor(rank)
	weight := rank - low
	next := min(int(low)+1, len(values)-1)
	return values[int(low)]*(1-weight) + values[next]*weight
}

// falls counts how often a value is less than the one before, as resets() does.
func falls(values []float64) (n float64) {
	for i := 1; i < len(values); i++ {
		if values[i] < values[i-1] {
			n++
		}
	}
	return n
}

// finite keeps what is made of finite values finite: JSON has no infinities.
func finite(v float64) float64 { return min(max(v, -math.MaxFloat64), math.MaxFloat64) }
