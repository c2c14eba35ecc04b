package query

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"weir/pkg/httpserver"
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

func listen(ctx context.Context, name api.Listener, addr string, h http.Handler, log *slog.Logger) (*httpserver.Server, error) {
	s, err := httpserver.Listen(ctx, addr, &http.Server{
		Handler:        http.MaxBytesHandler(h, maxBody),
		ReadTimeout:    readTimeout,
		WriteTimeout:   writeTimeout,
		IdleTimeout:    idleTimeout,
		MaxHeaderBytes: maxHeader,
		ErrorLog:       slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	})
	if err != nil {
		return nil, fmt.Errorf("listen for the %s API on %s: %w", name, addr, err)
	}
	return s, nil
}

// stopBoth stops the listeners at once: their waits must not add up.
func stopBoth(ctx context.Context, internal, external *httpserver.Server) error {
	stop := func(err *error, name api.Listener, s *httpserver.Server) {
		if *err = s.Stop(ctx); *err != nil {
			*err = fmt.Errorf("query: stop the %s API: %w", name, *err)
		}
	}
	var errs [2]error
	var both sync.WaitGroup
	both.Go(func() { stop(&errs[0], api.Internal, internal) })
	both.Go(func() { stop(&errs[1], api.External, external) })
	both.Wait()
	return errors.Join(errs[:]...)
}
