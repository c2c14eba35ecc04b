package loadgen

import (
	"context"
	"fmt"
	"net"

	"weir/devices/internal/packet"
	"weir/devices/internal/wire"
)

// readBuffer is the bytes of a connection's read buffer: some thousand
// acknowledgements.
const readBuffer = 16 << 10

// dial connects to the broker and says CONNECT. A refusal is an ErrRefused.
func dial(ctx context.Context, addr string, c packet.Connect) (*wire.Wire, packet.Connack, error) {
	w, answer, err := wire.Dial(ctx, new(net.Dialer), addr, c, readBuffer)
	if err != nil {
		return nil, packet.Connack{}, fmt.Errorf("connect as %s: %w", c.ClientID, err)
	}
	return w, answer, nil
}
