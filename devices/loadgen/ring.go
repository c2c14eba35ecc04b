package loadgen

// ring is a queue of fixed capacity that does not allocate.
type ring[T any] struct {
	items   []T
	from, n int
}

func newRing[T any](capacity int) ring[T] { return ring[T]{items: make([]T, capacity)} }

func (r *ring[T]) len() int { return r.n }

func (r *ring[T]) push(v T) {
	if r.n == len(r.items) {
		panic("BUG: a full ring")
	}
	i := r.from + r.n
	if i >= len(r.items) {
		i -= len(r.items)
	}
	r.items[i] = v
	r.n++
}

func (r *ring[T]) pop() T {
	if r.n == 0 {
		panic("BUG: an empty ring")
	}
	v := r.items[r.from]
	if r.from++; r.from == len(r.items) {
		r.from = 0
	}
	r.n--
	return v
}
