package intake

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/nats-io/nats.go"

	"weir/pkg/httpserver"
	"weir/pkg/natshttp"
	"weir/pkg/schema"
)

// The limits of the listener.
const (
	headerTimeout = 10 * time.Second
	readTimeout   = 60 * time.Second // for a whole request: links of devices are slow
	writeTimeout  = readTimeout + 2*patience + 10*time.Second
	idleTimeout   = 2 * time.Minute
	maxHeader     = 64 << 10

	// maxOverNATS is how many requests are taken at a time over NATS: as long as
	// their bodies are coming they take no turn of the intake's.
	maxOverNATS = 1024
)

// Server serves an Intake on a listener of its own, and over NATS to the HTTP
// service's.
type Server struct {
	own      *httpserver.Server // nil for none
	stopNATS func(context.Context) error
}

// Serve serves until Stop. addr is host:port, port 0 picks one, "" is no listener
// of its own. ctx bounds the start.
func (in *Intake) Serve(ctx context.Context, nc *nats.Conn, addr string, log *slog.Logger) (*Server, error) {
	s := &Server{}
	if addr != "" {
		var err error
		if s.own, err = in.listen(ctx, addr, log); err != nil {
			return nil, fmt.Errorf("listen for pushes over HTTP on %s: %w", addr, err)
		}
	}
	var err error
	s.stopNATS, err = natshttp.Serve(nc, schema.IntakeHTTPSubject, schema.IntakeQueue, in,
		natshttp.Concurrency(maxOverNATS), natshttp.Panicked(func(_ *http.Request, v any, stack []byte) {
			in.cfg.Observer.Panicked("unknown", v, stack)
		}))
	if err != nil {
		return nil, errors.Join(err, s.own.Stop(ctx))
	}
	s.own.Serve(func(err error) { log.Error("the HTTP listener ended", "error", err) })
	return s, nil
}

func (in *Intake) listen(ctx context.Context, addr string, log *slog.Logger) (*httpserver.Server, error) {
	return httpserver.Listen(ctx, addr, &http.Server{
		Handler: in, ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	})
}

// Addr returns the bound address, "" without a listener.
func (s *Server) Addr() string { return s.own.Addr() }

// Stop takes no new requests and sends the end of those being served, broken off
// when ctx ends, to the channel that it returns.
func (s *Server) Stop(ctx context.Context) <-chan error {
	done := make(chan error, 1)
	over := make(chan error, 1)
	go func() { over <- s.stopNATS(ctx) }()
	go func() {
		err := s.own.Stop(ctx)
		if err != nil {
			err = fmt.Errorf("stop taking pushes over HTTP: %w", err)
		}
		done <- errors.Join(err, <-over)
	}()
	return done
}
