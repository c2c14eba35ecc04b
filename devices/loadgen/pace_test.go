package loadgen

import "testing"

func TestClientsTakeTurnsAtEvenIntervals(t *testing.T) {
	const clients = 3
	for _, rate := range []float64{1, 7, 1000, 30_000, 333_333.3} {
		for k := range uint64(1000) {
			p := pace{rate, int(k % clients), clients}
			if got, want := p.due(k/clients), dueOf(k, rate); got != want {
				t.Fatalf("rate %v: event %d is due at %d by its client, at %d by the run", rate, k, got, want)
			}
			now := dueOf(k, rate)
			if got := dueBy(now, rate); got != k+1 {
				t.Fatalf("rate %v: %d events are due when event %d is", rate, got, k)
			}
			if got := dueBy(now-1, rate); got != k {
				t.Fatalf("rate %v: %d events are due just before event %d is", rate, got, k)
			}
		}
	}
}

func TestRing(t *testing.T) {
	r := newRing[int](3)
	for i := range 10 {
		r.push(2 * i)
		r.push(2*i + 1)
		if a, b := r.pop(), r.pop(); a != 2*i || b != 2*i+1 || r.len() != 0 {
			t.Fatalf("popped %d and %d, %d are left", a, b, r.len())
		}
	}
}

func TestRecorder(t *testing.T) {
	var r recorder
	for _, v := range []int64{5, 5, 7, -1, 7} {
		r.add(v)
	}
	s := r.summary()
	if s.Count != 5 || s.Sum != 24 || s.Min != 0 || s.Max != 7 {
		t.Errorf("count %d, sum %d, min %d, max %d", s.Count, s.Sum, s.Min, s.Max)
	}
}
