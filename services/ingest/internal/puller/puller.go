// Package puller runs all that ingest fetches by itself, by the sources file, and
// follows the file's changes.
package puller

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"time"

	"go.yaml.in/yaml/v3"

	"weir/services/ingest/internal/poll"
	"weir/services/ingest/internal/probe"
	"weir/services/ingest/internal/pull"
	"weir/services/ingest/internal/scrape"
	"weir/services/ingest/internal/sources"
)

// Config says how a Puller runs.
type Config struct {
	Path   string // of the sources file; "" for none: nothing is fetched
	Submit pull.Submit
	// Mappings checks the section topic_mappings; see sources.Options.
	Mappings func(*yaml.Node) error
	// Changed, if not nil, is told each file that comes into force, at the start
	// too, before what it says is fetched. An error refuses the file.
	Changed func(context.Context, *sources.File) error
	MaxBody int           // the largest body stored, in bytes; 0 is pull.DefaultMaxBody
	Settle  time.Duration // how long the file must be quiet before it is read again; 0 is pull.Settle
	Version string
	Logger  *slog.Logger

	// What tests replace; the machine's own, if nil.
	Now     func() time.Time
	Dial    func(ctx context.Context, network, address string) (net.Conn, error)
	Resolve func(ctx context.Context, host string) ([]netip.Addr, error)
}

// Puller fetches what the sources file says.
type Puller struct {
	cfg    Config
	log    *slog.Logger
	meter  *pull.Meter
	scrape *scrape.Scraper
	poll   *poll.Poller
	probe  *probe.Prober

	ctx     context.Context // ends with Stop
	cancel  context.CancelFunc
	reloads sync.Mutex // one reload at a time
	content [sha256.Size]byte
	refused [sha256.Size]byte // the content that was refused last
	mu      sync.Mutex
	file    *sources.File
}

// New returns a Puller that does nothing yet.
func New(cfg Config) *Puller {
	p := &Puller{cfg: cfg, log: cfg.Logger, file: &sources.File{}}
	if p.log == nil {
		p.log = slog.Default()
	}
	if p.cfg.Settle == 0 {
		p.cfg.Settle = pull.Settle
	}
	p.meter = pull.NewMeter(p.changed)
	agent := "weir"
	if cfg.Version != "" {
		agent += "/" + cfg.Version
	}
	env := pull.Env{Submit: cfg.Submit, Now: cfg.Now, Dial: cfg.Dial, Resolve: cfg.Resolve, MaxBody: cfg.MaxBody, Agent: agent, Meter: p.meter}.Complete()
	p.scrape, p.poll, p.probe = scrape.New(env), poll.New(env), probe.New(env)
	p.ctx, p.cancel = context.WithCancel(context.Background())
	return p
}

// Start reads the sources file, begins to fetch and to follow the file's changes.
// ctx bounds the start only. A file that cannot be read is an error.
func (p *Puller) Start(ctx context.Context) error {
	if p.cfg.Path == "" {
		return nil
	}
	if err := p.Reload(ctx); err != nil {
		return err
	}
	err := pull.Watch(p.ctx, []string{p.cfg.Path}, p.cfg.Settle, func() {
		_ = p.reload(p.ctx, false) // which says itself what is wrong
	})
	if err != nil {
		p.log.Warn("the sources file is not watched: changes need a reload", "error", err)
	}
	return nil
}

// Reload reads the sources file again. With an error, which says all that is
// wrong with the file, what was in force stays.
func (p *Puller) Reload(ctx context.Context) error { return p.reload(ctx, true) }

// reload reads the file. Unless it is asked for, content that is in force, or was
// refused, is not looked at again: directories change for many reasons.
func (p *Puller) reload(ctx context.Context, asked bool) error {
	p.reloads.Lock()
	defer p.reloads.Unlock()
	if p.cfg.Path == "" {
		return errors.New("there is no sources file")
	}
	content, err := os.ReadFile(p.cfg.Path)
	if err != nil {
		return p.refuse([sha256.Size]byte{}, asked, fmt.Errorf("read the sources file: %w", err))
	}
	sum := sha256.Sum256(content)
	if !asked && (sum == p.content || sum == p.refused) {
		if sum == p.content { // a mistake was taken back
			p.meter.Settled()
			p.refused = [sha256.Size]byte{}
		}
		return nil
	}
	f, err := sources.Parse(bytes.Clone(content), filepath.Dir(p.cfg.Path), sources.Options{Mappings: p.cfg.Mappings})
	if err != nil {
		return p.refuse(sum, asked, fmt.Errorf("sources file %s:\n%w", p.cfg.Path, err))
	}
	if p.cfg.Changed != nil {
		if err := p.cfg.Changed(ctx, f); err != nil {
			return p.refuse(sum, asked, fmt.Errorf("put the sources file %s into force: %w", p.cfg.Path, err))
		}
	}
	p.apply(f)
	p.content, p.refused = sum, [sha256.Size]byte{}
	p.meter.Reloaded(nil)
	p.log.Info("the sources file is in force", "file", p.cfg.Path, "scrape_configs", len(f.Scrapes),
		"datamgmt_nodes", len(f.DataNodes), "probes", len(f.Probes), "spore_gateways", len(f.Gateways))
	return nil
}

func (p *Puller) refuse(sum [sha256.Size]byte, asked bool, err error) error {
	if sum != p.refused || sum == [sha256.Size]byte{} || asked {
		p.meter.Reloaded(err)
		p.log.Error("the sources file was refused: what was in force stays", "error", err)
	}
	p.refused = sum
	return err
}

func (p *Puller) apply(f *sources.File) {
	p.scrape.Apply(f.Scrapes)
	p.poll.Apply(f.DataNodes, f.Gateways)
	p.probe.Apply(f.Probes)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.file = f
}

// Stop ends all fetching and waits for it. Nothing is said of what is fetched no
// more: that we go is no news about it.
func (p *Puller) Stop() {
	p.cancel()
	var wait sync.WaitGroup
	for _, stop := range []func(){p.scrape.Stop, p.poll.Stop, p.probe.Stop} {
		wait.Go(stop)
	}
	wait.Wait()
}

// File returns what is in force.
func (p *Puller) File() *sources.File {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.file
}

// Meter returns the figures, and how each target does.
func (p *Puller) Meter() *pull.Meter { return p.meter }

// changed tells the log when a target goes down or comes up.
func (p *Puller) changed(o pull.Outcome) {
	if o.Err != nil {
		p.log.Warn("what is fetched has failed", "kind", string(o.Kind), "target", o.Target, "error", o.Err)
		return
	}
	p.log.Info("what is fetched is there again", "kind", string(o.Kind), "target", o.Target)
}
