// Package readport answers questions about the fold's state over NATS: the
// micro service of pkg/schema/readport.go.
package readport

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"weir/services/aggregator/internal/fold"
	"weir/services/aggregator/internal/store"

	"weir/pkg/schema"
)

// protocolVersion is the version of the requests and answers, as NATS' service
// listings show it.
const protocolVersion = "1.0.0"

// State gives the fold's state.
type State interface {
	// Read calls f with the state, in order and unchanging until f returns.
	Read(f func(*fold.State))
}

// DeadLetters gives the dead letters that are on disk.
type DeadLetters interface {
	// DeadLetters returns a view of this moment's; the port closes it.
	DeadLetters() *store.DeadLetters
}

// Journal tells how far the journal goes beyond the state.
type Journal interface {
	// ReceivedAfter sums the writers' counts of all frames behind a position.
	ReceivedAfter(ctx context.Context, after uint64) ([]schema.TenantCount, uint64, error)
}

// Resetter resets the tenants' counters.
type Resetter interface {
	// Reset returns the numbers before the reset, once it is folded. Its error is
	// ErrUnavailable when the reset could not be stored, or ctx ended first; then
	// it is not known whether it will be.
	Reset(ctx context.Context) (*fold.ResetOutcome, error)
}

// Observer is told of each request that was answered.
type Observer func(endpoint string, took time.Duration, err error)

// Config is what a port answers from.
type Config struct {
	NATS        *nats.Conn
	Partition   int
	State       State
	DeadLetters DeadLetters
	Journal     Journal
	Resetter    Resetter
	Health      func(ctx context.Context) schema.AggregatorHealth
	Observe     Observer
	Logger      *slog.Logger
}

// Port is a running read port.
type Port struct {
	Config
	ctx     context.Context
	cancel  context.CancelFunc
	service micro.Service
	open    sync.RWMutex // read-locked while an answer is given
}

// Start answers requests from now on.
func Start(cfg Config) (*Port, error) {
	p := &Port{Config: cfg}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	service, err := micro.AddService(cfg.NATS, micro.Config{
		Name:        schema.ReadPortService,
		Version:     protocolVersion,
		Description: "what the fold knows: sources, readings, tenants, dead letters",
		Metadata:    map[string]string{"partition": fmt.Sprint(cfg.Partition)},
		QueueGroup:  "weir-aggregator-" + fmt.Sprint(cfg.Partition),
	})
	if err != nil {
		return nil, fmt.Errorf("start the read port: %w", err)
	}
	p.service = service
	for name, answer := range map[string]answer{
		schema.ReadSources:     p.sources,
		schema.ReadReadings:    p.readings,
		schema.ReadTenants:     p.tenants,
		schema.ReadReset:       p.reset,
		schema.ReadDeadLetters: p.deadLetters,
		schema.ReadAccounting:  p.accounting,
		schema.ReadHealth:      p.health,
	} {
		err := service.AddEndpoint(name, p.handler(name, answer), micro.WithEndpointSubject(schema.ReadPortSubject(cfg.Partition, name)))
		if err != nil {
			return nil, errors.Join(fmt.Errorf("start the read port's endpoint %s: %w", name, err), p.Stop())
		}
	}
	return p, cfg.NATS.Flush() // whoever asks now finds it
}

// Stop ends the service and waits for the answers being given. Requests that
// come meanwhile are refused with 503.
func (p *Port) Stop() error {
	p.cancel()
	err := p.service.Stop()
	p.open.Lock() // behind all that began before cancel; what begins now is refused
	defer p.open.Unlock()
	if err != nil && !p.NATS.IsClosed() {
		return fmt.Errorf("stop the read port: %w", err)
	}
	return nil
}

// answer writes the answer to a request. Each endpoint answers one request
// after the other, and all endpoints at once.
type answer func(ctx context.Context, request []byte, to *stream) error

func (p *Port) handler(name string, answer answer) micro.Handler {
	return micro.HandlerFunc(func(req micro.Request) {
		p.open.RLock()
		defer p.open.RUnlock()
		start := time.Now()
		err := p.serve(req, answer)
		p.Observe(name, time.Since(start), err)
		if err == nil {
			return
		}
		if err := req.Error(code(err), err.Error(), nil); err != nil && !p.NATS.IsClosed() {
			p.Logger.Warn("cannot answer a request", "endpoint", name, "error", err)
		}
	})
}

func (p *Port) serve(req micro.Request, answer answer) error {
	if p.ctx.Err() != nil {
		return ErrUnavailable
	}
	to := &stream{}
	if err := answer(p.ctx, req.Data(), to); err != nil {
		return err
	}
	return to.send(req)
}
