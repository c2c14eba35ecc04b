package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"weir/cmd/weir/internal/config"
)

const (
	firstWait   = 250 * time.Millisecond // before the second try to reach NATS
	longestWait = 5 * time.Second
	dialTimeout = 2 * time.Second
)

// connectURL connects to a NATS server and waits for one that is not there yet:
// services may start before it. Without wait it returns at once and goes on trying.
// The connection is never given up later either.
func connectURL(ctx context.Context, c config.Config, name string, wait bool, log *slog.Logger) (*nats.Conn, error) {
	server := redacted(c.NATSURL)
	connected := make(chan struct{})
	options := []nats.Option{
		nats.Name("weir-" + name),
		nats.RetryOnFailedConnect(true),
		nats.MaxReconnects(-1),
		// By itself the client closes the connection for ever when a server refuses it
		// twice: but credentials are changed, at the server too, while services wait.
		nats.IgnoreAuthErrorAbort(),
		// The connection's lock is held while it dials, and who asks for anything
		// waits for that lock: names are looked up within the dial's time. By itself
		// the client looks them up without a bound.
		nats.SkipHostLookup(),
		nats.Timeout(dialTimeout),
		nats.CustomReconnectDelay(backOff),
		nats.ConnectHandler(func(*nats.Conn) { close(connected) }),
		nats.ReconnectErrHandler(func(_ *nats.Conn, err error) {
			log.Warn("waiting for NATS", "for", name, "server", server, "error", err)
		}),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil { // none when it is closed on purpose
				log.Warn("lost the connection to NATS", "for", name, "server", server, "error", err)
			}
		}),
		nats.ReconnectHandler(func(*nats.Conn) { log.Info("connected to NATS again", "for", name, "server", server) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			log.Error("NATS", "for", name, "server", server, "error", err)
		}),
	}
	if c.NATSCreds != "" {
		options = append(options, nats.UserCredentials(c.NATSCreds))
	}
	nc, err := nats.Connect(c.NATSURL, options...)
	if err != nil {
		return nil, fmt.Errorf("connect to NATS at %s: %w", server, err)
	}
	if !wait {
		return nc, nil
	}
	select {
	case <-connected:
		return nc, nil
	case <-ctx.Done():
		err := nc.LastError()
		nc.Close()
		return nil, fmt.Errorf("connect to NATS at %s: %w", server, errors.Join(ctx.Err(), err))
	}
}

// backOff doubles the wait with each round of tries, with up to a quarter of
// it at random so that many services do not come all at once.
func backOff(round int) time.Duration {
	wait := min(firstWait<<min(max(round-1, 0), 10), longestWait)
	return wait + rand.N(wait/4)
}

// redacted hides the passwords of a URL in messages, or of several with commas
// between them, each with or without its scheme.
func redacted(s string) string {
	servers := strings.Split(s, ",")
	for i, server := range servers {
		server = strings.TrimSpace(server)
		if !strings.Contains(server, "://") {
			server = "nats://" + server
		}
		u, err := url.Parse(server)
		if err != nil {
			return "the address of nats_url"
		}
		servers[i] = u.Redacted()
	}
	return strings.Join(servers, ",")
}
