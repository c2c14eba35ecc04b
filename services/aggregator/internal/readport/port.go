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
	"weir/services/aggregator/internal/history"
	"weir/services/aggregator/internal/live"
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

// Chunks gives the history that is on disk.
type Chunks interface {
	// History returns a view of this moment's sealed chunks; the port closes it.
	History() (*store.History, error)
}

var _ Chunks = (*store.Store)(nil)

// Observer is told of each request that was answered.
type Observer func(endpoint string, took time.Duration, err error)

// Config is what a port answers from.
type Config struct {
	NATS        *nats.Conn
	Partition   int
	State       State
	DeadLetters DeadLetters
	Chunks      Chunks
	Staleness   history.Staleness // zero for history's own
	Readers     int               // requests for series that read history at once; 0 for DefaultReaders
	Present     uint64            // the journal position that the state must reach before it says which sources are silent
	Now         func() time.Time  // nil for time.Now
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
	open    sync.RWMutex         // read-locked while an answer is given
	turns   [lanes]chan struct{} // hold one for each request that reads history
	idle    sync.Pool            // of *reader
	live    liveMemory
	hearing live.Moment // without its Now
}

// Start answers requests from now on.
func Start(cfg Config) (*Port, error) {
	p := &Port{Config: cfg}
	if p.Readers <= 0 {
		p.Readers = DefaultReaders
	}
	if p.Staleness == (history.Staleness{}) {
		p.Staleness = history.DefaultStaleness
	}
	if p.Now == nil {
		p.Now = time.Now
	}
	p.listen()
	p.turns = newTurns(p.Readers)
	p.idle.New = func() any { return new(reader) }
	p.ctx, p.cancel = context.WithCancel(context.Background())
	service, err := micro.AddService(cfg.NATS, micro.Config{
		Name:        schema.ReadPortService,
		Version:     protocolVersion,
		Description: "what the fold knows: sources, history, tenants, dead letters",
		Metadata:    map[string]string{"partition": fmt.Sprint(cfg.Partition)},
		QueueGroup:  "weir-aggregator-" + fmt.Sprint(cfg.Partition),
	})
	if err != nil {
		return nil, fmt.Errorf("start the read port: %w", err)
	}
	p.service = service
	for _, e := range p.endpoints() {
		err := service.AddEndpoint(e.name, p.handler(e), micro.WithEndpointSubject(schema.ReadPortSubject(cfg.Partition, e.name)))
		if err != nil {
			return nil, errors.Join(fmt.Errorf("start the read port's endpoint %s: %w", e.name, err), p.Stop())
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

// answer writes the answer to a request.
type answer func(ctx context.Context, request []byte, to *stream) error

// endpoint answers requests of a name: one after the other, or, where live, all
// at once, sending while it reads. All endpoints answer at once.
type endpoint struct {
	name   string
	answer answer
	live   bool
	lane   lane // of those that read history
}

func (p *Port) endpoints() []endpoint {
	return []endpoint{
		{name: schema.ReadSources, answer: p.sources},
		{name: schema.ReadTenants, answer: p.tenants},
		{name: schema.ReadReset, answer: p.reset},
		{name: schema.ReadDeadLetters, answer: p.deadLetters},
		{name: schema.ReadAccounting, answer: p.accounting},
		{name: schema.ReadHealth, answer: p.health},
		{name: schema.ReadMetadata, answer: p.metadata},
		{name: schema.ReadCardinality, answer: p.cardinality},
		{name: schema.ReadLabelNames, answer: p.labelNames, live: true},
		{name: schema.ReadLabelValues, answer: p.labelValues, live: true},
		{name: schema.ReadSelect, answer: p.selectSeries, live: true, lane: forSeries},
		{name: schema.ReadRows, answer: p.rows, live: true, lane: forPages},
		{name: schema.ReadSourcesAt, answer: p.sourcesAt, live: true, lane: forPages},
	}
}

func (p *Port) handler(e endpoint) micro.Handler {
	return micro.HandlerFunc(func(req micro.Request) {
		p.open.RLock()
		if e.live {
			go p.handle(e, req)
		} else {
			p.handle(e, req)
		}
	})
}

// handle answers a request and then unlocks p.open.
func (p *Port) handle(e endpoint, req micro.Request) {
	defer p.open.RUnlock()
	start := time.Now()
	err := p.serve(e, req)
	p.Observe(e.name, time.Since(start), err)
	if err == nil || errors.Is(err, errGone) {
		return
	}
	if err := refuse(req, err); err != nil && !p.NATS.IsClosed() {
		p.Logger.Warn("cannot answer a request", "endpoint", e.name, "error", err)
	}
}

// refuse answers with an error as req.Error does, which must not be called once
// the service's own handler has returned: it notes the error in the request,
// where the service looks for it then.
func refuse(req micro.Request, err error) error {
	return req.Respond(nil, micro.WithHeaders(micro.Headers{
		micro.ErrorCodeHeader: []string{code(err)},
		micro.ErrorHeader:     []string{err.Error()},
	}))
}

func (p *Port) serve(e endpoint, req micro.Request) error {
	if p.ctx.Err() != nil {
		return ErrUnavailable
	}
	to := &stream{lane: laneOf(&e, req.Headers().Get)}
	ctx := p.ctx
	if e.live {
		var cancel context.CancelFunc
		ctx, cancel = attended(ctx, p.NATS, req.Reply())
		defer cancel()
		to.live = &courier{nc: p.NATS, to: req.Reply(), ctx: ctx}
		defer to.live.close()
	}
	if err := e.answer(ctx, req.Data(), to); err != nil {
		return err
	}
	return to.send(req)
}
