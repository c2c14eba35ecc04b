package probe

import (
	"context"
	"crypto/tls"
	"fmt"

	"weir/services/ingest/internal/pull"
)

// tcp opens a connection, with TLS if the target says so.
func (c *check) tcp(ctx context.Context, r *result) error {
	r.set("probe_failed_due_to_regex", 0)
	var d dialled
	conn, err := c.dial(ctx, c.address, func(now dialled) { d = now })
	r.dialled(d)
	if err != nil {
		return err
	}
	defer conn.Close()
	if c.url.Scheme != "tls" {
		return nil
	}
	config, err := pull.TLSConfig(c.probe.TLS)
	if err != nil {
		return err
	}
	if config.ServerName == "" {
		config.ServerName = c.host
	}
	secure := tls.Client(conn, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		r.refused(err)
		return fmt.Errorf("speak TLS: %w", err)
	}
	state := secure.ConnectionState()
	r.tls(&state)
	return nil
}
