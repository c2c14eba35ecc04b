// Package probe checks from outside whether servers do what they should, as the
// blackbox exporter does: https://github.com/prometheus/blackbox_exporter.
package probe

import (
	"context"
	"net"
	"net/url"
	"time"

	"weir/pkg/schema/pulltopic"
	"weir/services/ingest/internal/pull"
	"weir/services/ingest/internal/sources"
)

// Prober makes uptime checks.
type Prober struct {
	env   *pull.Env
	set   *pull.Set
	known map[string]bool // the probes in the meter
}

// New returns a prober without probes.
func New(env *pull.Env) *Prober { return &Prober{env: env, set: pull.NewSet(env.Now)} }

// Apply makes the probes those that are made. The others go on undisturbed. It
// is not for concurrent use.
func (p *Prober) Apply(probes []sources.Probe) {
	var tasks []pull.Task
	known := map[string]bool{}
	for i := range probes {
		c := newCheck(p.env, &probes[i])
		known[c.name()] = true
		tasks = append(tasks, pull.Task{
			Name: c.topic.Tenant.String() + " " + c.topic.Name, Key: sources.Fingerprint(probes[i]),
			Interval: c.topic.Interval, Do: c.run, End: c.end,
		})
	}
	p.set.Apply(tasks)
	for name := range p.known {
		if !known[name] {
			p.env.Meter.Forget(pull.KindProbe, name)
		}
	}
	p.known = known
}

// Stop ends all probes and waits for them.
func (p *Prober) Stop() { p.set.Stop() }

// check is one probe of the configuration.
type check struct {
	env     *pull.Env
	probe   *sources.Probe
	url     *url.URL
	host    string // of the target
	address string // host:port
	topic   pulltopic.Topic
}

func newCheck(env *pull.Env, p *sources.Probe) *check {
	u, err := url.Parse(p.Target)
	if err != nil {
		panic("BUG: a target that was checked is none")
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return &check{
		env: env, probe: p, url: u, host: u.Hostname(), address: net.JoinHostPort(u.Hostname(), port),
		topic: pulltopic.Topic{
			Kind: pulltopic.Probe, Tenant: p.Tenant(), Name: p.Name, Target: p.Target,
			Interval: time.Duration(p.Interval), Labels: sources.Labels(p.Labels),
		},
	}
}

// name is what people know a probe by.
func (c *check) name() string { return c.topic.Tenant.String() + " " + c.probe.Name }

// run makes the check once.
func (c *check) run(ctx context.Context, at time.Time) {
	began := c.env.Now()
	patience, cancel := context.WithTimeout(ctx, time.Duration(c.probe.Timeout))
	defer cancel()
	var r result
	err := c.probeOnce(patience, &r)
	if ctx.Err() != nil { // we go: that is no news about the target
		return
	}
	if err == nil && patience.Err() != nil {
		err = patience.Err()
	}
	took := c.env.Now().Sub(began)
	r.set("probe_success", bit(err == nil))
	r.set("probe_duration_seconds", took.Seconds())
	if err != nil {
		r.Error = short(err.Error())
	}
	r.sort()
	c.env.Meter.Done(pull.Outcome{Kind: pull.KindProbe, Target: c.name(), At: at, Duration: took, Err: err})
	_ = c.env.Send(ctx, &c.topic, c.address, at, r.Append(nil))
}

func (c *check) probeOnce(ctx context.Context, r *result) error {
	if c.probe.HTTP() {
		return c.http(ctx, r)
	}
	return c.tcp(ctx, r)
}

// end says that the check is not made any more.
func (c *check) end(ctx context.Context, at time.Time) {
	r := pulltopic.ProbeResult{Ended: true, Metrics: []pulltopic.ProbeMetric{}}
	_ = c.env.Send(ctx, &c.topic, c.address, at, r.Append(nil))
}
