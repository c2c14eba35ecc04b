package query

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"weir/services/query/internal/api"
)

// The limits of the servers.
const (
	// StopTimeout bounds how long Stop waits for requests being served.
	StopTimeout = 10 * time.Second

	readTimeout  = 10 * time.Second // for a request's header and body
	writeTimeout = 60 * time.Second // from there to the answer's end: a reset may take 30 s
	idleTimeout  = 2 * time.Minute
	maxHeader    = 64 << 10
	maxBody      = 1 << 20 // a PromQL expression in a form, a request of remote read
)

// server is one listener with its HTTP server.
type server struct {
	name     api.Listener
	listener net.Listener
	http     *http.Server
	done     chan struct{} // closed when serve has ended
}

func listen(ctx context.Context, name api.Listener, addr string, h http.Handler, log *slog.Logger) (*server, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen for the %s API on %s: %w", name, addr, err)
	}
	return &server{name: name, listener: l, done: make(chan struct{}), http: &http.Server{
		Handler:        http.MaxBytesHandler(h, maxBody),
		ReadTimeout:    readTimeout,
		WriteTimeout:   writeTimeout,
		IdleTimeout:    idleTimeout,
		MaxHeaderBytes: maxHeader,
		ErrorLog:       slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}}, nil
}

// serve serves in a goroutine until stop.
func (s *server) serve(log *slog.Logger) {
	go func() {
		defer close(s.done)
		if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error("HTTP server ended", "listener", string(s.name), "error", err)
		}
	}()
}

func (s *server) addr() string {
	if s == nil {
		return ""
	}
	return s.listener.Addr().String()
}

// stop waits for the requests being served until ctx ends.
func (s *server) stop(ctx context.Context) error {
	err := s.http.Shutdown(ctx)
	if err != nil {
		s.http.Close()
		err = fmt.Errorf("query: stop the %s API: requests were broken off: %w", s.name, err)
	}
	<-s.done
	return err
}

// stopAll stops the servers at once: their waits must not add up.
func stopAll(ctx context.Context, servers []*server) error {
	errs := make([]error, len(servers))
	var all sync.WaitGroup
	for i, s := range servers {
		all.Go(func() { errs[i] = s.stop(ctx) })
	}
	all.Wait()
	return errors.Join(errs...)
}
