package scrape

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"go.yaml.in/yaml/v3"

	"weir/services/ingest/internal/pull"
	"weir/services/ingest/internal/sources"
)

// discovery keeps a list of targets that others write. A list that cannot be
// read leaves the former one in force.
type discovery struct {
	cancel context.CancelFunc
	groups atomic.Pointer[[]sources.Group]
}

func (d *discovery) current() []sources.Group {
	if g := d.groups.Load(); g != nil {
		return *g
	}
	return nil
}

// spec says where a discovery looks.
type spec struct {
	key  string
	file *sources.FileSD
	http *sources.HTTPSD
}

func specs(job *sources.Scrape) []spec {
	var all []spec
	for i := range job.Files {
		all = append(all, spec{key: sources.Fingerprint("file", job.Files[i]), file: &job.Files[i]})
	}
	for i := range job.HTTP {
		all = append(all, spec{key: sources.Fingerprint("http", job.HTTP[i]), http: &job.HTTP[i]})
	}
	return all
}

// discover starts a discovery. s.mu is held. Files are read before it returns.
func (s *Scraper) discover(spec spec) {
	ctx, cancel := context.WithCancel(context.Background())
	d := &discovery{cancel: cancel}
	s.discoveries[spec.key] = d
	changed := func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if ctx.Err() == nil {
			s.update()
		}
	}
	look := make(chan struct{}, 1)
	var read func(context.Context) bool
	var shown func() []string // what the meter knows of it
	interval := time.Duration(0)
	if spec.file != nil {
		files := &fileList{env: s.env, patterns: spec.file.Files, groups: map[string][]sources.Group{}}
		read = func(context.Context) bool { return files.read(d) }
		interval = time.Duration(spec.file.Interval)
		shown = func() []string {
			return slices.Concat([]string{watchName(spec.file)}, slices.Collect(maps.Keys(files.groups)))
		}
		files.read(d)
		s.watch(ctx, spec.file, look)
	} else {
		shown = func() []string { return []string{httpName(spec.http)} }
		read = func(ctx context.Context) bool { return s.readHTTP(ctx, spec.http, d) }
		interval = time.Duration(spec.http.Interval)
		look <- struct{}{}
	}
	s.running.Go(func() {
		tick := time.NewTicker(interval)
		defer tick.Stop()
		defer func() {
			for _, name := range shown() {
				s.env.Meter.Forget(pull.KindDiscovery, name)
			}
		}()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			case <-look:
			}
			if read(ctx) {
				changed()
			}
		}
	})
}

// watch looks at the files' directories. Where that cannot be had, the refresh
// interval remains.
func (s *Scraper) watch(ctx context.Context, f *sources.FileSD, look chan<- struct{}) {
	err := pull.Watch(ctx, fileNames(f), pull.Settle, func() {
		select {
		case look <- struct{}{}:
		default:
		}
	})
	if err != nil {
		s.env.Meter.Done(pull.Outcome{Kind: pull.KindDiscovery, Target: watchName(f), At: s.env.Now(), Err: err})
	}
}

func fileNames(f *sources.FileSD) []string {
	names := make([]string, len(f.Files))
	for i, file := range f.Files {
		names[i] = string(file)
	}
	return names
}

// watchName is what people know the watching of files by.
func watchName(f *sources.FileSD) string { return "watch " + strings.Join(fileNames(f), ", ") }

// httpName is what people know an HTTP discovery by.
func httpName(h *sources.HTTPSD) string {
	address, _, _ := strings.Cut(h.URL, "?")
	return address
}

// set takes a list and reports whether it is another.
func (d *discovery) set(groups []sources.Group) bool {
	if former := d.groups.Load(); former != nil && sources.Fingerprint(*former) == sources.Fingerprint(groups) {
		return false
	}
	d.groups.Store(&groups)
	return true
}

// fileList reads files with targets.
type fileList struct {
	env      *pull.Env
	patterns []sources.Path
	groups   map[string][]sources.Group // by file: what it said when it could be read
}

func (f *fileList) read(d *discovery) (changed bool) {
	var files []string
	for _, pattern := range f.patterns {
		names, _ := filepath.Glob(string(pattern)) // the pattern was checked
		files = append(files, names...)
	}
	slices.Sort(files)
	files = slices.Compact(files)
	var all []sources.Group
	groups := map[string][]sources.Group{}
	for _, file := range files {
		list, err := readFile(file)
		if err != nil {
			list = f.groups[file]
		}
		f.env.Meter.Done(pull.Outcome{Kind: pull.KindDiscovery, Target: file, At: f.env.Now(), Err: err})
		groups[file] = list
		all = append(all, list...)
	}
	for file := range f.groups {
		if _, there := groups[file]; !there {
			f.env.Meter.Forget(pull.KindDiscovery, file)
		}
	}
	f.groups = groups
	return d.set(all)
}

// readFile reads a file of groups of targets: JSON or YAML by its ending. YAML in
// which nothing stands is an empty list, as in Prometheus: its targets are gone.
func readFile(file string) ([]sources.Group, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var groups []sources.Group
	if strings.EqualFold(filepath.Ext(file), ".json") {
		decoder := json.NewDecoder(bytes.NewReader(content))
		decoder.DisallowUnknownFields()
		err = decoder.Decode(&groups)
	} else {
		decoder := yaml.NewDecoder(bytes.NewReader(content))
		decoder.KnownFields(true)
		if err = decoder.Decode(&groups); errors.Is(err, io.EOF) {
			err = nil
		}
	}
	if err != nil {
		return nil, fmt.Errorf("expected a list of targets with labels: %w", err)
	}
	return groups, nil
}

// readHTTP asks a server for targets, in the format of Prometheus:
// https://prometheus.io/docs/prometheus/latest/http_sd/.
func (s *Scraper) readHTTP(ctx context.Context, h *sources.HTTPSD, d *discovery) (changed bool) {
	began := s.env.Now()
	groups, err := s.askHTTP(ctx, h)
	if ctx.Err() != nil {
		return false
	}
	s.env.Meter.Done(pull.Outcome{Kind: pull.KindDiscovery, Target: httpName(h), At: began, Duration: s.env.Now().Sub(began), Err: err})
	return err == nil && d.set(groups)
}

const (
	discoveryTimeout = 30 * time.Second
	discoveryMaxBody = 16 << 20
)

func (s *Scraper) askHTTP(ctx context.Context, h *sources.HTTPSD) ([]sources.Group, error) {
	ctx, cancel := context.WithTimeout(ctx, discoveryTimeout)
	defer cancel()
	env := *s.env
	env.MaxBody = discoveryMaxBody
	answer, err := env.Get(ctx, pull.Request{URL: h.URL, Client: &h.Client, Accept: "application/json"})
	if err != nil {
		return nil, err
	}
	if answer.Status != http.StatusOK {
		return nil, fmt.Errorf("the server returned HTTP status %s", answer.Line())
	}
	if media, _, err := mime.ParseMediaType(answer.Header.Get("Content-Type")); err != nil || media != "application/json" {
		return nil, fmt.Errorf("the content type is %q: expected application/json", answer.Header.Get("Content-Type"))
	}
	var groups []sources.Group
	if err := json.Unmarshal(answer.Body, &groups); err != nil {
		return nil, errors.Join(errors.New("expected a list of targets with labels"), err)
	}
	return groups, nil
}
