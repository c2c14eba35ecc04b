package agent

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"weir/devices/agent/dialect"
	"weir/devices/agent/publish"
	"weir/devices/agent/sample"
	"weir/devices/agent/serve"
	"weir/devices/agent/spool"
	"weir/pkg/httpserver"
)

// Agent measures tasks and publishes what it measured. Start it, give it tasks
// to Watch or commands to Run, and Stop it.
type Agent struct {
	c       Config
	log     *slog.Logger
	proplet dialect.Proplet
	machine bool      // the proplet's own metrics are the machine's
	boot    time.Time // when the machine started

	spool     spool.Spool        // nil if nothing is published
	publisher *publish.Publisher // nil if nothing is published
	server    *httpserver.Server // nil if it does not listen
	samples   atomic.Uint64

	mu    sync.Mutex
	tasks []*task
	host  *dialect.Host // the newest, nil before the first
	fault string        // why there is no connection, "" if there is one

	stopMeasuring context.CancelFunc // ends the measuring of the proplet, before what sends it
	measuring     sync.WaitGroup

	stopWork  context.CancelFunc // ends the goroutines
	stopGrace context.CancelFunc // ends the sending of what is left
	work      sync.WaitGroup
	shown     sync.WaitGroup // the screen, which ends last
	stopShown context.CancelFunc
}

// identify returns c with an id for the proplet: the one it has, else the
// client's, else the machine's name.
func (c Config) identify() Config {
	c.PropletID = cmp.Or(c.PropletID, c.ClientID)
	if c.PropletID == "" {
		c.PropletID = Hostname()
	}
	return c
}

// Hostname is the machine's name, "localhost" if it has none.
func Hostname() string {
	name, err := os.Hostname()
	if err != nil || name == "" {
		return "localhost"
	}
	return name
}

// New returns an agent that does nothing yet. machine says that the proplet's
// own metrics are the machine's, not this process's. The error has all that is
// wrong with the configuration.
func New(c Config, machine bool) (*Agent, error) {
	c = c.identify()
	if err := c.Validate(); err != nil {
		return nil, err
	}
	d, err := dialect.Parse(c.Dialect)
	if err != nil {
		return nil, err
	}
	if c.QoS == DefaultQoS {
		c.QoS = int(d.QoS())
	}
	a := &Agent{c: c, log: c.Logger, machine: machine, proplet: dialect.Proplet{
		Dialect: d, Domain: c.Domain, Channel: c.Channel, ID: c.PropletID, Namespace: c.Namespace,
	}}
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
	}
	return a, nil
}

// Start begins to publish, to answer, and to measure the proplet itself. ctx is
// for the start only.
func (a *Agent) Start(ctx context.Context) error {
	boot, err := sample.Boot(ctx)
	if err != nil {
		a.log.Warn("the machine does not say when it started; this moment stands in for it", "error", err)
		boot = time.Now()
	}
	a.boot = boot
	measuring, stopMeasuring := context.WithCancel(context.Background())
	work, stopWork := context.WithCancel(context.Background())
	grace, stopGrace := context.WithCancel(context.Background())
	shown, stopShown := context.WithCancel(context.Background())
	a.stopMeasuring, a.stopWork, a.stopGrace, a.stopShown = stopMeasuring, stopWork, stopGrace, stopShown
	err = a.startPublishing(ctx, work, grace)
	if err == nil {
		err = a.startAnswering()
	}
	if err == nil {
		err = a.startMeasuring(ctx, measuring)
	}
	if err != nil {
		return errors.Join(err, a.Stop(ctx))
	}
	if a.c.Screen != nil {
		a.shown.Go(func() { a.show(shown) })
	}
	return nil
}

func (a *Agent) startPublishing(ctx, work, grace context.Context) error {
	if a.c.Broker == "" {
		return nil
	}
	tlsConfig, err := a.c.TLS.config()
	if err != nil {
		return err
	}
	session := a.openSpool()
	metadata := sample.Describe(ctx, a.c.Version)
	metadata.Description, metadata.Tags, metadata.Location = a.c.Description, a.c.Tags, a.c.Location
	if a.proplet.Dialect == dialect.D3 {
		metadata.Environment = "embedded"
	}
	a.publisher = publish.New(publish.Config{
		Broker: a.c.Broker, ClientID: a.c.PropletID + "-" + session, Username: a.c.ClientID, Password: a.c.ClientKey,
		TLS: tlsConfig, QoS: byte(a.c.QoS), AliveEvery: a.c.LivelinessInterval, Spool: a.spool,
		Create: a.proplet.Create(metadata), Alive: a.proplet.Alive(), Offline: a.proplet.Offline(),
		Watch: publish.Watch{Connected: a.connected, Disconnected: a.disconnected},
	})
	a.work.Go(func() { a.publisher.Run(work, grace) })
	return nil
}

// openSpool opens the spool, in memory if the one on disk cannot be had: that is
// no reason not to measure, much less not to run a command. It returns what makes
// the client's id this agent's own, or the broker would take one for another's
// newer connection. It lasts as long as the messages do.
func (a *Agent) openSpool() (session string) {
	if a.c.SpoolDir != "" {
		s, err := a.openDisk()
		if err == nil {
			a.spool = s
			return s.Session()
		}
		a.c.SpoolDir = ""
		a.log.Warn("the spool cannot be used: messages are kept in memory only", "error", err)
	}
	a.spool = spool.NewMemory(a.c.SpoolBytes)
	return strings.ToLower(rand.Text())
}

func (a *Agent) openDisk() (*spool.Disk, error) {
	if a.c.SpoolPart == "" {
		return spool.Open(a.c.SpoolDir, a.c.SpoolBytes)
	}
	s, err := spool.OpenPart(a.c.SpoolDir, a.c.SpoolPart, a.c.SpoolBytes)
	if err != nil {
		return nil, err
	}
	if err := s.TakeOver(a.c.SpoolDir, time.Now().Add(-abandoned)); err != nil {
		a.log.Warn("messages that others left in the spool stay there", "error", err)
	}
	return s, nil
}

// abandoned is how long nobody has written to a part of a spool whose messages
// another agent sends. An agent that is started anew until then sends them itself,
// and the broker knows those that it has already.
const abandoned = time.Hour

func (a *Agent) connected() {
	a.setFault("")
	a.log.Info("connected", "broker", a.c.Broker, "waiting", a.spool.State().Messages)
}

// disconnected logs the first of a row of faults only.
func (a *Agent) disconnected(err error) {
	if a.setFault(err.Error()) == "" {
		a.log.Warn("no connection to the broker; what is measured is kept until there is one", "error", err)
	}
}

func (a *Agent) setFault(fault string) (before string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	before, a.fault = a.fault, fault
	return before
}

func (a *Agent) startAnswering() error {
	if a.c.Listen == "" {
		return nil
	}
	var err error
	a.server, err = serve.Start(a.c.Listen, a.view)
	if err == nil {
		a.log.Info("answers GET /metrics and GET /history", "address", a.server.Addr())
	}
	return err
}

// Addr is where it answers HTTP requests, "" if nowhere.
func (a *Agent) Addr() string {
	if a.server == nil {
		return ""
	}
	return a.server.Addr()
}

// PropletID is the proplet's id.
func (a *Agent) PropletID() string { return a.proplet.ID }

// Stop sends what is left, says that the proplet is offline, and ends
// everything. What cannot be sent until ctx ends stays in the spool, if that is
// on disk; else it is lost, and the error says how much.
func (a *Agent) Stop(ctx context.Context) error {
	// What is being measured goes before the last word: behind it, it would be lost.
	a.stopMeasuring()
	a.measuring.Wait()
	a.stopWork()
	stop := context.AfterFunc(ctx, a.stopGrace)
	a.work.Wait()
	stop()
	a.stopGrace()
	a.stopShown()
	a.shown.Wait()
	var err error
	if a.server != nil {
		err = a.server.Stop(ctx)
	}
	return errors.Join(err, a.closeSpool())
}

func (a *Agent) closeSpool() error {
	if a.spool == nil {
		return nil
	}
	left := a.spool.State()
	err := a.spool.Close()
	switch {
	case left.Messages == 0:
	case a.c.SpoolDir != "":
		a.log.Warn("the spool keeps messages for the next start", "messages", left.Messages, "directory", a.c.SpoolDir)
	default:
		err = errors.Join(err, fmt.Errorf("%d messages could not be sent to %s and are lost: --spool would have kept them", left.Messages, a.c.Broker))
	}
	return err
}

// send puts a message into the spool.
func (a *Agent) send(m dialect.Message) {
	if a.spool == nil {
		return
	}
	if err := a.spool.Put(m); err != nil {
		a.log.Error("a message is lost", "topic", m.Topic, "error", err)
	}
}
