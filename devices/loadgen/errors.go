package loadgen

import (
	"errors"

	"weir/devices/internal/wire"
)

var (
	// ErrConfig is returned for a configuration that makes no sense.
	ErrConfig = errors.New("bad load generator configuration")

	// ErrRefused is returned when the server answered CONNECT with a refusal,
	// or cannot take what the configuration asks for.
	ErrRefused = wire.ErrRefused

	// ErrBroken is returned by Run when a connection ended before its time.
	ErrBroken = errors.New("connection broken")

	// ErrUnanswered is returned when acknowledgements were still missing at
	// the end of the time given for them.
	ErrUnanswered = errors.New("not everything was acknowledged in time")

	// ErrUnseen is returned by Run when probes were acknowledged, but no query
	// showed them by the end of the time given for it.
	ErrUnseen = errors.New("not everything became visible in time")
)
