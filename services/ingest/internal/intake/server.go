package intake

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/nats-io/nats.go"

	"weir/pkg/natshttp"
	"weir/pkg/schema"
)

// The limits of the listener.
const (
	headerTimeout = 10 * time.Second
	readTimeout   = 60 * time.Second // for a whole request: links of devices are slow
	writeTimeout  = readTimeout + patience + 10*time.Second
	idleTimeout   = 2 * time.Minute
	maxHeader     = 64 << 10
)

// Server serves an Intake on a listener of its own, and over NATS to the HTTP
// service's.
type Server struct {
	listener net.Listener // nil for none
	http     *http.Server
	ended    chan struct{} // closed when the listener is not served any more
	stopNATS func(context.Context) error
}

// Serve serves until Stop. addr is host:port, port 0 picks one, "" is no listener
// of its own. ctx bounds the start.
func (in *Intake) Serve(ctx context.Context, nc *nats.Conn, addr string, log *slog.Logger) (*Server, error) {
	s := &Server{ended: make(chan struct{})}
	if addr != "" {
		var config net.ListenConfig
		var err error
		if s.listener, err = config.Listen(ctx, "tcp", addr); err != nil {
			return nil, fmt.Errorf("listen for pushes over HTTP on %s: %w", addr, err)
		}
	}
	var err error
	s.stopNATS, err = natshttp.Serve(nc, schema.IntakeHTTPSubject, schema.IntakeQueue, in,
		natshttp.Concurrency(maxRequests), natshttp.Panicked(func(_ *http.Request, v any, stack []byte) {
			in.cfg.Observer.Panicked("unknown", v, stack)
		}))
	if err != nil {
		if s.listener != nil {
			s.listener.Close()
		}
		return nil, err
	}
	s.listen(in, log)
	return s, nil
}

// listen serves the listener, if there is one.
func (s *Server) listen(in *Intake, log *slog.Logger) {
	if s.listener == nil {
		close(s.ended)
		return
	}
	s.http = &http.Server{
		Handler: in, ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	go func() {
		defer close(s.ended)
		if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error("the HTTP server ended", "error", err)
		}
	}()
}

// Addr returns the bound address, "" without a listener.
func (s *Server) Addr() string {
	if s.listener == nil {
		return ""
	}
	return s.listener.Addr().String()
}

// Stop takes no new requests and sends the end of those being served, broken off
// when ctx ends, to the channel that it returns.
func (s *Server) Stop(ctx context.Context) <-chan error {
	done := make(chan error, 1)
	over := make(chan error, 1)
	go func() { over <- s.stopNATS(ctx) }()
	go func() {
		var err error
		if s.http != nil {
			if err = s.http.Shutdown(ctx); err != nil {
				s.http.Close()
				err = fmt.Errorf("stop taking pushes over HTTP: requests were broken off: %w", err)
			}
		}
		<-s.ended
		done <- errors.Join(err, <-over)
	}()
	return done
}
