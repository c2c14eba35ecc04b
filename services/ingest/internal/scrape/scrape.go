// Package scrape fetches exposition text from targets, as Prometheus does.
package scrape

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"weir/pkg/schema/decode/exposition"
	"weir/pkg/schema/packed"
	"weir/pkg/schema/pulltopic"
	"weir/services/ingest/internal/pull"
	"weir/services/ingest/internal/sources"
)

// Scraper scrapes the targets of jobs.
type Scraper struct {
	env *pull.Env
	set *pull.Set

	mu          sync.Mutex
	jobs        []sources.Scrape
	discoveries map[string]*discovery // by the fingerprint of their settings
	known       map[string]bool       // the names of targets in the meter
	stopped     bool
	running     sync.WaitGroup // discoveries
}

// New returns a scraper without jobs.
func New(env *pull.Env) *Scraper {
	return &Scraper{env: env, set: pull.NewSet(env.Now), discoveries: map[string]*discovery{}, known: map[string]bool{}}
}

// Apply makes the jobs those that are scraped. Targets and discoveries whose
// settings are the same go on undisturbed. Of a target that is gone, an event
// says that its series end.
func (s *Scraper) Apply(jobs []sources.Scrape) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return
	}
	s.jobs = jobs
	wanted := map[string]bool{}
	for i := range jobs {
		for _, spec := range specs(&jobs[i]) {
			wanted[spec.key] = true
			if s.discoveries[spec.key] == nil {
				s.discover(spec)
			}
		}
	}
	for key, d := range s.discoveries {
		if !wanted[key] {
			d.cancel()
			delete(s.discoveries, key)
		}
	}
	s.update()
}

// Stop ends all scrapes and discoveries and waits for them.
func (s *Scraper) Stop() {
	s.set.Stop() // first, since Apply may wait for the journal
	s.mu.Lock()
	s.stopped = true
	for _, d := range s.discoveries {
		d.cancel()
	}
	s.mu.Unlock()
	s.running.Wait()
}

// update makes the targets of the jobs those that are known now. s.mu is held.
func (s *Scraper) update() {
	if s.stopped {
		return
	}
	var tasks []pull.Task
	names, owners := map[string]bool{}, map[string]string{}
	for i := range s.jobs {
		job := &s.jobs[i]
		groups := slices.Clone(job.Static)
		for _, spec := range specs(job) {
			groups = append(groups, s.discoveries[spec.key].current()...)
		}
		targets, dropped := job.Targets(groups)
		for _, t := range targets {
			if owner, taken := owners[t.ID()]; taken {
				dropped = append(dropped, fmt.Errorf("target %q: the job %s has one of the same tenant, job and instance", t.Topic.Name, owner))
				continue
			}
			owners[t.ID()] = job.JobName
			names[name(&t)] = true
			tasks = append(tasks, s.task(job, t))
		}
		if len(job.Files)+len(job.HTTP)+len(dropped) > 0 {
			about := "job " + job.JobName
			names[about] = true
			s.env.Meter.Done(pull.Outcome{Kind: pull.KindDiscovery, Target: about, At: s.env.Now(), Err: errors.Join(dropped...)})
		}
	}
	s.set.Apply(tasks)
	s.forget(names)
}

// forget drops from the meter what is not there any more.
func (s *Scraper) forget(names map[string]bool) {
	for name := range maps.Keys(s.known) {
		if !names[name] {
			s.env.Meter.Forget(pull.KindScrape, name)
			s.env.Meter.Forget(pull.KindDiscovery, name)
		}
	}
	s.known = names
}

// name is what people know a target by.
func name(t *sources.Target) string {
	address, _, _ := strings.Cut(t.URL, "?")
	return t.Topic.Job + " " + t.Topic.Name + " " + address
}

func (s *Scraper) task(job *sources.Scrape, t sources.Target) pull.Task {
	client, limit := job.Client, cmp.Or(int(job.BodySizeLimit), packed.Default)
	return pull.Task{
		Name: t.ID(), Key: sources.Fingerprint(t, client, limit), Interval: t.Topic.Interval,
		Do: func(ctx context.Context, at time.Time) { s.scrape(ctx, at, &t, &client, limit) },
		End: func(ctx context.Context, at time.Time) {
			_ = s.env.SendReport(ctx, &t.Topic, t.Address, at, pulltopic.Report{Ended: true}, nil)
		},
	}
}

// accept asks for OpenMetrics or the text format, in few bytes.
const accept = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"

// scrape fetches a target's text once.
func (s *Scraper) scrape(ctx context.Context, at time.Time, t *sources.Target, client *sources.Client, limit int) {
	began := s.env.Now()
	patience, cancel := context.WithTimeout(ctx, t.Timeout)
	answer, err := s.env.Get(patience, pull.Request{URL: t.URL, Client: client, Accept: accept, Timeout: t.Timeout, MaxBody: limit})
	cancel()
	if ctx.Err() != nil { // we go: that is no news about the target
		return
	}
	o := pull.Outcome{Kind: pull.KindScrape, Target: name(t), At: at, Duration: s.env.Now().Sub(began), Err: err}
	r := pulltopic.Report{Duration: o.Duration.Seconds()}
	if answer != nil {
		r.Status, r.ContentType = answer.Status, short(answer.Header.Get("Content-Type"))
		if answer.Status != http.StatusOK {
			o.Err = fmt.Errorf("the server returned HTTP status %s", answer.Line())
		}
	}
	if o.Err == nil {
		o.Samples, o.Err = s.take(ctx, at, t, r, answer.Body)
	}
	if o.Err != nil {
		r.Error = short(o.Err.Error())
		_ = s.env.SendReport(ctx, &t.Topic, t.Address, at, r, nil)
	}
	s.env.Meter.Done(o)
}

// take submits a text, readable or not: one that is not becomes a dead letter,
// and the error says why. A large one is packed; one that is too large then is not
// submitted.
func (s *Scraper) take(ctx context.Context, at time.Time, t *sources.Target, r pulltopic.Report, body []byte) (samples int, err error) {
	document, err := exposition.New().Parse(string(body), exposition.Options{
		OpenMetrics: strings.HasPrefix(r.ContentType, "application/openmetrics-text"), DropNone: t.Topic.DropNone,
	})
	stored := body
	if len(body) > packed.From {
		stored, r.Packed = packed.Pack(body), true
	}
	if len(stored) > s.env.MaxBody {
		return 0, fmt.Errorf("%w: %d bytes, which are %d when they are compressed: expected at most %d then", pull.ErrTooLarge, len(body), len(stored), s.env.MaxBody)
	}
	r.Up = true
	_ = s.env.SendReport(ctx, &t.Topic, t.Address, at, r, stored)
	if err != nil {
		return 0, fmt.Errorf("the text cannot be read: %w", err)
	}
	return len(document.Samples), nil
}

// short bounds what a report takes over of a server's words.
func short(text string) string {
	const most = 500
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
