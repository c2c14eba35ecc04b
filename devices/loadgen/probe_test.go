package loadgen

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// pages answers a probe's queries with the latest of its messages that the
// broker has, from the second query after it on; hidden shows nothing ever.
func pages(t *testing.T, b *broker, hidden bool) (base string, asked *atomic.Int64) {
	asked = new(atomic.Int64)
	var shown atomic.Pointer[string]
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.URL.String() != "/tasks/loadgen-probe/metrics?limit=1" {
			t.Errorf("asked for %s", r.URL)
		}
		page := `{"offset":0,"limit":1,"total":0,"metrics":[]}`
		if last := shown.Load(); last != nil && !hidden {
			page = fmt.Sprintf(`{"offset":0,"limit":1,"total":9,"metrics":[%s]}`, *last)
		}
		for _, m := range b.received() {
			if m.client == "loadgen-probe" {
				text := string(m.payload)
				shown.Store(&text)
			}
		}
		fmt.Fprint(w, page)
	}))
	t.Cleanup(s.Close)
	return s.URL, asked
}

func probing(addr, base string) Config {
	return Config{
		Addr: addr, QoS: 1, Clients: 2, Window: 4, Rate: 500, ProbeURL: base + "/",
		Duration: time.Second, Warmup: 20 * time.Millisecond, Drain: 30 * time.Second,
	}
}

func TestProbesMeasureUntilAQueryShowsThem(t *testing.T) {
	b := startBroker(t, nil)
	base, asked := pages(t, b, false)
	r, err := Run(t.Context(), probing(b.addr, base), nil)
	if err != nil {
		t.Fatal(err)
	}
	numbers := map[float64]bool{}
	for _, m := range b.received() {
		if m.client != "loadgen-probe" {
			continue
		}
		var p struct {
			Task    string `json:"task_id"`
			Metrics struct {
				Number float64 `json:"memory_bytes"`
			}
		}
		if err := json.Unmarshal(m.payload, &p); err != nil || p.Task != "loadgen-probe" || m.qos != 1 {
			t.Errorf("probe %s: %v", m.payload, err)
		}
		numbers[p.Metrics.Number] = true
	}
	if r.Probes == 0 || r.Probes != uint64(len(numbers)) || r.Visible.Summary.Count != r.Probes {
		t.Errorf("%d probes, %d numbers at the broker, %d seen", r.Probes, len(numbers), r.Visible.Summary.Count)
	}
	if r.Visible.P50 <= 0 || r.Visible.Max < probePause || asked.Load() < 2 {
		t.Errorf("visible %+v after %d queries", r.Visible, asked.Load())
	}
	if r.Acknowledged != r.Sent || r.Answered+r.Probes > r.Sent {
		t.Errorf("sent %d, acknowledged %d, of the load in time %d", r.Sent, r.Acknowledged, r.Answered)
	}
}

func TestProbesThatAreNeverSeen(t *testing.T) {
	t.Parallel()
	b := startBroker(t, nil)
	base, _ := pages(t, b, true)
	c := probing(b.addr, base)
	c.Drain = 2 * time.Second // the load is answered well within it
	if _, err := Run(t.Context(), c, nil); !errors.Is(err, ErrUnseen) {
		t.Errorf("error %v", err)
	}
}

func TestProbesThatCannotAsk(t *testing.T) {
	t.Parallel()
	b := startBroker(t, nil)
	s := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(s.Close)
	c := probing(b.addr, s.URL)
	c.Drain = 2 * time.Second // the load is answered well within it
	_, err := Run(t.Context(), c, nil)
	if !errors.Is(err, ErrUnseen) || !strings.Contains(err.Error(), "404") {
		t.Errorf("error %v", err)
	}
}
