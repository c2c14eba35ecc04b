// Package journaltest has a journal in memory, and the contract that it and the
// real one keep.
package journaltest

import (
	"context"
	"maps"
	"slices"
	"sync"

	"weir/pkg/journal"
	"weir/pkg/schema"
)

// Memory is a journal in memory. It stores a frame's id once, as the real one
// does within its window.
type Memory struct {
	mu     sync.Mutex
	grown  chan struct{} // closed and replaced when a frame is added
	frames []stored
	ids    map[string]uint64
}

type stored struct {
	data     []byte
	received []schema.TenantCount
}

// NewMemory returns an empty journal.
func NewMemory() *Memory { return &Memory{grown: make(chan struct{}), ids: map[string]uint64{}} }

// Append stores a frame.
func (m *Memory) Append(_ context.Context, id string, data []byte, received []schema.TenantCount) (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if seq, ok := m.ids[id]; ok {
		return seq, nil
	}
	m.frames = append(m.frames, stored{slices.Clone(data), slices.Clone(received)})
	seq := uint64(len(m.frames))
	m.ids[id] = seq
	close(m.grown)
	m.grown = make(chan struct{})
	return seq, nil
}

// Bounds returns 1 and the number of frames.
func (m *Memory) Bounds(context.Context) (journal.Bounds, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return journal.Bounds{First: 1, Last: uint64(len(m.frames)), ID: "memory"}, nil
}

// Truncate forgets all frames behind a position, as a lost disk would.
func (m *Memory) Truncate(last uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.frames = m.frames[:last]
	maps.DeleteFunc(m.ids, func(_ string, seq uint64) bool { return seq > last })
}

// ReceivedAfter sums the counts of the frames behind a position.
func (m *Memory) ReceivedAfter(_ context.Context, after uint64) ([]schema.TenantCount, uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	sums := map[schema.Tenant]uint64{}
	last := max(after, uint64(len(m.frames)))
	for seq := after; seq < uint64(len(m.frames)); seq++ {
		for _, c := range m.frames[seq].received {
			sums[c.Tenant] += c.Events
		}
	}
	var counts []schema.TenantCount
	for _, t := range slices.SortedFunc(maps.Keys(sums), schema.Tenant.Compare) {
		counts = append(counts, schema.TenantCount{Tenant: t, Events: sums[t]})
	}
	return counts, last, nil
}

// Read returns a reader of what lies behind a position.
func (m *Memory) Read(_ context.Context, after uint64) (*MemoryReader, error) {
	return &MemoryReader{m: m, seq: after, closed: make(chan struct{})}, nil
}

// MemoryReader reads a Memory in order.
type MemoryReader struct {
	m      *Memory
	seq    uint64
	closed chan struct{}
	once   sync.Once
}

// Next returns the next frame, waiting for it until ctx ends or Close.
func (r *MemoryReader) Next(ctx context.Context) (journal.Message, error) {
	for {
		r.m.mu.Lock()
		grown := r.m.grown
		if r.seq < uint64(len(r.m.frames)) {
			r.seq++
			msg := journal.Message{Seq: r.seq, Data: r.m.frames[r.seq-1].data}
			r.m.mu.Unlock()
			return msg, nil
		}
		r.m.mu.Unlock()
		select {
		case <-grown:
		case <-r.closed:
			return journal.Message{}, journal.ErrClosed
		case <-ctx.Done():
			return journal.Message{}, ctx.Err()
		}
	}
}

// Close ends reading.
func (r *MemoryReader) Close() { r.once.Do(func() { close(r.closed) }) }
