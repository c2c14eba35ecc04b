package simulate

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"weir/devices/simulate/internal/fleet"
	"weir/devices/simulate/internal/gateway"
	"weir/devices/simulate/internal/mqtt"
	"weir/devices/simulate/internal/scene"
)

// finishTimeout is how long the devices may take to settle at the end what is
// not answered yet.
const finishTimeout = 10 * time.Second

// Simulation is a fleet that is played. Make it with New, then call Run once.
type Simulation struct {
	config   Config
	log      *slog.Logger
	began    time.Time
	plan     scene.Plan
	ledger   *ledger
	observer mqtt.Observer
	fleet    *fleet.Fleet
	players  []*player
	nodes    []*player // of the fleet's nodes, in their order; as the next ones
	boards   []*player
	data     []*player
	gateway  *gateway.Gateway // nil for none
	endpoints

	failures  atomic.Uint64
	lastError atomic.Pointer[error]
	latest    atomic.Int64 // the worst lateness since the last Progress, ns
}

// New makes a fleet and opens the addresses on which it listens. The simulated
// time begins now.
func New(c Config) (*Simulation, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Simulation{config: c, log: c.Logger, began: time.Now(), plan: c.plan(), ledger: newLedger(c.Tenants)}
	s.observer = s.ledger.observer()
	s.fleet = fleet.New(c.fleet(s.began))
	for _, n := range s.fleet.Nodes {
		s.nodes = append(s.nodes, s.newPlayer(&n.Device, true))
	}
	for _, b := range s.fleet.Boards {
		s.boards = append(s.boards, s.newPlayer(&b.Device, c.BoardsBy.mqtt()))
	}
	for _, d := range s.fleet.DataNodes {
		s.data = append(s.data, s.newPlayer(&d.Device, c.DataNodesBy.mqtt()))
	}
	for _, p := range s.fleet.Proplets {
		s.players = append(s.players, s.newPlayer(&p.Device, true))
	}
	s.players = append(append(append(s.players, s.nodes...), s.boards...), s.data...)
	if err := s.listen(); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// Run plays the fleet until ctx ends or Config.For is over; then the devices
// settle what is not answered and leave. The error says what did not go in
// order; the summary holds in any case.
func (s *Simulation) Run(ctx context.Context) (Summary, error) {
	defer s.close()
	switch err := s.reachable(ctx); {
	case ctx.Err() != nil:
		return s.summary(0), nil // told to end before it began
	case err != nil:
		return Summary{}, err
	}
	if s.config.For > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, s.began.Add(s.config.For))
		defer cancel()
	}
	serving := s.serve(ctx)
	s.each(func(p *player) error { p.run(ctx); return nil })
	ended := time.Now()
	s.close()
	serving.Wait()
	finish, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishTimeout)
	defer cancel()
	err := s.each(func(p *player) error { return p.finish(finish) })
	return s.summary(ended.Sub(s.began)), err
}

// each does something with all players at the same time, and returns the first
// of the errors with their number.
func (s *Simulation) each(do func(*player) error) error {
	var wait sync.WaitGroup
	var failed atomic.Int64
	var first atomic.Pointer[error]
	for _, p := range s.players {
		wait.Go(func() {
			if err := do(p); err != nil {
				failed.Add(1)
				first.CompareAndSwap(nil, &err)
			}
		})
	}
	wait.Wait()
	if n := failed.Load(); n > 0 {
		return fmt.Errorf("%d of %d devices did not leave in order: %w", n, len(s.players), *first.Load())
	}
	return nil
}

// reachable looks whether somebody listens where the broker shall be: a fleet
// that waits for nobody helps nobody.
func (s *Simulation) reachable(ctx context.Context) error {
	addr, _, err := s.config.broker()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("reach the broker: %w", err)
	}
	return conn.Close()
}

// real is the real moment of a simulated one.
func (s *Simulation) real(elapsed time.Duration) time.Time {
	return s.began.Add(time.Duration(float64(elapsed) / s.config.Speed))
}

// elapsed is the simulated time since the begin.
func (s *Simulation) elapsed() time.Duration {
	return time.Duration(float64(time.Since(s.began)) * s.config.Speed)
}

func (s *Simulation) late(by time.Duration) {
	for {
		latest := s.latest.Load()
		if int64(by) <= latest || s.latest.CompareAndSwap(latest, int64(by)) {
			return
		}
	}
}

// failed takes note of an attempt to connect that failed.
func (s *Simulation) failed(err error) {
	if s.failures.Add(1) == 1 || errors.Is(err, mqtt.ErrRefused) && s.lastError.Load() == nil {
		s.log.Warn("a device cannot connect; it tries again", "error", err)
	}
	s.lastError.Store(&err)
}

func (c *Config) tls(addr string) *tls.Config {
	t := &tls.Config{}
	if c.TLS != nil {
		t = c.TLS.Clone()
	}
	if t.ServerName == "" {
		t.ServerName, _, _ = net.SplitHostPort(addr)
	}
	return t
}

// Progress is where a simulation stands.
type Progress struct {
	Elapsed   time.Duration // real
	Simulated time.Duration // time of the simulated day
	Scene     string        // that is played, "" while none is
	Devices   int
	Connected int
	Counts    Counts
	Late      time.Duration // how late a device was at the most since the last call: more than a moment means that the machine is too slow
	Failures  uint64        // attempts to connect that failed
	LastError error         // of these
}

// Progress says where the simulation stands.
func (s *Simulation) Progress() Progress {
	p := Progress{
		Elapsed: time.Since(s.began), Simulated: s.config.TimeOfDay + s.elapsed(), Devices: len(s.players),
		Counts: s.ledger.sum(), Late: time.Duration(s.latest.Swap(0)), Failures: s.failures.Load(),
	}
	if m := s.plan.At(s.elapsed()); m.On() {
		p.Scene = string(m.Scene)
	}
	for _, player := range s.players {
		if player.client != nil && player.client.Connected() {
			p.Connected++
		}
	}
	if err := s.lastError.Load(); err != nil {
		p.LastError = *err
	}
	return p
}

// Summary is what a simulation has done.
type Summary struct {
	Took     time.Duration     `json:"took_nanoseconds"`
	Devices  int               `json:"devices"`
	Rows     []Row             `json:"messages"` // what was published, by tenant and kind
	Sum      Counts            `json:"sum"`
	Accounts []Account         `json:"accounts"` // by tenant
	Served   map[string]uint64 `json:"served"`   // what was answered over HTTP, by kind
}

func (s *Simulation) summary(took time.Duration) Summary {
	return Summary{
		Took: took, Devices: len(s.players), Rows: s.ledger.table(), Sum: s.ledger.sum(), Accounts: s.ledger.accounts(), Served: s.served.counts(),
	}
}
