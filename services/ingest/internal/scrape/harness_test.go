package scrape

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/pkg/schema"
	"weir/pkg/schema/pulltopic"
	"weir/services/ingest/internal/pull"
	"weir/services/ingest/internal/sources"
)

// journal keeps what was submitted.
type journal struct {
	mu     sync.Mutex
	events []schema.Event
}

func (j *journal) submit(_ context.Context, e schema.Event, tenant schema.Tenant) error {
	if t, err := pulltopic.Parse(e.Topic); err != nil || t.Tenant != tenant {
		return fmt.Errorf("the topic %q of %s: %w", e.Topic, tenant, err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.events = append(j.events, e)
	return nil
}

// of returns the events whose topics have a text.
func (j *journal) of(text string) []schema.Event {
	j.mu.Lock()
	defer j.mu.Unlock()
	var some []schema.Event
	for _, e := range j.events {
		if strings.Contains(e.Topic, text) {
			some = append(some, e)
		}
	}
	return some
}

// scrapes returns the events of scrapes that did not take longer than they may, as
// any does at times on a slow machine.
func (j *journal) scrapes(t *testing.T) []schema.Event {
	t.Helper()
	return slices.DeleteFunc(j.of("/scrape?"), func(e schema.Event) bool {
		r, _ := report(t, e)
		return r.Error == late
	})
}

// late is the error of a scrape that took too long.
const late = "context deadline exceeded"

// eventually waits until something is so.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !is() {
		if time.Now().After(deadline) {
			t.Fatalf("it never came to be that %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// start starts a scraper with the jobs of a sources file.
func start(t *testing.T, text string) (*Scraper, *journal, *pull.Env) {
	t.Helper()
	j := &journal{}
	env := pull.Env{Submit: j.submit, Meter: pull.NewMeter(nil)}.Complete()
	s := New(env)
	t.Cleanup(s.Stop)
	s.Apply(jobs(t, text))
	return s, j, env
}

func jobs(t *testing.T, text string) []sources.Scrape {
	t.Helper()
	f, err := sources.Parse([]byte("scrape_configs:\n"+text), "", sources.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return f.Scrapes
}

// report reads an event's report with its changing parts taken out.
func report(t *testing.T, e schema.Event) (pulltopic.Report, string) {
	t.Helper()
	r, body, ok := pulltopic.ParseReport(e.Payload)
	if !ok {
		t.Fatalf("%q", e.Payload)
	}
	if r.Duration <= 0 != r.Ended {
		t.Errorf("%+v", r)
	}
	r.Duration = 0
	return r, string(body)
}
