package e2e

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"weir/devices/loadgen"
)

// TestHistoryHasEveryAcknowledgedNumberOnceThroughKills publishes numbered
// readings while the process is killed at random moments. At the end each
// acknowledged number is in its task's history once, in the order of the
// readings' times, on the pages and in PromQL; and the journal folded anew
// gives the same answers byte for byte.
func TestHistoryHasEveryAcknowledgedNumberOnceThroughKills(t *testing.T) {
	r := rand.New(rand.NewPCG(seedOf(t), 2))
	dir := t.TempDir()
	addr := nowhere()
	boot := func() *process {
		p := start(t, dir, "--checkpoint-interval", "100ms")
		addr.set(p.MQTT)
		return p
	}
	began := time.Now()
	p := boot()
	publishers := startPublishers(t, addr.get)
	for kill := range *kills {
		target := publishers.acknowledged() + 1 + r.Uint64N(800)
		eventually(t, "enough is acknowledged for the next kill", func() error {
			if n := publishers.acknowledged(); n < target {
				return fmt.Errorf("kill %d: %d of %d", kill, n, target)
			}
			return nil
		})
		addr.set("")
		p.kill()
		p = boot()
	}
	publishers.drain(t)
	p.settled(publishers.acknowledged())
	now := time.Now()
	publishers.checkHistory(t, p, now)
	answers := publishers.answers(t, p, began, now)
	t.Logf("%d kills, %d acknowledged", *kills, publishers.acknowledged())

	p.stop()
	for _, command := range []string{"verify", "rebuild", "verify"} {
		if out, err := tool(t, command, "--data-dir", dir); err != nil {
			t.Errorf("%s: %v\n%s", command, err, out)
		}
	}
	p = boot()
	for path, want := range answers {
		if got := string(p.get(path).Body); got != want {
			t.Errorf("after the rebuild GET %s answers (-before +after):\n%s", path, cmp.Diff(want, got))
		}
	}
}

func seedOf(t *testing.T) uint64 {
	t.Helper()
	seed := *crashSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("seed %d (run again with -crash-seed %d)", seed, seed)
	return seed
}

const numberSelector = `proplet_task_uptime_seconds{task_id=%q}`

// checkHistory compares what was acknowledged with the tasks' pages, and these
// with PromQL.
func (ps publishers) checkHistory(t *testing.T, p *process, now time.Time) {
	t.Helper()
	for _, n := range ps {
		for _, report := range n.Reports() {
			readings := p.taskReadings(report.Task, 997)
			stored := map[uint64]int{}
			for i, r := range readings {
				stored[r.Metrics.Number]++
				if i > 0 && r.Timestamp.After(readings[i-1].Timestamp) {
					t.Errorf("%s: the reading of %v stands behind that of %v", report.Task, r.Timestamp, readings[i-1].Timestamp)
				}
			}
			for number, times := range stored {
				if times != 1 {
					t.Errorf("%s: number %d is on the pages %d times", report.Task, number, times)
				}
			}
			for _, number := range report.Acknowledged {
				if stored[number] == 0 {
					t.Errorf("%s: the acknowledged number %d is missing", report.Task, number)
				}
			}
			got := p.samples(fmt.Sprintf(numberSelector, report.Task), time.Hour, now)
			if diff := cmp.Diff(byMillisecond(readings), got); diff != "" {
				t.Errorf("%s: the pages and PromQL differ (-pages +PromQL):\n%s", report.Task, diff)
			}
		}
	}
}

// byMillisecond is what PromQL, which knows whole milliseconds, sees of the
// readings on pages, the newest first: of those of one millisecond the last.
func byMillisecond(readings []taskReading) []promSample {
	var samples []promSample
	for _, r := range readings {
		ms := r.Timestamp.UnixMilli()
		if n := len(samples); n == 0 || samples[n-1].MS != ms {
			samples = append(samples, promSample{ms, strconv.FormatUint(r.Metrics.Number, 10)})
		}
	}
	slices.Reverse(samples)
	return samples
}

// answers are answers by path that must not change any more.
func (ps publishers) answers(t *testing.T, p *process, from, to time.Time) map[string]string {
	t.Helper()
	paths := []string{
		rangePath("sum by (task_id) (rate(proplet_task_memory_usage_bytes[5s]))", from, to.Add(10*time.Minute), 3*time.Second),
		instantPath(`count({__name__=~"proplet_.*"})`, to),
		"/api/v1/label/task_id/values", "/api/v1/status/tsdb",
	}
	for _, n := range ps {
		for _, report := range n.Reports() {
			paths = append(paths, instantPath(fmt.Sprintf(numberSelector, report.Task)+"[1h]", to), "/tasks/"+report.Task+"/metrics?limit=1000000")
		}
	}
	answers := map[string]string{}
	for _, path := range paths {
		a := p.get(path)
		if a.Status != http.StatusOK {
			t.Errorf("GET %s: %d %s", path, a.Status, a.Body)
		}
		answers[path] = string(a.Body)
	}
	return answers
}

// TestTheOrderOfArrivalDoesNotShow publishes the same readings to one weir in
// their order, and to others shuffled and by two clients: every query over the
// past is answered alike. The readings have a gap, so that series end and begin
// again, and a node's labels change, and change back.
func TestTheOrderOfArrivalDoesNotShow(t *testing.T) {
	for _, tt := range []struct {
		name  string
		flags []string
	}{
		{"where a series' end is learned", nil},
		{"where every series ends after a minute", []string{"--stale-floor", "1m", "--stale-ceiling", "1m"}},
	} {
		t.Run(tt.name, func(t *testing.T) { checkOrder(t, tt.flags) })
	}
}

var orderQueries = []string{
	`rate(spore_node_cpu_usage_percent[1m])`, `count_over_time(spore_node_cpu_usage_percent[3m])`, `last_over_time({__name__=~"spore_node_.+"}[45s])`,
	`sum by (zone) (avg_over_time(spore_node_cpu_usage_percent[5m]))`, `max_over_time(spore_node_cpu_usage_percent[2m] offset 1m)`,
	`{__name__=~"spore_node_.+"}`, `avg by (zone) (spore_node_cpu_usage_percent)`, `absent(spore_node_cpu_usage_percent)`,
	`timestamp(spore_node_cpu_usage_percent)`, `max_over_time(spore_node_cpu_usage_percent[10m:30s])`,
	`count by (node, zone) (spore_node_cpu_usage_percent)`,
}

func checkOrder(t *testing.T, flags []string) {
	r := rand.New(rand.NewPCG(seedOf(t), 3))
	first := time.Now().Add(-4 * time.Hour).Truncate(10 * time.Second)
	var messages []loadgen.Message
	for i := range 400 {
		at := first.Add(time.Duration(i) * 10 * time.Second)
		if i >= 200 {
			at = at.Add(20 * time.Minute)
		}
		for n, zone := range []int{0, 1, 0, 1 + i/90%3} { // two at most in one: sums of more are rounded by their order
			if i%(1<<n) > 0 { // every 10 s, 20 s, 40 s, and 80 s
				continue
			}
			node := nodeReading{fmt.Sprintf("n%d", n), at, float64(r.IntN(10_000)) / 100, fmt.Sprintf(`{"zone":"z%d"}`, zone)}
			messages = append(messages, node.message("factory/line1"))
		}
	}
	last := first.Add(400*10*time.Second + 20*time.Minute)
	ask := func(lanes ...[]loadgen.Message) map[string]string {
		p := start(t, t.TempDir(), flags...)
		publishPast(t, p, lanes...)
		answers := map[string]string{}
		for _, q := range orderQueries {
			a := p.get(rangePath(q, first.Add(-time.Minute), last.Add(10*time.Minute), 7*time.Second))
			if a.Status != http.StatusOK || len(a.Body) < 1000 {
				t.Fatalf("%s: %d %s", q, a.Status, a.Body)
			}
			answers[q] = string(a.Body)
		}
		p.stop()
		return answers
	}
	inOrder := ask(messages)
	for range 2 {
		shuffled := slices.Clone(messages)
		r.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		other := ask(shuffled[:len(shuffled)/2], shuffled[len(shuffled)/2:])
		for _, q := range orderQueries {
			if inOrder[q] != other[q] {
				t.Errorf("%s (-in order +shuffled):\n%s", q, firstDifference(inOrder[q], other[q]))
			}
		}
	}
}

// firstDifference shows where two long texts part.
func firstDifference(a, b string) string {
	at := 0
	for at < min(len(a), len(b)) && a[at] == b[at] {
		at++
	}
	around := func(s string) string { return s[max(at-200, 0):min(at+200, len(s))] }
	return fmt.Sprintf("-…%s…\n+…%s…", around(a), around(b))
}

func TestASilentSourcesSeriesEnd(t *testing.T) {
	p := start(t, t.TempDir())
	tests := []struct {
		name    string
		node    string
		cadence time.Duration
		limit   time.Duration // after its last reading
	}{
		{"a quick one after the floor", "quick", 10 * time.Second, 30 * time.Second},
		{"a usual one after two and a half of its intervals", "usual", 40 * time.Second, 100 * time.Second},
		{"a slow one after the ceiling", "slow", 4 * time.Minute, 5 * time.Minute},
	}
	last := time.Now().Add(-time.Hour).Truncate(time.Second)
	var messages []loadgen.Message
	for _, tt := range tests {
		for i := range 20 {
			at := last.Add(-time.Duration(19-i) * tt.cadence)
			messages = append(messages, nodeReading{tt.node, at, float64(i), `{}`}.message("factory/line1"))
		}
	}
	publishPast(t, p, messages)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			selector := fmt.Sprintf("spore_node_cpu_usage_percent{node=%q}", tt.node)
			for _, past := range []time.Duration{0, tt.limit / 2, tt.limit - time.Second} {
				if got := p.instant(selector, last.Add(past)); len(got) != 1 || got[0].Value.Value != "19" {
					t.Errorf("%v after its last reading: %v", past, got)
				}
			}
			for _, past := range []time.Duration{tt.limit + time.Second, 10 * time.Minute, time.Hour} {
				if got := p.instant(selector, last.Add(past)); len(got) > 0 {
					t.Errorf("%v after its last reading: %v", past, got)
				}
			}
		})
	}
	// The fleet's document shows them with the time of their last reading.
	var fleet struct {
		Nodes []struct {
			Hostname  string
			Timestamp int64
			CPU       struct {
				Usage float64 `json:"usage_percent"`
			}
		}
	}
	p.getJSON("/api/monitoring/resources", &fleet)
	if len(fleet.Nodes) != len(tests) {
		t.Errorf("the fleet has %d nodes", len(fleet.Nodes))
	}
	for _, n := range fleet.Nodes {
		if n.Timestamp != last.Unix() || n.CPU.Usage != 19 {
			t.Errorf("node %+v", n)
		}
	}
}

func TestAChangedLabelBeginsAnotherSeries(t *testing.T) {
	p := start(t, t.TempDir())
	first := time.Now().Add(-time.Hour).Truncate(15 * time.Second)
	const step = 15 * time.Second
	versions := []string{"1.0.0", "1.1.0", "1.0.0"} // a rollout, and back
	var messages []loadgen.Message
	want := map[string][]promSample{}
	for i := range 30 {
		version, at := versions[i/10], first.Add(time.Duration(i)*step)
		messages = append(messages, nodeReading{"n", at, float64(i), fmt.Sprintf(`{"version":%q}`, version)}.message("factory/line1"))
		want[version] = append(want[version], promSample{at.UnixMilli(), strconv.Itoa(i)})
	}
	publishPast(t, p, messages)
	end := first.Add(29 * step)
	got := map[string][]promSample{}
	for _, s := range p.series(rangePath("spore_node_cpu_usage_percent", first, end, step)) {
		got[s.Metric["version"]] = s.Values
		delete(s.Metric, "version")
		labels := map[string]string{"__name__": "spore_node_cpu_usage_percent", "node": "n", "service": "factory", "subservice": "line1"}
		if diff := cmp.Diff(labels, s.Metric); diff != "" {
			t.Errorf("labels (-want +got):\n%s", diff)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("series by version (-want +got):\n%s", diff)
	}
	// Between two readings too there is one version only.
	for _, s := range p.series(rangePath("count(spore_node_cpu_usage_percent)", first, end, time.Second)) {
		for _, v := range s.Values {
			if v.Value != "1" {
				t.Errorf("at %d there are %s series", v.MS, v.Value)
			}
		}
	}
}

// What is older than the retention when it comes is seen until the retention's
// next turn, which comes every six hours: the test may be there when it does.
func TestReadingsOlderThanTheRetentionAreSeenUntilItsNextTurn(t *testing.T) {
	dir := t.TempDir()
	p := start(t, dir, "--retention", "24h")
	now := time.Now().Truncate(10 * time.Second)
	messages := func(from time.Time) (lane []loadgen.Message) {
		for i := range 10 {
			lane = append(lane, nodeReading{"n", from.Add(time.Duration(i) * 10 * time.Second), float64(i), `{}`}.message("factory/line1"))
		}
		return lane
	}
	old, recent := now.Add(-72*time.Hour), now.Add(-time.Hour)
	publishPast(t, p, messages(old))
	publishPast(t, p, messages(recent))
	publishPast(t, p, messages(old.Add(time.Hour)))
	check := func() {
		t.Helper()
		const selector = "spore_node_cpu_usage_percent"
		samples := p.samples(selector, 5*24*time.Hour, now)
		turned := now.Truncate(6*time.Hour) != time.Now().Truncate(6*time.Hour)
		if n := len(samples); n != 30 && !(turned && (n == 10 || n == 20)) || samples[n-10].MS != recent.UnixMilli() {
			t.Errorf("history is %v", samples)
		}
		if acc := p.settled(30); acc.Sum.Applied != 30 {
			t.Errorf("books: %+v", acc.Sum)
		}
	}
	check()
	p.stop()
	if out, err := tool(t, "verify", "--data-dir", dir); err != nil {
		t.Errorf("verify: %v\n%s", err, out)
	}
	p = start(t, dir, "--retention", "24h")
	check()
}

func TestATenantsLimitsRejectWhatWouldExceedThem(t *testing.T) {
	now := time.Now().Truncate(time.Second)
	reading := func(node string, at time.Time) loadgen.Message {
		return nodeReading{node, at, 1, `{}`}.message("factory/line1")
	}
	tests := []struct {
		name   string
		flags  []string
		reason string
	}{
		{"series", []string{"--series-limit", "13"}, "series_limit"}, // a node of these has 6
		{"sources", []string{"--source-limit", "2"}, "source_limit"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := start(t, t.TempDir(), tt.flags...)
			publishPast(t, p, []loadgen.Message{
				reading("a", now), reading("b", now), reading("c", now), // one too many
				reading("a", now.Add(time.Second)), // those that are known go on
				nodeReading{"z", now, 1, `{}`}.message("other/tenant"),
			})
			if acc := p.settled(5); acc.Sum.Applied != 4 || acc.Sum.Rejected != 1 {
				t.Errorf("books: %+v", acc.Sum)
			}
			var letters struct {
				Deadletters []struct{ Reason, Detail string } `json:"deadletters"`
			}
			p.getJSON("/api/deadletters", &letters)
			if len(letters.Deadletters) != 1 || letters.Deadletters[0].Reason != tt.reason {
				t.Errorf("dead letters: %+v", letters.Deadletters)
			}
			nodes := []string{}
			for _, s := range p.instant("spore_node_cpu_usage_percent", now.Add(2*time.Second)) {
				nodes = append(nodes, s.Metric["node"])
			}
			slices.Sort(nodes)
			if !slices.Equal(nodes, []string{"a", "b", "z"}) {
				t.Errorf("history has the nodes %v", nodes)
			}
			eventually(t, "near a limit the health is degraded", func() error { // a service that is late counts as missing
				a := p.get("/health")
				var health struct{ Status, Error string }
				if err := json.Unmarshal(a.Body, &health); err != nil {
					return err
				}
				if health.Status != "degraded" || !strings.Contains(health.Error, "a tenant's limit is near") {
					return fmt.Errorf("%d %s", a.Status, a.Body)
				}
				return nil
			})
		})
	}
}
