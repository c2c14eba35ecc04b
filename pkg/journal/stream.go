package journal

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// OpenStream returns the stream of cfg's name, and makes it if there is none. One
// that could lose what it acknowledged is refused with ErrUnsafe; for its other
// settings, which may differ from cfg's, look at its CachedInfo.
func OpenStream(ctx context.Context, js jetstream.JetStream, cfg jetstream.StreamConfig) (jetstream.Stream, error) {
	stream, err := js.Stream(ctx, cfg.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		stream, err = js.CreateStream(ctx, cfg)
	}
	if err != nil {
		return nil, fmt.Errorf("open stream %s: %w", cfg.Name, err)
	}
	if why := whyUnsafe(stream.CachedInfo().Config); why != "" {
		return nil, fmt.Errorf("stream %s: %w: %s", cfg.Name, ErrUnsafe, why)
	}
	return stream, nil
}

// whyUnsafe says what breaks "acknowledged is stored", or "".
func whyUnsafe(c jetstream.StreamConfig) string {
	switch {
	case c.Storage != jetstream.FileStorage:
		return "it is kept in memory"
	case c.PersistMode != jetstream.DefaultPersistMode:
		return "it is written asynchronously"
	case c.NoAck:
		return "it does not acknowledge"
	}
	return ""
}
