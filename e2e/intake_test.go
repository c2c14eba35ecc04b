package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/s2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/push"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"
)

// tryPush sends a request with a body and headers, "Name: value".
func tryPush(method, addr, path, body string, headers ...string) (answer, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, "http://"+addr+path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, b}, err
}

// push pushes to the internal listener, which must answer with a status.
func (p *process) push(code int, method, path, body string, headers ...string) answer {
	p.t.Helper()
	a, err := tryPush(method, p.Internal, path, body, headers...)
	if err != nil || a.Status != code {
		p.t.Fatalf("%s %s: %d %s, %v, want %d", method, path, a.Status, a.Body, err, code)
	}
	return a
}

// seriesNow returns the value of each series of an expression now, by all labels but
// the name.
func (p *process) seriesNow(expression string) map[string]string {
	p.t.Helper()
	var answer struct {
		Data struct {
			Result []struct {
				Metric map[string]string
				Value  [2]any
			}
		}
	}
	p.getJSON("/api/v1/query?query="+url.QueryEscape(expression), &answer)
	values := map[string]string{}
	for _, r := range answer.Data.Result {
		var labels []string
		for name, value := range r.Metric {
			if name != "__name__" {
				labels = append(labels, name+"="+value)
			}
		}
		slices.Sort(labels)
		values[strings.Join(labels, " ")] = fmt.Sprint(r.Value[1])
	}
	return values
}

func (p *process) expectSeries(expression string, want map[string]string) {
	p.t.Helper()
	if diff := cmp.Diff(want, p.seriesNow(expression)); diff != "" {
		p.t.Errorf("%s (-want +got):\n%s", expression, diff)
	}
}

const inJSON = "Content-Type: application/json"

func TestNotificationsOfAContextBroker(t *testing.T) {
	p := start(t, t.TempDir())
	line1 := []string{inJSON, "Fiware-Service: Factory", "Fiware-ServicePath: /line1", "Fiware-Correlator: c-1"}
	room := `{"subscriptionId":"65a0","data":[{"id":"sensor:7","type":"Room","temperature":{"type":"Number","value":31.5,"metadata":{"unit":{"type":"Text","value":"C"}}},"open":{"type":"Boolean","value":true},"name":{"type":"Text","value":"lab"}}]}`
	a := p.push(200, "POST", "/notices", room, line1...)
	if string(a.Body) != `{"error":null,"data":[{"code":200,"body":"stored"}]}` || a.Header.Get("Fiware-Correlator") != "c-1" {
		t.Errorf("answered %s, correlator %q", a.Body, a.Header.Get("Fiware-Correlator"))
	}
	p.push(500, "POST", "/notices", `{"data":`, line1...)
	p.push(400, "POST", "/notices", `{}`, line1...)
	p.push(400, "POST", "/notices", room, inJSON, "Fiware-Service: a-b")
	p.push(200, "POST", "/notices", `{"data":[{"id":"a","x":1},{"id":"b","x":2}]}`, inJSON, "Fiware-Service: factory", "Fiware-ServicePath: /line2,/line3")
	if a := p.get("/check"); string(a.Body) != `{"error":null,"data":"OK"}` {
		t.Errorf("/check: %s", a.Body)
	}
	if outside := request(t, "POST", p.External, "/notices"); outside.Status != 403 {
		t.Errorf("the external listener takes notifications: %d %s", outside.Status, outside.Body)
	}

	acc := p.settled(4)
	if acc.Sum.Received != 4 || acc.Sum.Rejected != 2 {
		t.Errorf("the books: %+v", acc.Sum)
	}
	const sensor = "device=sensor:7 service=factory subservice=line1 type=Room"
	p.expectSeries("temperature", map[string]string{sensor: "31.5"})
	p.expectSeries("open", map[string]string{sensor: "1"})
	p.expectSeries("x", map[string]string{"device=a service=factory subservice=line2": "1", "device=b service=factory subservice=line3": "2"})

	var metrics struct {
		Services map[string]struct{ Subservs map[string]map[string]any }
	}
	p.getJSON("/admin/metrics", &metrics)
	got := metrics.Services["factory"].Subservs["line1"]
	want := map[string]float64{"incomingTransactions": 3, "incomingTransactionErrors": 2, "notifications": 3, "okNotifications": 1, "failedNotifications": 2,
		"incomingTransactionRequestSize": float64(len(room) + len(`{"data":`) + len(`{}`))}
	for name, n := range want {
		if got[name] != n {
			t.Errorf("%s is %v, want %v", name, got[name], n)
		}
	}
	eventually(t, "response sizes and service time are there", func() error {
		p.getJSON("/admin/metrics", &metrics)
		got := metrics.Services["factory"].Subservs["line1"]
		if size, _ := got["incomingTransactionResponseSize"].(float64); size < 100 || got["serviceTime"] == nil {
			return fmt.Errorf("%v", got)
		}
		return nil
	})

	var letters struct {
		Items []struct{ Reason, Topic string }
	}
	raw := p.get("/api/deadletters")
	if err := json.Unmarshal(raw.Body, &letters); err != nil || !strings.Contains(string(raw.Body), `"not_json"`) || !strings.Contains(string(raw.Body), "/notices?path=%2Fline1") {
		t.Errorf("dead letters: %s, %v", raw.Body, err)
	}
}

func TestAPushgatewaysClient(t *testing.T) {
	p := start(t, t.TempDir())
	done := prometheus.NewGauge(prometheus.GaugeOpts{Name: "backup_last_success", Help: "When."})
	files := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "backup_files_total", Help: "How many."}, []string{"disk"})
	done.Set(5)
	files.WithLabelValues("a").Add(7)
	gateway := func() *push.Pusher {
		return push.New("http://"+p.Internal, "backup").Grouping("instance", "db1").Client(tenantOf{"factory", "line1"})
	}
	if err := gateway().Collector(done).Collector(files).Push(); err != nil {
		t.Fatal(err)
	}
	p.settled(1)
	p.expectSeries("backup_last_success", map[string]string{"instance=db1 job=backup service=factory subservice=line1": "5"})
	p.expectSeries("backup_files_total", map[string]string{"disk=a instance=db1 job=backup service=factory subservice=line1": "7"})

	if err := gateway().Collector(files).Push(); err != nil { // without the gauge
		t.Fatal(err)
	}
	p.settled(2)
	p.expectSeries("backup_last_success", map[string]string{})
	if got := p.seriesNow("backup_files_total"); len(got) != 1 {
		t.Errorf("the counter: %v", got)
	}
	if err := gateway().Delete(); err != nil {
		t.Fatal(err)
	}
	p.settled(3)
	p.expectSeries("backup_files_total", map[string]string{})
}

// tenantOf is a client that says whose its requests are.
type tenantOf struct{ service, subservice string }

func (c tenantOf) Do(r *http.Request) (*http.Response, error) {
	r.URL.RawQuery = url.Values{"service": {c.service}, "subservice": {c.subservice}}.Encode()
	return http.DefaultClient.Do(r)
}

func TestTextAndLinesThatArePushed(t *testing.T) {
	p := start(t, t.TempDir())
	c := connect3(t, p.MQTT, "board")
	c.publish("expo/factory/line1/board-7/metrics", 1, []byte("# TYPE plant_read summary\nplant_read_count{bus=\"None\"} 0\nplant_read_total{bus=\"i2c\"} 0.75\nplant_temp inf"))
	p.push(204, "POST", "/write?service=factory&subservice=line1&precision=s", fmt.Sprintf("weather,host=roof,side=north temperature=21.5 %d\n", time.Now().Unix()))
	p.settled(2)
	p.expectSeries("plant_read_sum", map[string]string{"bus=i2c device=board-7 service=factory subservice=line1": "0.75"})
	p.expectSeries("plant_read_total", map[string]string{"bus=i2c device=board-7 service=factory subservice=line1": "0.75"})
	p.expectSeries("plant_temp", map[string]string{"device=board-7 service=factory subservice=line1": "+Inf"})
	p.expectSeries("weather_temperature", map[string]string{"device=roof service=factory side=north subservice=line1": "21.5"})
}

// pushing pushes numbered notifications one after the other, each once, until
// stop.
type pushing struct {
	entity   string
	done     chan struct{}
	tried    atomic.Uint64
	answered atomic.Uint64
	mu       sync.Mutex
	numbers  []uint64 // that were answered
}

// first is the time of the first notification; each is a millisecond later.
func startPushing(t *testing.T, entity string, first time.Time, at *whereabouts) (p *pushing, stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	p = &pushing{entity: entity, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		for n := uint64(1); ; n++ {
			addr := at.wait(ctx)
			if addr == "" {
				return
			}
			taken := first.Add(time.Duration(n) * time.Millisecond).UTC().Format("2006-01-02T15:04:05.000Z")
			body := fmt.Sprintf(`{"data":[{"id":%q,"pushed_number":%d,"TimeInstant":{"type":"DateTime","value":%q}}]}`, entity, n, taken)
			p.tried.Add(1)
			a, err := tryPush("POST", addr, "/notices", body, inJSON, "Fiware-Service: crash", "Fiware-ServicePath: /http")
			if err == nil && a.Status == 200 {
				p.mu.Lock()
				p.numbers = append(p.numbers, n)
				p.mu.Unlock()
				p.answered.Add(1)
			}
		}
	}()
	stop = func() { cancel(); <-p.done }
	t.Cleanup(stop)
	return p, stop
}

// TestEveryAnsweredPushIsCountedOnceThroughKills is the crash test of what comes
// over HTTP. A request that was not answered is not sent again: it may be stored,
// once.
func TestEveryAnsweredPushIsCountedOnceThroughKills(t *testing.T) {
	dir := t.TempDir()
	addr := nowhere()
	boot := func() *process {
		p := start(t, dir, "--checkpoint-interval", "100ms")
		addr.set(p.Internal)
		return p
	}
	p := boot()
	first := time.Now().Add(-time.Hour).Truncate(time.Second)
	var all []*pushing
	var stops []func()
	for i := range 4 {
		one, stop := startPushing(t, fmt.Sprint("pusher-", i), first, addr)
		all, stops = append(all, one), append(stops, stop)
	}
	for kill := range min(*kills, 4) {
		for i, one := range all {
			target := one.answered.Load() + 40
			eventually(t, "enough is answered for the next kill", func() error {
				if n := one.answered.Load(); n < target {
					return fmt.Errorf("kill %d, pusher %d: %d of %d", kill, i, n, target)
				}
				return nil
			})
		}
		addr.set("")
		p.kill()
		p = boot()
	}
	for _, stop := range stops {
		stop()
	}
	answered := uint64(0)
	for _, one := range all {
		answered += one.answered.Load()
	}
	acc := p.settled(answered)
	check := func() {
		t.Helper()
		for _, one := range all {
			stored := p.storedNumbers(t, one.entity, first)
			for _, n := range one.numbers {
				if !stored[n] {
					t.Errorf("%s: the number %d was answered and is not there", one.entity, n)
				}
			}
			readings, err := strconv.ParseFloat(p.seriesNow(`weir_source_readings_total{source="` + one.entity + `"}`)["device="+one.entity+" kind=device service=crash source="+one.entity+" subservice=http"], 64)
			if err != nil || readings != float64(len(stored)) || len(stored) > int(one.tried.Load()) {
				t.Errorf("%s: %v readings were counted, %d numbers are there, %d were answered, %d tried: %v", one.entity, readings, len(stored), len(one.numbers), one.tried.Load(), err)
			}
		}
	}
	check()
	t.Logf("%d answered, books: %+v", answered, acc.Sum)
	p.stop()
	if out, err := tool(t, "verify", "--data-dir", dir); err != nil {
		t.Errorf("verify: %v\n%s", err, out)
	}
	if out, err := tool(t, "rebuild", "--data-dir", dir); err != nil {
		t.Errorf("rebuild: %v\n%s", err, out)
	}
	p = boot()
	if again := p.settled(0); again.Sum != acc.Sum {
		t.Errorf("after the rebuild the books say %+v, before %+v", again.Sum, acc.Sum)
	}
	check()
}

func (p *process) storedNumbers(t *testing.T, entity string, first time.Time) map[uint64]bool {
	t.Helper()
	var answer struct {
		Data struct{ Result []struct{ Values [][2]any } }
	}
	q := url.Values{"query": {`pushed_number{device="` + entity + `"}[2h]`}, "time": {unixSeconds(first.Add(time.Hour))}}
	p.getJSON("/api/v1/query?"+q.Encode(), &answer)
	numbers := map[uint64]bool{}
	for _, r := range answer.Data.Result {
		for _, v := range r.Values {
			n, err := strconv.ParseUint(fmt.Sprint(v[1]), 10, 64)
			if err != nil || numbers[n] {
				t.Errorf("%s: %v, %v", entity, v, err)
			}
			numbers[n] = true
		}
	}
	return numbers
}

// remoteWrite returns a request of version 2 with a sample of one series now.
func remoteWrite(t *testing.T, value float64, labels ...string) string {
	t.Helper()
	w := writev2.Request{Symbols: []string{""}}
	s := writev2.TimeSeries{Samples: []writev2.Sample{{Value: value, Timestamp: time.Now().UnixMilli()}}}
	for _, text := range labels {
		w.Symbols = append(w.Symbols, text)
		s.LabelsRefs = append(s.LabelsRefs, uint32(len(w.Symbols)-1))
	}
	w.Timeseries = []writev2.TimeSeries{s}
	data, err := w.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return string(s2.EncodeSnappy(nil, data))
}

func TestARemoteWrite(t *testing.T) {
	p := start(t, t.TempDir())
	headers := []string{"Content-Encoding: snappy", "Content-Type: application/x-protobuf;proto=io.prometheus.write.v2.Request", "X-Prometheus-Remote-Write-Version: 2.0.0"}
	const path = "/api/v1/write?service=factory&subservice=line1"
	a := p.push(204, "POST", path, remoteWrite(t, 5, "__name__", "node_load1", "instance", "host:9100", "job", "node"), headers...)
	if got := a.Header.Get("X-Prometheus-Remote-Write-Samples-Written"); got != "1" {
		t.Errorf("%q samples were written", got)
	}
	p.push(400, "POST", path, "not snappy", headers...)
	p.settled(2)
	p.expectSeries("node_load1", map[string]string{"instance=host:9100 job=node service=factory subservice=line1": "5"})
	marker := math.Float64frombits(0x7ff0000000000002)
	p.push(204, "POST", path, remoteWrite(t, marker, "__name__", "node_load1", "instance", "host:9100", "job", "node"), headers...)
	p.settled(3)
	p.expectSeries("node_load1", map[string]string{}) // Prometheus said that it ends
}
