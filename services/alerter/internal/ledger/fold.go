package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"weir/services/alerter/internal/alert"
)

// advice is what to do about a ledger that cannot be read.
const advice = "restore the stream " + StreamName + " from a backup; or delete it, which forgets silences, tenants' rules and what was told to whom"

// open folds the stream and writes this writer's first message, which shuts out
// the writer before.
func (l *Ledger) open(ctx context.Context) error {
	l.number++
	message, _ := seal(kindOpened, opened{l.cfg.Writer})
	for {
		first, last, err := l.stream.Bounds(ctx)
		if err != nil {
			return err
		}
		f := folder{state: alert.NewState(), whole: first == 1}
		if err := l.stream.Read(ctx, first, last, f.visit); err != nil {
			return err
		}
		if !f.whole && last >= first {
			return fmt.Errorf("%w: it begins at %d, without a snapshot; %s", ErrLost, first, advice)
		}
		seq, err := l.claim(ctx, message, last)
		if errors.Is(err, ErrFenced) {
			continue // the writer before was still writing: see what
		}
		if err != nil {
			return err
		}
		l.state, l.last, l.position, l.messages, l.size = f.state, seq, seq, f.messages+1, f.size
		return nil
	}
}

// claim writes the first message.
func (l *Ledger) claim(ctx context.Context, message []byte, last uint64) (uint64, error) {
	for {
		try, cancel := context.WithTimeout(ctx, publishTimeout)
		seq, err := publishOnce(try, l.stream, messageID(l.cfg.Writer, l.number), message, last)
		cancel()
		if err == nil || fatal(err) || ctx.Err() != nil {
			return seq, err
		}
	}
}

// folder makes a state of the stream's messages.
type folder struct {
	state    *alert.State
	whole    bool // the state follows from all that was ever stored
	messages int  // since the last snapshot
	size     int

	// The snapshot being read; nil between them.
	snapshot *alert.State
	id       string
	part     int // the next
}

func (f *folder) visit(seq uint64, data []byte) error {
	if err := f.message(data); err != nil {
		return fmt.Errorf("message %d of %s: %w; %s", seq, StreamName, err, advice)
	}
	return nil
}

func (f *folder) message(data []byte) error {
	k, document, err := unseal(data)
	if err != nil {
		return err
	}
	f.messages++
	f.size += len(data)
	if k != kindSnapshot {
		f.snapshot = nil // whoever began it did not finish it
	}
	switch k {
	case kindOpened:
		return nil
	case kindEvents:
		return f.events(document)
	case kindSnapshot:
		return f.snapshotPart(document)
	}
	return fmt.Errorf("%w: kind %d", ErrVersion, k)
}

func (f *folder) events(document []byte) error {
	var all struct {
		Events []alert.Event `json:"events"`
	}
	if err := json.Unmarshal(document, &all); err != nil {
		return fmt.Errorf("%w: %v", ErrCorrupt, err)
	}
	for _, e := range all.Events {
		f.state.Apply(e)
	}
	return nil
}

func (f *folder) snapshotPart(document []byte) error {
	var s snapshot
	if err := json.Unmarshal(document, &s); err != nil {
		return fmt.Errorf("%w: %v", ErrCorrupt, err)
	}
	switch {
	case s.ID == "":
		return fmt.Errorf("%w: a snapshot without an id", ErrCorrupt)
	case s.Part == 0:
		f.snapshot, f.id, f.part = alert.NewState(), s.ID, 0
	case f.snapshot == nil || s.ID != f.id || s.Part != f.part:
		return fmt.Errorf("%w: part %d of snapshot %s is out of place", ErrCorrupt, s.Part, s.ID)
	}
	f.snapshot.Load(s.Of)
	f.part++
	if s.Last {
		f.state, f.whole, f.snapshot = f.snapshot, true, nil
		f.messages, f.size = 0, 0
	}
	return nil
}
