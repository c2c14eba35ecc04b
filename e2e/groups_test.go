package e2e

import (
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"
)

// What a pushed group says holds until it is said otherwise, as in a Pushgateway.
func TestAPushedGroupHoldsUntilItIsReplaced(t *testing.T) {
	p := start(t, t.TempDir())
	const path, tenant = "/metrics/job/backup", "service=push subservice=root-subserv"
	p.push(200, "PUT", path, "files{disk=\"a\"} 1\nfiles{disk=\"b\"} 2\nlast 5\n")
	p.settled(1)
	if got := p.instant(`sum by (job) ({__name__=~"files|last"})`, time.Now().Add(time.Hour)); len(got) != 1 || got[0].Value.Value != "8" {
		t.Errorf("an hour later there is %v", got)
	}
	p.expectSeries("push_failure_time_seconds", map[string]string{"job=backup " + tenant: "0"})
	p.expectSeries("time() - push_time_seconds < bool 60", map[string]string{"job=backup " + tenant: "1"})

	p.push(200, "POST", path, "files{disk=\"c\"} 3\n")
	p.settled(2)
	p.expectSeries("files", map[string]string{"disk=c job=backup " + tenant: "3"})
	p.expectSeries("last", map[string]string{"job=backup " + tenant: "5"})

	p.push(400, "PUT", path, "files 1\nfiles 2\n")
	p.settled(4) // the dead letter, and when that was
	p.expectSeries("files", map[string]string{"disk=c job=backup " + tenant: "3"})
	p.expectSeries("push_failure_time_seconds > bool push_time_seconds", map[string]string{"job=backup " + tenant: "1"})

	p.push(202, "DELETE", path, "")
	p.settled(5)
	p.expectSeries(`{job="backup",__name__!~"weir_.*"}`, map[string]string{})
	for series, value := range p.seriesNow("weir_source_offline") {
		if strings.Contains(series, "backup") && value != "0" {
			t.Errorf("%s is %s", series, value)
		}
	}
}

// Senders that send the beginning of a request and no more cost others nothing, and
// a stop does not wait for them.
func TestSlowSendersHoldUpNobody(t *testing.T) {
	p := start(t, t.TempDir())
	var pushers []net.Conn
	for range 200 {
		p.sendSlowly(p.Internal, "/notices")
	}
	for range 200 {
		pushers = append(pushers, p.sendSlowly(p.Intake, "/write"))
	}
	eventually(t, "the slow bodies are there", func() error {
		if text := string(p.get("/metrics").Body); !strings.Contains(text, "\nweir_ingest_http_bodies_coming 200\n") {
			return fmt.Errorf("%.200s", text[max(strings.Index(text, "weir_ingest_http_bodies_coming "), 0):])
		}
		return nil
	})
	p.push(204, "POST", "/write", "m,host=h v=1\n")
	if a, err := tryPush("POST", p.Intake, "/notices", `{"data":[{"id":"r","x":1}]}`, inJSON); err != nil || a.Status != 200 {
		t.Errorf("%d %s, %v", a.Status, a.Body, err)
	}
	p.settled(2)
	if took := p.stopWatched(); took > 8*time.Second {
		t.Errorf("the stop took %s", took)
	}
	for _, c := range pushers {
		if text, err := io.ReadAll(c); err != nil || !strings.Contains(string(text), "weir is stopping") {
			t.Errorf("who sends slowly is told %q, %v", text, err)
		}
	}
}

// sendSlowly sends the beginning of a request.
func (p *process) sendSlowly(addr, path string) net.Conn {
	p.t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { c.Close() })
	fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: weir\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\nabc", path)
	return c
}

// stopWatched stops weir and returns how long that took, less the time in which the
// machine stood still: a ticker makes up for no ticks.
func (p *process) stopWatched() (took time.Duration) {
	p.t.Helper()
	const step = 10 * time.Millisecond
	tick := time.NewTicker(step)
	defer tick.Stop()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	for {
		select {
		case <-p.done:
			p.stop() // did it end cleanly?
			return took
		case <-tick.C:
			took += step
		}
	}
}
