package puller

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.yaml.in/yaml/v3"

	"weir/pkg/schema"
	"weir/pkg/schema/decode"
	"weir/pkg/schema/pulltopic"
	"weir/services/ingest/internal/boardtest"
	"weir/services/ingest/internal/pull"
	"weir/services/ingest/internal/sources"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

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

// bench is a puller with a sources file of its own.
type bench struct {
	*Puller
	path string

	mu     sync.Mutex
	topics map[string]int
}

func newBench(t *testing.T, text string, change func(*Config)) *bench {
	t.Helper()
	b := &bench{path: filepath.Join(t.TempDir(), "sources.yaml"), topics: map[string]int{}}
	b.write(t, text)
	cfg := Config{Path: b.path, Submit: b.submit, Settle: 20 * time.Millisecond, Logger: slog.New(slog.NewTextHandler(t.Output(), nil))}
	change(&cfg)
	b.Puller = New(cfg)
	t.Cleanup(b.Stop)
	return b
}

// submit counts what the decoder takes.
func (b *bench) submit(_ context.Context, e schema.Event, tenant schema.Tenant) error {
	t, err := pulltopic.Parse(e.Topic)
	if err != nil {
		return err
	}
	topic, ours := decode.ParseEvent(e.Route, e.Topic)
	if !ours || topic.Tenant != tenant {
		return fmt.Errorf("%s is none of ours", e.Topic)
	}
	if _, rejection := decode.New().Decode(topic, e.Payload); rejection != nil {
		return fmt.Errorf("%s: %s: %s", e.Topic, rejection.Reason, rejection.Detail)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.topics[t.Kind.String()+" "+t.Name]++
	return nil
}

func (b *bench) count(what string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.topics[what]
}

func (b *bench) write(t *testing.T, text string) {
	t.Helper()
	if err := os.WriteFile(b.path+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(b.path+".new", b.path); err != nil {
		t.Fatal(err)
	}
}

const owner = "service: s, subservice: t"

func TestEverythingIsFetchedAndTheFileIsFollowed(t *testing.T) {
	board := boardtest.Start(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/health":
			_, _ = w.Write([]byte(`{"status":"healthy","p2p":{"running":true,"peers":12}}`))
		case "/network/stats":
			_, _ = w.Write([]byte(`{"total_peers":15,"uptime":60}`))
		case "/api/monitoring/resources":
			_, _ = w.Write([]byte(`{"timestamp":"2026-01-02T03:04:05Z","nodes":[{"hostname":"a","cpu":{"usage_percent":1}}]}`))
		}
	}))
	defer server.Close()
	scrapes := fmt.Sprintf("scrape_configs: [{job_name: j, scrape_interval: 100ms, %s, static_configs: [{targets: [%q], labels: {instance: board}}]}]\n", owner, board.Addr)
	rest := fmt.Sprintf("datamgmt_nodes: [{name: dn, url: %q, interval: 100ms, %s}]\nspore_gateways: [{name: gw, url: %q, interval: 100ms, %s}]\nprobes: [{name: p, target: %q, interval: 100ms, %s}]\n",
		server.URL, owner, server.URL, owner, server.URL, owner)
	b := newBench(t, scrapes+rest, func(*Config) {})
	if err := b.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, what := range []string{"/scrape board", "/datamgmt/health dn", "/datamgmt/stats dn", "/spore gw", "/probe p"} {
		eventually(t, "there is "+what, func() bool { return b.count(what) > 1 })
	}

	b.write(t, "probes: [{}]\n")
	eventually(t, "a bad file is refused", func() bool { return b.Meter().Figures().ReloadFailed })
	n := b.count("/scrape board")
	eventually(t, "a bad file changes nothing", func() bool { return b.count("/scrape board") > n+1 })
	if len(b.File().Scrapes) != 1 {
		t.Errorf("%+v", b.File())
	}

	b.write(t, scrapes+rest)
	eventually(t, "a mistake is taken back", func() bool { return !b.Meter().Figures().ReloadFailed })

	b.write(t, strings.Replace(scrapes, "instance: board", "instance: other", 1))
	eventually(t, "a change comes into force", func() bool { return b.count("/scrape other") > 1 })
	eventually(t, "the change is whole", func() bool { return b.Meter().Figures().Reloads == 2 })
	if targets := b.Meter().Targets(); len(targets) != 1 || targets[0].Kind != pull.KindScrape {
		t.Errorf("%+v", targets)
	}
	eventually(t, "the target is up", func() bool { return b.Meter().Targets()[0].Err == nil })
	if f := b.Meter().Figures(); f.Reloads != 2 || f.ReloadErrors != 1 || f.SubmitErrors != 0 {
		t.Errorf("%+v", f)
	}
}

func TestAFileThatIsWrongAtTheStart(t *testing.T) {
	b := newBench(t, "probes: [{}]", func(*Config) {})
	if err := b.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "line 1: probes: target is missing") {
		t.Errorf("%v", err)
	}
	missing := newBench(t, "", func(c *Config) { c.Path += ".none" })
	if err := missing.Start(t.Context()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
	none := newBench(t, "", func(c *Config) { c.Path = "" })
	if err := none.Start(t.Context()); err != nil {
		t.Error(err)
	}
	if err := none.Reload(t.Context()); err == nil {
		t.Error("a file that is not there was read")
	}
}

func TestWhoeverReadsAPartOfTheFileMayRefuseIt(t *testing.T) {
	var seen []int
	refuse := errors.New("")
	b := newBench(t, "topic_mappings: [{match: a}]\n", func(c *Config) {
		c.Mappings = func(n *yaml.Node) error {
			if n.Content[0].Content[1].Value == "bad" {
				return fmt.Errorf("line %d: topic_mappings: bad", n.Content[0].Line)
			}
			return nil
		}
		c.Changed = func(_ context.Context, f *sources.File) error {
			if refuse.Error() != "" {
				return refuse
			}
			seen = append(seen, len(f.Mappings.Content))
			return nil
		}
		c.Settle = time.Hour
	})
	if err := b.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.write(t, "topic_mappings: [{match: bad}]\n")
	if err := b.Reload(t.Context()); err == nil || !strings.HasSuffix(err.Error(), "line 1: topic_mappings: bad") {
		t.Errorf("%v", err)
	}
	b.write(t, "topic_mappings: [{match: a}, {match: b}]\n")
	refuse = errors.New("the journal is full")
	if err := b.Reload(t.Context()); !errors.Is(err, refuse) {
		t.Errorf("%v", err)
	}
	if n := len(b.File().Mappings.Content); n != 1 {
		t.Errorf("%d mappings are in force", n)
	}
	refuse = errors.New("")
	if err := b.Reload(t.Context()); err != nil || len(seen) != 2 || seen[1] != 2 || b.Meter().Figures().ReloadFailed {
		t.Errorf("%v, %v", err, seen)
	}
}

func TestStopDoesNotWaitForAJournalThatTakesNothing(t *testing.T) {
	board := boardtest.Start(t)
	waits := make(chan struct{}, 1)
	text := fmt.Sprintf("scrape_configs: [{job_name: j, scrape_interval: 100ms, %s, static_configs: [{targets: [%q]}]}]\n", owner, board.Addr)
	b := newBench(t, text, func(c *Config) {
		c.Submit = func(ctx context.Context, _ schema.Event, _ schema.Tenant) error {
			select {
			case waits <- struct{}{}:
			default:
			}
			<-ctx.Done()
			return ctx.Err()
		}
	})
	if err := b.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	<-waits
	reloaded := make(chan error, 1)
	b.write(t, "") // the target's end waits for the journal too
	go func() { reloaded <- b.Reload(context.Background()) }()
	b.Stop()
	if err := <-reloaded; err != nil {
		t.Error(err)
	}
	if f := b.Meter().Figures(); f.SubmitErrors == 0 || f.Events != 0 {
		t.Errorf("%+v", f)
	}
}
