package journal

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

const (
	serverReadyTimeout = 20 * time.Second // a large journal is checked when it is opened
	connectTimeout     = 30 * time.Second // nats.go's own 2 s are over when a busy machine stands still
	serverMaxPayload   = 1 << 20          // NATS' default: a journal may move to any server
)

// EmbeddedConfig says where and how the embedded server keeps its streams.
type EmbeddedConfig struct {
	Dir    string // made if absent
	Logger *slog.Logger
}

// Embedded is a NATS server with JetStream in this process. It listens on no
// port: Connect is the only way in.
type Embedded struct{ srv *server.Server }

// StartEmbedded starts a server on a directory and checks that it syncs every
// write. JetStream's own default, a sync every two minutes, would lose what was
// acknowledged since on a power failure.
func StartEmbedded(cfg EmbeddedConfig) (*Embedded, error) {
	opts := &server.Options{
		ServerName: "weir",
		DontListen: true,
		NoSigs:     true,
		JetStream:  true,
		StoreDir:   cfg.Dir,
		SyncAlways: true,
		MaxPayload: serverMaxPayload,
	}
	srv, err := server.NewServer(opts)
	if err != nil {
		return nil, fmt.Errorf("set up the embedded NATS server: %w", err)
	}
	srv.SetLoggerV2(serverLog{cfg.Logger}, false, false, false)
	srv.Start()
	e := &Embedded{srv}
	if !srv.ReadyForConnections(serverReadyTimeout) {
		e.Stop()
		return nil, fmt.Errorf("embedded NATS server is not ready after %s", serverReadyTimeout)
	}
	if js := srv.JetStreamConfig(); js == nil || !js.SyncAlways {
		e.Stop()
		return nil, fmt.Errorf("%w: the embedded NATS server does not sync every write", ErrUnsafe)
	}
	return e, nil
}

// Connect returns a connection within the process. It outlives any number of
// slow moments, its first one too: it never gives up reconnecting.
func (e *Embedded) Connect() (*nats.Conn, error) {
	nc, err := nats.Connect("", nats.InProcessServer(e.srv), nats.Timeout(connectTimeout), nats.MaxReconnects(-1))
	if err != nil {
		return nil, fmt.Errorf("connect to the embedded NATS server: %w", err)
	}
	return nc, nil
}

// Stop ends the server; what was acknowledged is on disk already.
func (e *Embedded) Stop() {
	e.srv.Shutdown()
	e.srv.WaitForShutdown()
}

// serverLog passes the server's log on: its notices are noise at our level.
type serverLog struct{ log *slog.Logger }

func (l serverLog) Noticef(f string, v ...any) { l.log.Debug("nats: " + fmt.Sprintf(f, v...)) }
func (l serverLog) Debugf(f string, v ...any)  { l.log.Debug("nats: " + fmt.Sprintf(f, v...)) }
func (l serverLog) Tracef(f string, v ...any)  { l.log.Debug("nats: " + fmt.Sprintf(f, v...)) }
func (l serverLog) Warnf(f string, v ...any)   { l.log.Warn("nats: " + fmt.Sprintf(f, v...)) }
func (l serverLog) Errorf(f string, v ...any)  { l.log.Error("nats: " + fmt.Sprintf(f, v...)) }
func (l serverLog) Fatalf(f string, v ...any)  { l.log.Error("nats: " + fmt.Sprintf(f, v...)) }
