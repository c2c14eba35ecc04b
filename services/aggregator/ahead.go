package aggregator

import (
	"context"
	"fmt"

	"weir/pkg/schema"
	"weir/pkg/schema/frame"
)

// framesAhead is how many decoded frames wait for the fold. A frame is up to
// 512 KiB compressed and some MiB decoded, so they must be few.
const framesAhead = 4

// decoded is a frame that was read ahead, or the error that ended reading.
type decoded struct {
	seq   uint64
	frame *schema.Frame
	err   error // ErrFrame when the frame itself cannot be read
}

// ahead reads and decodes frames while earlier ones are folded.
type ahead struct {
	frames chan decoded // closed at the end
	cancel context.CancelFunc
}

// readAhead reads what lies behind a position, until stop.
func readAhead(ctx context.Context, from frames, after uint64) (*ahead, error) {
	r, err := from.Read(ctx, after)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	a := &ahead{frames: make(chan decoded, framesAhead), cancel: cancel}
	go a.run(ctx, r, after)
	return a, nil
}

// stop ends reading and waits for its end.
func (a *ahead) stop() {
	a.cancel()
	for range a.frames { // what was read ahead is read again later
	}
}

func (a *ahead) run(ctx context.Context, r reader, after uint64) {
	defer close(a.frames)
	defer r.Close()
	for {
		d := next(ctx, r, after)
		select {
		case a.frames <- d:
		case <-ctx.Done():
			return
		}
		if d.err != nil {
			return
		}
		after = d.seq
	}
}

func next(ctx context.Context, r reader, after uint64) decoded {
	m, err := r.Next(ctx)
	if err != nil {
		return decoded{err: err}
	}
	if m.Seq != after+1 {
		return decoded{err: fmt.Errorf("the journal gave frame %d after frame %d", m.Seq, after)}
	}
	f, err := frame.Decode(m.Data)
	if err != nil {
		return decoded{err: fmt.Errorf("%w: frame %d: %w", ErrFrame, m.Seq, err)}
	}
	return decoded{seq: m.Seq, frame: f}
}
