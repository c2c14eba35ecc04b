package probe

import (
	"crypto/tls"
	"net/http/httptrace"
	"sync"
	"time"
)

// phases measures the parts of a request; those of redirects add up.
type phases struct {
	now func() time.Time

	mu    sync.Mutex // the transport calls from goroutines of its own, also when the request has ended
	took  map[string]time.Duration
	dials []dialled // one for each host that was asked

	tls, connected, answered time.Time
}

// phaseNames are the blackbox exporter's.
var phaseNames = []string{"resolve", "connect", "tls", "processing", "transfer"}

func (p *phases) add(phase string, d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.took == nil {
		p.took = map[string]time.Duration{}
	}
	p.took[phase] += d
}

// dial returns what notes how a connection comes to be.
func (p *phases) dial() func(dialled) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dials = append(p.dials, dialled{})
	i := len(p.dials) - 1
	return func(d dialled) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.dials[i] = d
	}
}

func (p *phases) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		TLSHandshakeStart:    func() { p.mark(&p.tls) },
		TLSHandshakeDone:     func(tls.ConnectionState, error) { p.since("tls", &p.tls) },
		GotConn:              func(httptrace.GotConnInfo) { p.mark(&p.connected) },
		GotFirstResponseByte: func() { p.mark(&p.answered); p.since("processing", &p.connected) },
	}
}

func (p *phases) mark(t *time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	*t = p.now()
}

func (p *phases) since(phase string, t *time.Time) {
	p.mu.Lock()
	began := *t
	p.mu.Unlock()
	p.add(phase, p.now().Sub(began))
}

// end is called when the body is there.
func (p *phases) end() { p.since("transfer", &p.answered) }

func (p *phases) write(r *result) {
	p.mu.Lock()
	defer p.mu.Unlock()
	sums := map[string]time.Duration{"tls": p.took["tls"], "processing": p.took["processing"], "transfer": p.took["transfer"]}
	for _, d := range p.dials {
		sums["resolve"] += d.lookup
		sums["connect"] += d.connect
	}
	for _, phase := range phaseNames {
		r.labelled("probe_http_duration_seconds", "phase", phase, sums[phase].Seconds())
	}
	if len(p.dials) > 0 { // the target's own, not where it redirects to
		r.dialled(p.dials[0])
	}
}
