package intake

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"weir/pkg/httpserver"
)

// bodies are what the bodies of requests take while they come and are stored.
//
// Requests are many and their senders slow, so it is not requests that are
// bounded while their bodies come, but bytes: a body takes as many as have come,
// and not those that it promises. Where there is no room for more, the slowest of
// those that are still coming makes room: it is broken off, and its sender told to
// come again. So whoever sends at the pace of a network is served beside any
// number of senders that do not. What comes quickly and finds no room still waits
// for it, for patience.
type bodies struct {
	limit int

	mu      sync.Mutex
	used    int
	leaving int // of used, what those broken off have not given back yet
	coming  map[*incoming]struct{}
	freed   chan struct{} // closed when something is given back
	figures BodyFigures
}

// BodyFigures say how the bodies of requests do.
type BodyFigures struct {
	Bytes   int    // that are taken now
	Coming  int    // bodies that are coming now
	Refused uint64 // bodies for which there was no room, ever
	Slowest uint64 // bodies that were broken off to make room, ever
}

const (
	// maxBytes is what all bodies may take together, decompressed ones too.
	maxBytes = 64 << 20
	// firstBytes is what a body takes at first, if its length is not known.
	firstBytes = 4 << 10
	// most of what a known length takes before it has come.
	mostAtOnce = 64 << 10
	// grace is how long a body is not called slow.
	grace = time.Second
)

// Why a body is not taken.
var (
	errNoRoom  = errors.New("too much is being sent at a time")
	errSlowest = errors.New("too much is being sent at a time, and this came the slowest")
)

func newBodies(limit int) *bodies {
	return &bodies{limit: limit, coming: map[*incoming]struct{}{}, freed: make(chan struct{})}
}

func (s *bodies) count() BodyFigures {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.figures
	f.Bytes, f.Coming = s.used, len(s.coming)
	return f
}

// incoming is one request's body.
type incoming struct {
	of      *bodies
	request *http.Request
	began   time.Time

	// Guarded by of.mu.
	held   int           // bytes taken
	came   int           // bytes that have come
	broken chan struct{} // closed when it was broken off
	isOff  bool
	stays  bool // it cannot be broken off
}

func (s *bodies) begin(r *http.Request) *incoming {
	b := &incoming{of: s, request: r, began: time.Now(), broken: make(chan struct{})}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.coming[b] = struct{}{}
	return b
}

// come notes that the body has come, or will not: it is not slow any more.
func (b *incoming) come() {
	b.of.mu.Lock()
	defer b.of.mu.Unlock()
	delete(b.of.coming, b)
}

// end gives back what the body took.
func (b *incoming) end() {
	b.come()
	b.giveBack(b.held)
}

func (b *incoming) giveBack(n int) {
	s := b.of
	s.mu.Lock()
	defer s.mu.Unlock()
	if n == 0 {
		return
	}
	b.held -= n
	s.used -= n
	if b.isOff {
		s.leaving -= n
	}
	close(s.freed)
	s.freed = make(chan struct{})
}

// take takes so many bytes more, once there is room for them. The wait is bounded
// by ctx and patience.
func (b *incoming) take(ctx context.Context, n int) error {
	s := b.of
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		s.mu.Lock()
		if b.isOff {
			s.mu.Unlock()
			return errSlowest
		}
		if s.used+n <= s.limit {
			s.used += n
			b.held += n
			s.mu.Unlock()
			return nil
		}
		s.makeRoom(s.used + n - s.limit)
		freed := s.freed
		s.mu.Unlock()
		select {
		case <-freed:
		case <-b.broken:
		case <-time.After(grace / 4): // some are called slow by now
		case <-ctx.Done():
			s.mu.Lock()
			s.figures.Refused++
			s.mu.Unlock()
			return errNoRoom
		}
	}
}

// makeRoom breaks off the slowest bodies until so many bytes will be given back,
// or none is slow. s.mu is held.
func (s *bodies) makeRoom(need int) {
	now := time.Now()
	for s.leaving < need {
		var slowest *incoming
		pace := 0.0
		for b := range s.coming {
			age := now.Sub(b.began)
			if b.isOff || b.stays || b.held == 0 || age < grace {
				continue
			}
			if p := float64(b.came) / age.Seconds(); slowest == nil || p < pace {
				slowest, pace = b, p
			}
		}
		if slowest == nil {
			return
		}
		if !httpserver.BreakOff(slowest.request, errSlowest) {
			slowest.stays = true
			continue
		}
		slowest.isOff = true
		close(slowest.broken)
		s.leaving += slowest.held
		s.figures.Slowest++
	}
}

// readAll reads up to a number of bytes, and reports whether that was all. What it
// returns is held until end.
func (b *incoming) readAll(ctx context.Context, from io.Reader, limit int, size int64) (data []byte, whole bool, err error) {
	most := limit + 1 // one more shows whether that was all
	for {
		if len(data) == cap(data) {
			room := nextSize(len(data), most, size)
			if err := b.take(ctx, room-cap(data)); err != nil {
				return nil, false, err
			}
			data = append(make([]byte, 0, room), data...)
		}
		n, err := from.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		b.note(n)
		switch {
		case len(data) > limit:
			return data[:limit], false, nil
		case errors.Is(err, io.EOF):
			return data, true, nil
		case err != nil:
			return nil, false, err
		}
	}
}

// nextSize returns how large a buffer of n bytes grows.
func nextSize(n, most int, size int64) int {
	switch {
	case n > 0:
		return min(2*n, most)
	case size >= 0 && size < mostAtOnce:
		return min(int(size)+1, most) // one more shows its end
	case size >= 0:
		return min(mostAtOnce, most)
	}
	return min(firstBytes, most)
}

func (b *incoming) note(n int) {
	b.of.mu.Lock()
	defer b.of.mu.Unlock()
	b.came += n
}
