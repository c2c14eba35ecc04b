package ingest_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/mochi-mqtt/server/v2/packets"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"weir/pkg/schema"
	"weir/services/ingest/internal/broker/mqtttest"
)

func TestTheHealthSaysHowTheIngestDoes(t *testing.T) {
	nc, _ := run(t, t.TempDir())
	app := start(t, nc)
	c, _ := mqtttest.Connect(t, app.MQTTAddr(), 4, "device")
	c.Send(mqtttest.Publish(1, 1, alive, good))
	c.Expect(packets.Puback)
	var h schema.IngestHealth
	eventually(t, "nothing waits for the journal", func() bool { // a moment after the acknowledgement
		h = schema.IngestHealth{}
		ask(t, nc, schema.IngestHealthSubject, nil, &h)
		return h.QueuedBytes == 0
	})
	if h.Broker != "running" || h.JournalError != "" || h.ClientsConnected != 1 || h.BytesReceived == 0 || h.BytesSent == 0 {
		t.Errorf("got %+v", h)
	}
}

func TestEachIngestAnswersForItself(t *testing.T) {
	nc, _ := run(t, t.TempDir())
	start(t, nc)
	start(t, nc)
	inbox := nats.NewInbox()
	answers, err := nc.SubscribeSync(inbox)
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.PublishRequest(schema.IngestHealthSubject, inbox, nil); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := answers.NextMsg(mqtttest.Patience); err != nil {
			t.Fatal(err)
		}
	}
}

// ask requests, and decodes the answer if there must be one. It returns the
// error's code otherwise.
func ask(t *testing.T, nc *nats.Conn, subject string, data []byte, into any) (code string) {
	t.Helper()
	msg, err := nc.Request(subject, data, mqtttest.Patience)
	if err != nil {
		t.Fatal(err)
	}
	if code := msg.Header.Get(micro.ErrorCodeHeader); code != "" {
		if msg.Header.Get(micro.ErrorHeader) == "" {
			t.Errorf("error %s says nothing", code)
		}
		return code
	}
	if err := json.Unmarshal(msg.Data, into); err != nil {
		t.Fatalf("answer %q: %v", msg.Data, err)
	}
	return ""
}

func deadLetter(reason schema.Reason, topic, payload string) *schema.DeadLetter {
	return &schema.DeadLetter{Seq: 7, Reason: reason, Event: schema.Event{Topic: topic, Payload: []byte(payload), Client: "device",
		Received: time.Now().Add(-100 * time.Hour).UnixNano(), PacketID: 9, QoS: 2, Dup: true}}
}

func TestADeadLetterIsPutInAgain(t *testing.T) {
	tests := []struct {
		name   string
		letter *schema.DeadLetter
		want   schema.ReplayAnswer
		code   string
	}{
		{"one that is good now is accepted", deadLetter(schema.ReasonUnknownShape, alive, good), schema.ReplayAnswer{JournalSeq: 2, Accepted: true}, ""},
		{"one that is as bad as before is rejected again, and in the journal", deadLetter(schema.ReasonNotAnObject, alive, "[]"),
			schema.ReplayAnswer{JournalSeq: 2, Reason: "not_an_object", Detail: "the payload is an array: expected a JSON object"}, ""},
		{"one that was too large is not whole any more", deadLetter(schema.ReasonTooLarge, alive, good), schema.ReplayAnswer{}, "409"},
		{"one of a topic that is not journaled has no way in", deadLetter(schema.ReasonNotJSON, "home/kitchen", good), schema.ReplayAnswer{}, "409"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			nc, _ := run(t, t.TempDir())
			mapped(t, start(t, nc))
			var got schema.ReplayAnswer
			code := ask(t, nc, schema.IngestReplaySubject, tt.letter.AppendBinary(nil), &got)
			if diff := cmp.Diff(tt.want, got); diff != "" || code != tt.code {
				t.Errorf("error %q, answer (-want +got):\n%s", code, diff)
			}
			var want []schema.Event
			if tt.code == "" {
				e := tt.letter.Event
				e.Route, e.Dup, e.QoS, e.PacketID = schema.RouteReplay, false, 0, 0
				want = append(want, e)
			}
			if diff := cmp.Diff(want, events(t, nc)); diff != "" {
				t.Errorf("the journal differs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhatIsNoDeadLetterIsABadRequest(t *testing.T) {
	nc, _ := run(t, t.TempDir())
	start(t, nc)
	whole := deadLetter(schema.ReasonNotJSON, alive, good).AppendBinary(nil)
	for name, data := range map[string][]byte{"nothing": nil, "half of one": whole[:len(whole)/2], "more than one": append(whole, 1)} {
		if code := ask(t, nc, schema.IngestReplaySubject, data, nil); code != "400" {
			t.Errorf("%s: code %q, want 400", name, code)
		}
	}
}

// A replayed event keeps its receive time; that must not count as the time it
// took to serve.
func TestAReplayHasNoServiceTime(t *testing.T) {
	nc, _ := run(t, t.TempDir())
	app := start(t, nc)
	var got schema.ReplayAnswer
	ask(t, nc, schema.IngestReplaySubject, deadLetter(schema.ReasonNotJSON, alive, good).AppendBinary(nil), &got)
	stop(t, app)
	for _, f := range frames(t, nc) {
		for _, o := range f.Operations {
			if o.ServiceTime.Count != 0 {
				t.Errorf("a service time of %s", time.Duration(o.ServiceTime.Max))
			}
		}
	}
}
