package publish

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"

	"github.com/coder/websocket"
	"golang.org/x/net/proxy"

	"weir/devices/internal/wire"
)

// dialer opens the kind of connection that a broker's address asks for: plain,
// with TLS, or a WebSocket. It goes by the proxy that the environment names.
type dialer struct {
	url *url.URL
	tls *tls.Config // nil for the defaults
}

var _ wire.Dialer = dialer{}

// DialContext connects to the address, which is the URL's host.
func (d dialer) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	switch d.url.Scheme {
	case "ws", "wss":
		return d.websocket(ctx)
	case "ssl", "tls", "mqtts":
		return d.secure(ctx, network, addr)
	}
	return proxy.Dial(ctx, network, addr)
}

func (d dialer) secure(ctx context.Context, network, addr string) (net.Conn, error) {
	raw, err := proxy.Dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if d.tls != nil {
		c = d.tls.Clone()
	}
	if c.ServerName == "" {
		c.ServerName = d.url.Hostname()
	}
	conn := tls.Client(raw, c)
	if err := conn.HandshakeContext(ctx); err != nil {
		_ = raw.Close() // it is of no use
		return nil, err
	}
	return conn, nil
}

// websocket carries MQTT in binary messages.
//
// Source: MQTT 3.1.1, section 6.
func (d dialer) websocket(ctx context.Context) (net.Conn, error) {
	address := *d.url
	address.User = nil // the broker has them from CONNECT
	client := &http.Client{Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: d.tls}}
	conn, _, err := websocket.Dial(ctx, address.String(), &websocket.DialOptions{HTTPClient: client, Subprotocols: []string{"mqtt"}})
	if err != nil {
		return nil, err
	}
	return websocket.NetConn(context.Background(), conn, websocket.MessageBinary), nil
}

func parseBroker(broker string) (*url.URL, error) {
	u, err := url.Parse(broker)
	if err != nil {
		return nil, fmt.Errorf("read the broker's address: %w", err)
	}
	return u, nil
}
