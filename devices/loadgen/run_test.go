package loadgen

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"

	"weir/devices/internal/wire"
)

func TestRunSendsEachEventOnce(t *testing.T) {
	for _, version := range []byte{4, 5} {
		for qos := range byte(3) {
			for _, rate := range []float64{0, 20_000} {
				t.Run(fmt.Sprintf("version %d, QoS %d, rate %v", version, qos, rate), func(t *testing.T) {
					b := startBroker(t, nil)
					var last Progress
					result, err := Run(t.Context(), Config{
						Addr: b.addr, Version: version, QoS: qos, Rate: rate,
						Clients: 7, Window: 10, Events: 2003, Sources: 20,
					}, func(p Progress) { last = p })
					if err != nil {
						t.Fatal(err)
					}
					if result.Sent != 2003 || result.Acknowledged != 2003 || result.Rejected != 0 || result.Unsent != 0 {
						t.Errorf("result %+v", result)
					}
					if last.Sent != 2003 || last.Acknowledged != 2003 || last.Elapsed <= 0 {
						t.Errorf("last progress %+v", last)
					}
					checkMeasures(t, result, rate)
					checkMessages(t, b.received(), qos)
				})
			}
		}
	}
}

func checkMeasures(t *testing.T, r Result, rate float64) {
	t.Helper()
	l := r.Latency
	if l.Summary.Count != 2003 || r.Answered != 2003 || r.Rate <= 0 || r.Bytes < 2003*uint64(r.Payload) {
		t.Errorf("measured %d latencies, %d answers, rate %v, %d bytes", l.Summary.Count, r.Answered, r.Rate, r.Bytes)
	}
	if !(0 < l.P50 && l.P50 <= l.P90 && l.P90 <= l.P99 && l.P99 <= l.P999 && l.P999 <= l.Max) {
		t.Errorf("latencies do not ascend: %v %v %v %v %v", l.P50, l.P90, l.P99, l.P999, l.Max)
	}
	if open := rate > 0; open != (r.Lateness.Summary.Count == 2003) {
		t.Errorf("%d latenesses", r.Lateness.Summary.Count)
	}
	if least := 2002 / rate; rate > 0 && r.Elapsed.Seconds() < least {
		t.Errorf("took %v, less than the rate allows", r.Elapsed)
	}
}

func checkMessages(t *testing.T, messages []message, qos byte) {
	t.Helper()
	if len(messages) != 2003 {
		t.Fatalf("the broker got %d messages", len(messages))
	}
	clients, payloads, tasks := map[string]int{}, map[string]bool{}, map[string]bool{}
	for _, m := range messages {
		var p struct {
			Task string `json:"task_id"`
		}
		if err := json.Unmarshal(m.payload, &p); err != nil {
			t.Fatal(err)
		}
		if m.topic != "m/bench/c/load/control/proplet/task_metrics" || m.qos != qos || m.dup {
			t.Fatalf("message %+v", m)
		}
		clients[m.client]++
		payloads[string(m.payload)] = true
		tasks[p.Task] = true
	}
	if len(clients) != 7 || clients["loadgen-0"] != 287 || clients["loadgen-6"] != 286 {
		t.Errorf("messages by client: %v", clients)
	}
	if len(payloads) != 2003 || len(tasks) != 20 {
		t.Errorf("%d distinct payloads of %d tasks", len(payloads), len(tasks))
	}
}

// What is due while a run lasts is exact; what of it is sent and answered in time
// depends on the machine.
func TestRunByTime(t *testing.T) {
	tests := []struct {
		name   string
		config Config
		due    uint64 // 0: as many as there is time for
		warm   uint64 // of these, due in the warm-up
	}{
		{"closed loop", Config{QoS: 1, Window: 4}, 0, 0},
		{"open loop sends what is due", Config{QoS: 1, Rate: 1000}, 300, 20},
		{"whichever end comes first", Config{QoS: 1, Rate: 1000, Events: 50}, 50, 20},
		{"at QoS 0", Config{Rate: 1000}, 300, 20},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := startSink(t)
			c := tt.config
			c.Addr, c.Clients, c.Duration, c.Warmup = s.addr(), 3, 300*time.Millisecond, 20*time.Millisecond
			r, err := Run(t.Context(), c, nil)
			if err != nil {
				t.Fatal(err)
			}
			if r.Acknowledged != r.Sent || r.Sent == 0 || tt.due > 0 && r.Sent+r.Unsent != tt.due || tt.due == 0 && r.Unsent > 0 {
				t.Errorf("sent %d, acknowledged %d, unsent %d", r.Sent, r.Acknowledged, r.Unsent)
			}
			if r.Answered > r.Sent || r.Latency.Summary.Count+min(tt.warm, r.Sent) != r.Sent && tt.due > 0 {
				t.Errorf("the warm-up counts: %d of %d answers, %d latencies", r.Answered, r.Sent, r.Latency.Summary.Count)
			}
		})
	}
}

// An event counts as answered, and its latency, from the end of the warm-up on, and
// as answered until the end.
func TestWhatIsMeasured(t *testing.T) {
	const warmup, end = 20, 300
	for _, tt := range []struct {
		name                string
		at, now             int64
		answered, latencies uint64
	}{
		{"all of it in the warm-up", 5, 19, 0, 0},
		{"answered after the warm-up", 5, 20, 1, 0},
		{"sent after it", 20, 30, 1, 1},
		{"answered at the end", 20, 300, 1, 1},
		{"answered after the end", 20, 301, 0, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			config, err := Config{Addr: "-", Events: 1, Window: 1}.complete()
			if err != nil {
				t.Fatal(err)
			}
			c := newClient(nil, &config, 0, &clock{warmup: warmup, end: end})
			c.publish(tt.at, tt.at)
			c.settle(1, false, tt.now)
			if got := c.latency.summary().Count; c.answered != tt.answered || got != tt.latencies || c.acknowledged != 1 {
				t.Errorf("%d answers and %d latencies, want %d and %d", c.answered, got, tt.answered, tt.latencies)
			}
		})
	}
}

func TestRunCountsRefusals(t *testing.T) {
	refuse := func(payload []byte) error {
		if !json.Valid(payload) {
			return packets.ErrPayloadFormatInvalid
		}
		return nil
	}
	tests := []struct {
		name               string
		version            byte
		accepted, rejected uint64
	}{
		{"MQTT 3.1.1 has no negative acknowledgement", 4, 1000, 0},
		{"MQTT 5 has", 5, 900, 100},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := startBroker(t, refuse)
			r, err := Run(t.Context(), Config{Addr: b.addr, Version: tt.version, QoS: 1, Clients: 2, Events: 1000, MalformedEvery: 10}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if r.Acknowledged != tt.accepted || r.Rejected != tt.rejected {
				t.Errorf("acknowledged %d, rejected %d", r.Acknowledged, r.Rejected)
			}
			malformed := 0
			for _, m := range b.received() {
				if !json.Valid(m.payload) {
					malformed++
				}
			}
			if malformed != 100 {
				t.Errorf("%d messages were malformed", malformed)
			}
		})
	}
}

// scripted starts a server of one connection that answers CONNECT with connack
// and then does as it likes, until the channel is closed at the latest.
func scripted(t *testing.T, connack []byte, then func(net.Conn, <-chan struct{})) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done, end := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		w := wire.New(conn, readBuffer)
		if _, err := w.Next(); err != nil {
			return
		}
		if _, err := conn.Write(connack); err == nil {
			then(conn, end)
		}
	}()
	t.Cleanup(func() { l.Close(); close(end); <-done })
	return l.Addr().String()
}

func TestRunFails(t *testing.T) {
	accept := []byte{0x20, 2, 0, 0}
	leave := func(net.Conn, <-chan struct{}) {}
	swallow := func(c net.Conn, _ <-chan struct{}) { io.Copy(io.Discard, c) }
	block := func(_ net.Conn, end <-chan struct{}) { <-end }
	say := func(b ...byte) func(net.Conn, <-chan struct{}) {
		return func(c net.Conn, _ <-chan struct{}) {
			c.Read(make([]byte, 100)) // what it speaks of has been sent
			c.Write(b)
			io.Copy(io.Discard, c)
		}
	}
	goodBye := []byte{0xe0, 1, 0x8b}
	tests := []struct {
		name    string
		config  Config
		connack []byte
		then    func(net.Conn, <-chan struct{})
		want    error
		text    string
	}{
		{"the server refuses the client", Config{}, []byte{0x20, 2, 0, 5}, swallow, ErrRefused, "code 0x05"},
		{"the server refuses with a reason", Config{Version: 5}, []byte{0x20, 9, 0, 0x86, 6, 0x1f, 0, 3, 'b', 'a', 'd'}, swallow, ErrRefused, "code 0x86 bad"},
		{"the server takes fewer in flight", Config{Version: 5, QoS: 1}, []byte{0x20, 6, 0, 0, 3, 0x21, 0, 10}, swallow, ErrRefused, "10 events in flight"},
		{"the server takes no QoS 2", Config{Version: 5, QoS: 2}, []byte{0x20, 5, 0, 0, 2, 0x24, 1}, swallow, ErrRefused, "QoS 1 at most"},
		{"the connection ends", Config{QoS: 1}, accept, leave, ErrBroken, "client loadgen-0"},
		{"the server says good-bye", Config{QoS: 1}, accept, say(goodBye...), ErrBroken, "DISCONNECT, reason code 0x8b"},
		{"the server says good-bye at once", Config{QoS: 1}, append(accept[:4:4], goodBye...), swallow, ErrBroken, "DISCONNECT, reason code 0x8b"},
		{"the server acknowledges what was not sent", Config{QoS: 1}, accept, say(0x40, 2, 0, 65), ErrBroken, "packet id 65, which is not in flight"},
		{"the server acknowledges by the wrong packet", Config{QoS: 1}, accept, say(0x70, 2, 0, 1), ErrBroken, "unexpected PUBCOMP for packet id 1"},
		{"the server sends half an acknowledgement", Config{QoS: 1}, accept, say(0x40, 1, 0), ErrBroken, "malformed packet"},
		{"the server sends no MQTT", Config{QoS: 1}, accept, say(0x40, 255, 255, 255, 255, 255), ErrBroken, "malformed packet"},
		{"the server publishes to us", Config{QoS: 1}, accept, say(0x30, 3, 0, 1, 'a'), ErrBroken, "unexpected PUBLISH"},
		{"the server answers a ping that was not sent", Config{QoS: 1}, accept, say(0xd0, 0), ErrBroken, "unexpected PINGRESP"},
		{"the server never answers", Config{QoS: 1, Duration: time.Millisecond, Drain: time.Millisecond}, accept, swallow, ErrUnanswered, "1ms after the end"},
		{"nobody reads what is sent", Config{QoS: 1, Window: MaxWindow, Duration: time.Millisecond, Drain: time.Millisecond}, accept, block, ErrUnanswered, "1ms after the end"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := tt.config
			c.Addr = scripted(t, tt.connack, tt.then)
			if c.Duration == 0 {
				c.Events = 1000
			}
			_, err := Run(t.Context(), c, nil)
			if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("error %v, want %v with %q", err, tt.want, tt.text)
			}
		})
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	s := startSink(t)
	ctx, cancel := context.WithCancel(t.Context())
	config := Config{Addr: s.addr(), Clients: 3, QoS: 1, Duration: time.Hour}
	r, err := Run(ctx, config, func(p Progress) {
		if p.Acknowledged > 0 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) || r.Acknowledged == 0 || r.Acknowledged > r.Sent {
		t.Errorf("acknowledged %d of %d, error %v", r.Acknowledged, r.Sent, err)
	}
	if _, err := Run(ctx, config, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("a run whose context has ended before: error %v", err)
	}
}

// TestOpenLoopLatencyCountsFromTheSchedule has the server stall: what was due
// meanwhile must show the stall, although it could not be sent.
func TestOpenLoopLatencyCountsFromTheSchedule(t *testing.T) {
	const stall = 200 * time.Millisecond
	addr := scripted(t, []byte{0x20, 2, 0, 0}, func(c net.Conn, _ <-chan struct{}) {
		w := wire.New(c, readBuffer)
		p, err := w.Next() // from here on the run lasts, however late it began
		if err != nil {
			t.Error(err)
			return
		}
		<-time.After(stall)
		if _, err := c.Write(answer(nil, p)); err != nil {
			t.Error(err)
			return
		}
		serveSink(c)
	})
	r, err := Run(t.Context(), Config{Addr: addr, QoS: 1, Window: 1, Rate: 1000, Events: 300}, nil)
	if err != nil {
		t.Fatal(err)
	}
	// 200 events were due in the stall, and waited 100 ms on average.
	if r.Latency.Max < stall-20*time.Millisecond || r.Latency.P50 < 10*time.Millisecond {
		t.Errorf("latency p50 %v, max %v", r.Latency.P50, r.Latency.Max)
	}
	if r.Lateness.Max < stall/2 {
		t.Errorf("lateness max %v", r.Lateness.Max)
	}
}

// TestOpenLoopSaysWhatItCouldNotSend has a server that answers nothing.
func TestOpenLoopSaysWhatItCouldNotSend(t *testing.T) {
	addr := scripted(t, []byte{0x20, 2, 0, 0}, func(_ net.Conn, end <-chan struct{}) { <-end })
	r, err := Run(t.Context(), Config{
		Addr: addr, QoS: 1, Window: 10, Rate: 1000, Duration: 50 * time.Millisecond, Drain: time.Millisecond,
	}, nil)
	if !errors.Is(err, ErrUnanswered) {
		t.Errorf("error %v", err)
	}
	if r.Sent != 10 || r.Acknowledged != 0 || r.Unsent != 40 {
		t.Errorf("sent %d, acknowledged %d, unsent %d", r.Sent, r.Acknowledged, r.Unsent)
	}
}
