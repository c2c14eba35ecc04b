package e2e

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	paho3 "github.com/eclipse/paho.mqtt.golang"
)

func TestASecondStartGoesOnWhereTheFirstStopped(t *testing.T) {
	dir := t.TempDir()
	p := start(t, dir)
	connect3(t, p.MQTT, "c").publish("m/d/c/c/control/proplet/alive", 2, []byte(`{"status":"alive","proplet_id":"p1"}`))
	p.stop()
	p = start(t, dir)
	if acc := p.settled(1); acc.Sum.Applied != 1 {
		t.Errorf("the books say %+v", acc.Sum)
	}
	if a := p.get("/proplets/p1"); a.Status != 200 {
		t.Errorf("the proplet is gone: %d %s", a.Status, a.Body)
	}
}

func TestConnectionsOnWhichNothingWasAskedDelayNoStop(t *testing.T) {
	p := start(t, t.TempDir())
	for _, addr := range []string{p.MQTT, p.Internal, p.External, p.Intake} {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	p.stop()
}

func TestASecondProcessOnADataDirectoryIsRefused(t *testing.T) {
	dir := t.TempDir()
	start(t, dir)
	second := launch(t, nil, "--data-dir", dir, "--mqtt-addr", "127.0.0.1:0", "--internal-addr", "127.0.0.1:0", "--external-addr", "127.0.0.1:0", "--intake-addr", "127.0.0.1:0")
	<-second.done
	if second.waitErr == nil || !strings.Contains(second.log.String(), dir) {
		t.Errorf("ended with %v and said\n%s", second.waitErr, second.log)
	}
	for _, args := range [][]string{{"rebuild", "--data-dir", dir}, {"verify", "--data-dir", dir}} {
		if out, err := tool(t, args...); err == nil || !strings.Contains(out, dir) {
			t.Errorf("%v on a directory in use: %v\n%s", args, err, out)
		}
	}
}

func TestAnAggregatorAheadOfItsJournalStopsAndSaysWhatToDo(t *testing.T) {
	dir := t.TempDir()
	p := start(t, dir)
	connect3(t, p.MQTT, "c").publish("m/d/c/c/control/proplet/alive", 1, []byte(`{"status":"alive","proplet_id":"p1"}`))
	p.settled(1)
	p.stop()
	if err := os.RemoveAll(filepath.Join(dir, "journal")); err != nil {
		t.Fatal(err)
	}
	p = launch(t, nil, "--data-dir", dir, "--mqtt-addr", "127.0.0.1:0", "--internal-addr", "127.0.0.1:0", "--external-addr", "127.0.0.1:0", "--intake-addr", "127.0.0.1:0")
	<-p.done
	if p.waitErr == nil || !strings.Contains(p.log.String(), "the journal ends before the store") || strings.Contains(p.log.String(), "serves") {
		t.Errorf("ended with %v and said\n%s", p.waitErr, p.log)
	}
}

func TestAStoreBesideAnotherJournalIsRefusedUntilItIsRebuilt(t *testing.T) {
	// The state of one run beside the journal of another that is as long.
	dirs := [2]string{t.TempDir(), t.TempDir()}
	for i, dir := range dirs {
		p := start(t, dir)
		connect3(t, p.MQTT, "c").publish("m/d/c/c/control/proplet/alive", 1, []byte(`{"status":"alive","proplet_id":"p`+string(rune('a'+i))+`"}`))
		p.settled(1)
		p.stop()
	}
	if out, err := tool(t, "verify", "--data-dir", dirs[0]); err != nil {
		t.Fatalf("verify of an untouched directory: %v\n%s", err, out)
	}
	if err := os.RemoveAll(filepath.Join(dirs[0], "state")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dirs[1], "state"), filepath.Join(dirs[0], "state")); err != nil {
		t.Fatal(err)
	}
	out, err := tool(t, "verify", "--data-dir", dirs[0])
	if err == nil || !strings.Contains(out, "the journal is not the one that the store was folded from") {
		t.Errorf("verify says %v\n%s", err, out)
	}
	if out, err := tool(t, "rebuild", "--data-dir", dirs[0]); err != nil {
		t.Fatalf("rebuild: %v\n%s", err, out)
	}
	if out, err := tool(t, "verify", "--data-dir", dirs[0]); err != nil {
		t.Errorf("verify after the rebuild: %v\n%s", err, out)
	}
}

func TestAWillMarksAPropletOfflineAndAHeartbeatBringsItBack(t *testing.T) {
	p := start(t, t.TempDir())
	const topic = "m/d/c/c/control/proplet/alive"
	heartbeat := []byte(`{"status":"alive","proplet_id":"p1"}`)
	aliveIs := func(want bool) {
		t.Helper()
		eventually(t, fmt.Sprintf("alive is %v", want), func() error {
			var view struct{ Alive bool }
			p.getJSON("/proplets/p1", &view)
			if view.Alive != want {
				return errors.New("it is not")
			}
			return nil
		})
	}
	var conn net.Conn
	c := connect3(t, p.MQTT, "entity-1", func(o *paho3.ClientOptions) {
		o.SetWill(topic, `{"status":"offline","proplet_id":"p1"}`, 0, false).SetAutoReconnect(false)
		o.SetCustomOpenConnectionFn(func(u *url.URL, _ paho3.ClientOptions) (c net.Conn, err error) {
			conn, err = net.Dial("tcp", u.Host)
			return conn, err
		})
	})
	c.publish(topic, 1, heartbeat)
	p.settled(1)
	aliveIs(true)
	conn.Close() // the cable is pulled: no DISCONNECT
	p.settled(2)
	aliveIs(false)
	c = connect3(t, p.MQTT, "entity-1")
	c.publish(topic, 1, heartbeat)
	p.settled(3)
	aliveIs(true)
	c.Disconnect(100)
	aliveIs(false) // it said good-bye
}

func TestADeadLetterIsListedAndReplayed(t *testing.T) {
	p := start(t, t.TempDir())
	c := connect5(t, p.MQTT, "sensor-1")
	r, err := c.send("spore/factory/line1/n1/resources", 1, []byte(`{"hostname": oops}`))
	if err == nil || r == nil || r.ReasonCode != 0x99 {
		t.Errorf("the broker answers %+v, %v", r, err)
	}
	connect3(t, p.MQTT, "sensor-2").publish("spore/factory//n1/resources", 1, []byte("\xff\xfe"))
	p.settled(2)
	var page struct {
		Total       int
		Deadletters []struct {
			Seq                                                                 uint64
			Time, Reason, Detail, Service, Subservice, Topic, Payload, Encoding string
			ClientID                                                            string `json:"client_id"`
		}
	}
	p.getJSON("/api/deadletters", &page)
	if page.Total != 2 || len(page.Deadletters) != 2 {
		t.Fatalf("got %+v", page)
	}
	newest, oldest := page.Deadletters[0], page.Deadletters[1]
	if newest.Seq != 2 || newest.Reason != "bad_topic" || newest.Service != "" || newest.ClientID != "sensor-2" || newest.Encoding != "base64" || newest.Payload != "//4=" {
		t.Errorf("the newest is %+v", newest)
	}
	if oldest.Seq != 1 || oldest.Reason != "not_json" || oldest.Service != "factory" || oldest.Subservice != "line1" || oldest.Payload != `{"hostname": oops}` || !strings.Contains(oldest.Detail, "byte") {
		t.Errorf("the oldest is %+v", oldest)
	}
	if a := request(t, "POST", p.External, "/api/deadletters/1/replay"); a.Status < 400 {
		t.Errorf("the external listener replays: %d", a.Status)
	}
	if a := request(t, "POST", p.Internal, "/api/deadletters/1/replay"); a.Status != 200 || !strings.Contains(string(a.Body), "not_json") {
		t.Errorf("replay answers %d %s", a.Status, a.Body)
	}
	if acc := p.settled(3); acc.Sum.Rejected != 3 {
		t.Errorf("the books say %+v", acc.Sum)
	}
	for _, tt := range []struct {
		args []string
		ok   bool
	}{
		{[]string{"deadletters", "list"}, true},
		{[]string{"deadletters", "show", "1"}, true},
		{[]string{"deadletters", "replay", "1"}, false}, // it is rejected again
	} {
		out, err := tool(t, append(tt.args, "--internal-addr", p.Internal)...)
		if (err == nil) != tt.ok || !strings.Contains(out, "not_json") {
			t.Errorf("%v: %v\n%s", tt.args, err, out)
		}
	}
}
