// Package poll fetches the JSON documents of DataMgmt nodes, and of SPORE
// gateways and nodes.
package poll

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"weir/pkg/schema/decode"
	"weir/pkg/schema/pulltopic"
	"weir/services/ingest/internal/pull"
	"weir/services/ingest/internal/sources"
)

// Poller polls nodes and gateways.
type Poller struct {
	env   *pull.Env
	set   *pull.Set
	known map[string]pull.Kind // the targets in the meter
}

// New returns a poller without targets.
func New(env *pull.Env) *Poller {
	return &Poller{env: env, set: pull.NewSet(env.Now)}
}

// Apply makes the nodes and gateways those that are polled. The others go on
// undisturbed. It is not for concurrent use.
func (p *Poller) Apply(nodes []sources.DataNode, gateways []sources.Gateway) {
	var tasks []pull.Task
	known := map[string]pull.Kind{}
	for i := range nodes {
		n := newDataNode(p.env, &nodes[i])
		for _, doc := range n.docs {
			known[doc.target] = pull.KindDataNode
		}
		tasks = append(tasks, pull.Task{
			Name: "datamgmt " + nodes[i].Tenant().String() + " " + nodes[i].Name, Key: fingerprint("datamgmt", nodes[i]),
			Interval: time.Duration(nodes[i].Interval), Do: n.poll, End: n.end,
		})
	}
	for i := range gateways {
		g := newGateway(p.env, &gateways[i])
		known[g.resources.target], known[g.status.target] = pull.KindSpore, pull.KindSpore
		tasks = append(tasks, pull.Task{
			Name: "spore " + gateways[i].Tenant().String() + " " + gateways[i].Name, Key: fingerprint("spore", gateways[i]),
			Interval: time.Duration(gateways[i].Interval), Do: g.poll, End: g.end,
		})
	}
	p.set.Apply(tasks)
	for target, kind := range p.known {
		if _, stays := known[target]; !stays {
			p.env.Meter.Forget(kind, target)
		}
	}
	p.known = known
}

func fingerprint(what string, settings any) string { return sources.Fingerprint(what, settings) }

// Stop ends all polls and waits for them.
func (p *Poller) Stop() { p.set.Stop() }

// document is what is fetched from one path of a server.
type document struct {
	env     *pull.Env
	kind    pull.Kind
	topic   pulltopic.Topic
	target  string // its URL
	address string // host:port
	client  sources.Client
	timeout time.Duration
	key     func() (string, error) // the API key; nil for none

	// takes looks at an answer and returns what is wrong with it: nil means that
	// its body goes into the journal.
	takes func(*pull.Answer) error
	// notBefore is when a server that asked for patience may be asked again.
	notBefore time.Time
}

// hostPort returns the host and port of a valid URL.
func hostPort(u *url.URL) string {
	if u.Port() != "" {
		return u.Host
	}
	if u.Scheme == "https" {
		return u.Host + ":443"
	}
	return u.Host + ":80"
}

// join appends a path to a valid URL.
func join(base, path string) string { return strings.TrimSuffix(base, "/") + path }

func addressOf(base string) string {
	u, err := url.Parse(base)
	if err != nil {
		panic("BUG: a URL that was checked is none")
	}
	return hostPort(u)
}

// poll fetches the document once and submits it, and why there is none that can
// be read. The answer is nil if there is none that is right.
func (d *document) poll(ctx context.Context, at time.Time) *pull.Answer {
	if at.Before(d.notBefore) {
		return nil
	}
	began := d.env.Now()
	answer, err := d.get(ctx)
	if ctx.Err() != nil { // we go: that is no news about the server
		return nil
	}
	o := pull.Outcome{Kind: d.kind, Target: d.target, At: at, Duration: d.env.Now().Sub(began), Err: err}
	if answer != nil && answer.Status == http.StatusTooManyRequests {
		d.notBefore = began.Add(retryAfter(answer, d.topic.Interval, began))
		o.Limited = true
		d.env.Meter.Done(o)
		return nil
	}
	r := pulltopic.Report{Duration: o.Duration.Seconds()}
	if answer != nil {
		r.Status, r.ContentType = answer.Status, short(answer.Header.Get("Content-Type"))
		o.Err = d.takes(answer)
	}
	if o.Err == nil {
		o.Err = d.take(ctx, at, r, answer.Body)
	}
	d.env.Meter.Done(o)
	if o.Err != nil {
		r.Error = short(o.Err.Error())
		_ = d.env.SendReport(ctx, &d.topic, d.address, at, r, nil)
		return nil
	}
	return answer
}

// take submits a document, readable or not: one that is not becomes a dead
// letter, and the error says why.
func (d *document) take(ctx context.Context, at time.Time, r pulltopic.Report, body []byte) error {
	r.Up = true
	payload := append(r.Append(nil), body...)
	_, rejection := decode.New().Decode(decode.Topic{Kind: decode.TopicPulled, Tenant: d.topic.Tenant, Pulled: &d.topic}, payload)
	_ = d.env.Send(ctx, &d.topic, d.address, at, payload)
	if rejection != nil {
		return fmt.Errorf("the document cannot be read: %s", rejection.Detail)
	}
	return nil
}

func (d *document) get(ctx context.Context) (*pull.Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	r := pull.Request{URL: d.target, Client: &d.client, Accept: "application/json"}
	if d.key != nil {
		var err error
		if r.APIKey, err = d.key(); err != nil {
			return nil, err
		}
	}
	return d.env.Get(ctx, r)
}

// end says that the document is not fetched any more.
func (d *document) end(ctx context.Context, at time.Time) {
	_ = d.env.SendReport(ctx, &d.topic, d.address, at, pulltopic.Report{Ended: true}, nil)
}

// maxPatience bounds what a server may ask for.
const maxPatience = time.Hour

// retryAfter reads the header Retry-After: seconds, or a date. Without a usable
// one it is an interval.
func retryAfter(a *pull.Answer, interval time.Duration, now time.Time) time.Duration {
	wait := interval
	text := strings.TrimSpace(a.Header.Get("Retry-After"))
	if seconds, err := strconv.ParseFloat(text, 64); err == nil && seconds >= 0 {
		wait = time.Duration(min(seconds, maxPatience.Seconds()) * float64(time.Second))
	} else if date, err := http.ParseTime(text); err == nil {
		wait = date.Sub(now)
	}
	return min(max(wait, 0), maxPatience)
}

func statusError(a *pull.Answer) error {
	return fmt.Errorf("the server returned HTTP status %s", a.Line())
}

// short bounds what a report takes over of a server's words.
func short(text string) string {
	const most = 500
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
