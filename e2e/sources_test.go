package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// board is a prometheus_express board, as testdata/express.py plays one.
type board struct {
	addr   string
	t      testing.TB
	orders io.Writer
}

func startBoard(t testing.TB, args ...string) *board {
	t.Helper()
	cmd := exec.Command("python3", append([]string{"testdata/express.py"}, args...)...)
	orders, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("the boards need python3: %v", err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	addr, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if err != nil || !ok {
		t.Fatalf("the board said %q, %v", line, err)
	}
	return &board{addr, t, orders}
}

// order gives the board a command; see express.py.
func (b *board) order(command string) {
	b.t.Helper()
	if _, err := fmt.Fprintln(b.orders, command); err != nil {
		b.t.Fatal(err)
	}
}

// soon waits until an expression has these series and values, by all labels but
// the name.
func (p *process) soon(expression string, want map[string]string) {
	p.t.Helper()
	eventually(p.t, expression, func() error {
		if diff := cmp.Diff(want, p.seriesNow(expression)); diff != "" {
			return fmt.Errorf("(-want +got)\n%s", diff)
		}
		return nil
	})
}

// beyond waits until an expression's one series is above a value.
func (p *process) beyond(expression string, least float64) {
	p.t.Helper()
	eventually(p.t, expression, func() error {
		got := p.seriesNow(expression)
		for _, text := range got {
			if v, err := strconv.ParseFloat(text, 64); err == nil && v > least && len(got) == 1 {
				return nil
			}
		}
		return fmt.Errorf("%v, expected one above %v", got, least)
	})
}

// now returns the value of an expression's one series, once there is one.
func (p *process) now(expression string) (v float64) {
	p.t.Helper()
	eventually(p.t, expression, func() (err error) {
		got := p.seriesNow(expression)
		for _, text := range got {
			v, err = strconv.ParseFloat(text, 64)
		}
		if len(got) != 1 || err != nil {
			return fmt.Errorf("%v, expected one number", got)
		}
		return nil
	})
	return v
}

// soonIs waits until the sum of an expression's series is a value.
func (p *process) soonIs(expression, want string) {
	p.t.Helper()
	p.soon("sum("+expression+")", map[string]string{"": want})
}

// none waits until an expression has no series.
func (p *process) none(expression string) {
	p.t.Helper()
	p.soon(expression, map[string]string{})
}

func TestBoardsThatAreScraped(t *testing.T) {
	a, b := startBoard(t, "--seed", "1"), startBoard(t, "--seed", "2", "--fault", "reset")
	dir := t.TempDir()
	p := start(t, dir, "--sources", write(t, "sources.yaml", fmt.Sprintf(`
scrape_configs:
  - job_name: boards
    service: plant
    subservice: hall
    scrape_interval: 200ms
    counter_tolerance: 500
    drop_none_series: true
    static_configs:
      - targets: [%q]
        labels: {zone: a}
      - targets: [%q]
        labels: {zone: b, subservice: yard}
  - job_name: strict
    service: plant
    subservice: strict
    scrape_interval: 200ms
    static_configs:
      - targets: [%[1]q]
`, a.addr, b.addr)))
	labels := func(addr, job, subservice, more, zone string) string {
		return strings.TrimSpace(fmt.Sprintf("instance=%s job=%s %sservice=plant subservice=%s %s", addr, job, more, subservice, zone))
	}
	onA, onB := labels(a.addr, "boards", "hall", "", "zone=a"), labels(b.addr, "boards", "yard", "", "zone=b")
	strict := labels(a.addr, "strict", "strict", "", "")

	p.soon("up", map[string]string{onA: "1", onB: "1", strict: "1"})
	p.soon(`plant_temp{job="boards"}`, map[string]string{
		labels(a.addr, "boards", "hall", "probe=a ", "zone=a"): "21.5", labels(b.addr, "boards", "yard", "probe=a ", "zone=b"): "21.5",
	})
	p.soon(`plant_temp{job="strict"}`, map[string]string{
		labels(a.addr, "strict", "strict", "probe=a ", ""): "21.5", labels(a.addr, "strict", "strict", "probe=None ", ""): "0",
	})
	p.soon("scrape_samples_scraped", map[string]string{onA: "5", onB: "5", strict: "8"})
	p.none("scrape_samples_dropped")
	p.beyond(`plant_read_sum{job="boards",zone="a"}`, 0)
	p.beyond(`plant_requests{zone="b"}`, 3) // although its connection is reset behind each body

	t.Log("a body that is cut off")
	b.order("fault cut")
	p.soonIs(`up{zone="b"}`, "0")
	p.none(`{__name__=~"plant_.*",zone="b"}`)
	p.soonIs(`scrape_samples_scraped{zone="b"}`, "0")
	b.order("fault none")
	p.soonIs(`up{zone="b"}`, "1")
	p.soonIs(`plant_temp{zone="b"}`, "21.5")
	for _, fault := range []string{"closed", "silence"} {
		t.Log(fault)
		b.order("fault " + fault)
		p.soonIs(`up{zone="b"}`, "0")
	}

	t.Log("values that are none")
	b.order("fault values")
	p.soonIs(`up{zone="b"}`, "1")
	p.soonIs(`scrape_samples_dropped{zone="b"}`, "2")
	p.none("plant_unset")
	for said, want := range map[string]string{"1e+22": "1e+22", "nan": "NaN", "-inf": "-Inf"} {
		b.order("set " + said)
		p.soonIs(`plant_temp{zone="b"}`, want)
	}
	b.order("set None")
	p.soonIs(`scrape_samples_dropped{zone="b"}`, "3")

	t.Log("a counter that falls by a little, and then a restart")
	const requests = `resets(plant_requests{job=%q,instance=%q}[1h])`
	tolerant, intolerant := fmt.Sprintf(requests, "boards", a.addr), fmt.Sprintf(requests, "strict", a.addr)
	a.order("dec -5000")
	p.beyond(`plant_requests{job="boards",zone="a"}`, 5000)
	p.beyond(`plant_requests{job="strict"}`, 5000)
	// A scrape that fails ends the series, and an end forgives no fall: where one
	// failed meanwhile, as on a busy machine, the counter falls once more.
	for try := 1; ; try++ {
		const gaps, scraped = `changes(up{job="boards",zone="a"}[1h])`, `sum_over_time(up{job="boards",zone="a"}[1h])`
		before, spared, fell := p.now(gaps), p.now(tolerant), p.now(intolerant)
		a.order("dec 400")
		p.beyond(intolerant, fell)
		p.beyond(scraped, p.now(scraped)+1)
		if p.now(gaps) == before {
			p.soonIs(tolerant, fmt.Sprint(spared))
			break
		}
		if try == 10 {
			t.Fatal("a scrape failed at each try")
		}
	}
	spared, fell := p.now(tolerant), p.now(intolerant)
	a.order("reboot")
	p.soonIs(`plant_boots{job="boards",zone="a"}`, "4")
	p.soonIs(tolerant, fmt.Sprint(spared+1))
	p.soonIs(intolerant, fmt.Sprint(fell+1))

	t.Log("a board that is dead")
	a.order("fault raise")
	p.soonIs(`up{zone="a"}`, "0")
	p.none(`{__name__=~"plant_.*",zone="a"}`)
	p.none(`{device!=""}`) // a target is no device
	p.stop()
	if out, err := tool(t, "verify", "--data-dir", dir); err != nil {
		t.Errorf("verify: %v\n%s", err, out)
	}
}

// exporter is a target with one gauge.
func exporter(t testing.TB, value int) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "# TYPE found gauge\nfound %d\n", value)
	}))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

// replace puts a file in the place of another in one step.
func replace(t testing.TB, path, content string) {
	t.Helper()
	next := path + ".next"
	if err := os.WriteFile(next, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, path); err != nil {
		t.Fatal(err)
	}
}

func TestTargetsThatFilesAndServersList(t *testing.T) {
	one, two := exporter(t, 1), exporter(t, 2)
	var listed atomic.Pointer[string]
	list := func(target string) {
		text := fmt.Sprintf(`[{"targets":[%q],"labels":{"by":"http"}}]`, target)
		listed.Store(&text)
	}
	list(one)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, *listed.Load())
	}))
	defer server.Close()
	dir := t.TempDir()
	targets, sources := filepath.Join(dir, "targets.json"), filepath.Join(dir, "sources.yaml")
	replace(t, targets, fmt.Sprintf(`[{"targets":[%q],"labels":{"by":"file"}}]`, one))
	config := fmt.Sprintf(`
scrape_configs:
  - job_name: by-file
    scrape_interval: 100ms
    service: plant
    subservice: hall
    file_sd_configs: [{files: [targets.json]}]
  - job_name: by-http
    scrape_interval: 100ms
    service: plant
    subservice: hall
    http_sd_configs: [{url: %s, refresh_interval: 100ms}]
`, server.URL)
	replace(t, sources, config)
	p := start(t, t.TempDir(), "--sources", sources)
	want := func(by, subservice, target string) string {
		return fmt.Sprintf("by=%s instance=%s job=by-%[1]s service=plant subservice=%[3]s", by, target, subservice)
	}
	p.soon("found", map[string]string{want("file", "hall", one): "1", want("http", "hall", one): "1"})

	replace(t, targets, fmt.Sprintf(`[{"targets":[%q],"labels":{"by":"file","subservice":"yard"}}]`, two))
	list(two)
	p.soon("found", map[string]string{want("file", "yard", two): "2", want("http", "hall", two): "2"})
	p.soon("up", map[string]string{want("file", "yard", two): "1", want("http", "hall", two): "1"})

	t.Log("a list that cannot be read, and a sources file with a fault, change nothing")
	replace(t, targets, "[{")
	replace(t, sources, "scrape_configs:\n  - job: by-file\n")
	eventually(t, "the log says what is wrong", func() error {
		for _, text := range []string{"targets.json", "scrape_configs: unknown key job"} {
			if !strings.Contains(p.log.String(), text) {
				return fmt.Errorf("%q is not in it", text)
			}
		}
		return nil
	})
	p.soon("found", map[string]string{want("file", "yard", two): "2", want("http", "hall", two): "2"})

	t.Log("a job that is gone")
	jobs := strings.Index(config, "  - job_name: by-http")
	replace(t, sources, "scrape_configs:\n"+config[jobs:])
	p.soon("found", map[string]string{want("http", "hall", two): "2"})
	p.soon("up", map[string]string{want("http", "hall", two): "1"})
}
