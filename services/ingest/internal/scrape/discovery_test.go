package scrape

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"weir/services/ingest/internal/boardtest"
	"weir/services/ingest/internal/pull"
)

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
}

// instances returns whom the scraper looks at with success. On a slow machine one
// may be missing for a moment: it did not answer within the 100 ms of its interval.
func instances(env *pull.Env) string {
	var all []string
	for _, s := range env.Meter.Targets() {
		if s.Kind == pull.KindScrape && s.Err == nil {
			all = append(all, strings.Fields(s.Target)[1])
		}
	}
	return strings.Join(all, " ")
}

// fault returns what the meter says of a discovery.
func fault(env *pull.Env, target string) string {
	all := env.Meter.Targets()
	i := slices.IndexFunc(all, func(s pull.Status) bool { return s.Kind == pull.KindDiscovery && s.Target == target })
	if i < 0 || all[i].Err == nil {
		return ""
	}
	return all[i].Err.Error()
}

func TestTargetsOfFilesFollowTheFiles(t *testing.T) {
	board := boardtest.Start(t)
	dir := t.TempDir()
	one, two := filepath.Join(dir, "one.json"), filepath.Join(dir, "two.yml")
	write(t, one, fmt.Sprintf(`[{"targets":[%q],"labels":{"instance":"a","__meta_x":"y"}}]`, board.Addr))
	s, j, env := start(t, fmt.Sprintf("- {job_name: f, service: s, subservice: t, scrape_interval: 100ms, file_sd_configs: [{files: [%q, %q]}]}\n", dir+"/*.json", two))
	eventually(t, "the first file's target is scraped", func() bool { return instances(env) == "a" })

	write(t, two, fmt.Sprintf("- targets: [%q]\n  labels: {instance: b}\n- targets: [%q]\n  labels: {instance: c}\n", board.Addr, board.Addr))
	eventually(t, "another file's are", func() bool { return instances(env) == "a b c" })

	write(t, two, "- target: [x]\n")
	eventually(t, "a broken file is told", func() bool { return strings.Contains(fault(env, two), "field target not found") })
	eventually(t, "a broken file changes nothing", func() bool { return instances(env) == "a b c" })
	write(t, two, fmt.Sprintf("- targets: [%q, 'http://x']\n  labels: {instance: c}\n", board.Addr))
	const bad = `target "http://x": expected host or host:port, without a scheme and a path`
	eventually(t, "a bad target is told", func() bool { return fault(env, "job f") == bad })
	eventually(t, "what is gone is not scraped", func() bool { return instances(env) == "a c" })
	eventually(t, "what is gone ends", func() bool {
		all := j.of("instance=b")
		r, _ := report(t, all[len(all)-1])
		return r.Ended
	})
	if err := os.Remove(one); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a file that is gone has no targets", func() bool { return instances(env) == "c" })
	s.Apply(nil)
	eventually(t, "nothing is left", func() bool { return len(env.Meter.Targets()) == 0 })
}

func TestAFileOfTargetsInWhichNothingStandsHasNone(t *testing.T) {
	board := boardtest.Start(t)
	file := filepath.Join(t.TempDir(), "targets.yml")
	for name, text := range map[string]string{"an empty file": "", "one of comments": "# none for now\n"} {
		t.Run(name, func(t *testing.T) {
			write(t, file, fmt.Sprintf("- targets: [%q]\n  labels: {instance: a}\n", board.Addr))
			s, _, env := start(t, fmt.Sprintf("- {job_name: f, service: s, subservice: t, scrape_interval: 100ms, file_sd_configs: [{files: [%q]}]}\n", file))
			defer s.Apply(nil)
			eventually(t, "the target is scraped", func() bool { return instances(env) == "a" })
			write(t, file, text)
			scraped := func(s pull.Status) bool { return s.Kind == pull.KindScrape }
			eventually(t, "the target is gone", func() bool { return !slices.ContainsFunc(env.Meter.Targets(), scraped) })
			if told := fault(env, file); told != "" {
				t.Error(told)
			}
		})
	}
}

func TestTargetsOfAnHTTPServerFollowIt(t *testing.T) {
	board := boardtest.Start(t)
	var answer atomic.Pointer[string]
	say := func(text string) { answer.Store(&text) }
	say(fmt.Sprintf(`[{"targets":[%q],"labels":{"instance":"a","service":"other"},"more":1}]`, board.Addr))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer key" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_, _ = w.Write([]byte(*answer.Load()))
	}))
	defer server.Close()
	text := fmt.Sprintf("- {job_name: h, service: s, subservice: t, scrape_interval: 100ms, http_sd_configs: [{url: '%s/t?secret=x', refresh_interval: 50ms, authorization: {credentials: key}}]}\n", server.URL)
	s, j, env := start(t, text)
	eventually(t, "its target is scraped", func() bool { return instances(env) == "a" })
	if len(j.of("service=other")) == 0 {
		t.Error("a label service is the target's tenant")
	}
	say("[")
	eventually(t, "a broken list is told", func() bool { return fault(env, server.URL+"/t") != "" })
	eventually(t, "a broken list changes nothing", func() bool { return instances(env) == "a" })
	// Settings of the job that change do not make it forget what it has found.
	s.Apply(jobs(t, strings.Replace(text, "job_name: h,", "job_name: h, counter_tolerance: 1,", 1)))
	eventually(t, "its targets are scraped otherwise", func() bool { return len(j.of("counter_tolerance=1")) > 0 })
	say("[]")
	eventually(t, "none is left", func() bool { return instances(env) == "" })

	s.Apply(jobs(t, strings.Replace(text, "credentials: key", "credentials: wrong", 1)))
	eventually(t, "a refusal is told", func() bool { return strings.Contains(fault(env, server.URL+"/t"), "401 Unauthorized") })
	s.Apply(nil)
	eventually(t, "nothing is left", func() bool { return len(env.Meter.Targets()) == 0 })
}
