package broker_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"

	"weir/services/ingest/internal/broker/mqtttest"
)

const offline = `{"proplet_id":"p1","status":"offline"}`

// will gives a CONNECT a will on a topic that is journaled.
func will(pk *packets.Packet) {
	pk.Connect.WillFlag, pk.Connect.WillTopic, pk.Connect.WillPayload = true, alive, []byte(offline)
}

func TestWhatTheJournalHearsOfAClientThatGoes(t *testing.T) {
	publish := func(c *mqtttest.Client) {
		c.Send(mqtttest.Publish(1, 1, alive, good))
		c.Expect(packets.Puback)
	}
	leave, breaks := (*mqtttest.Client).Leave, (*mqtttest.Client).Break
	tests := []struct {
		name    string
		connect func(*packets.Packet)
		does    []func(*mqtttest.Client)
		want    []string
		clean   bool
	}{
		{"a connection that breaks: its will, then that it went", will, do(publish, breaks), []string{"device mqtt", "device will", "device gone"}, false},
		{"a client that says DISCONNECT: no will, and that it went cleanly", will, do(publish, leave), []string{"device mqtt", "device gone"}, true},
		{"a client without a will", clean, do(publish, breaks), []string{"device mqtt", "device gone"}, false},
		{"a will alone", will, do(breaks), []string{"device will", "device gone"}, false},
		{"a client that published nothing on our topics", clean, do(publishElsewhere, breaks), nil, false},
		{"a will on another topic", elsewhereWill, do(breaks), nil, false},
		{"a client that breaks the protocol: its will", will, do(publish, sendGarbage), []string{"device mqtt", "device will", "device gone"}, false},
		{"a client that leaves with its will", will, do(publish, leaveWithWill), []string{"device mqtt", "device will", "device gone"}, false},
		{"a will that is due with a delay, when no session is kept", delayedWill(100), do(breaks), []string{"device will", "device gone"}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			q := newQueue(t)
			q.auto = true
			b := start(t, q)
			c, _ := mqtttest.Connect(t, b.Addr(), 5, "device", tt.connect)
			for _, f := range tt.does {
				f(c)
			}
			eventually(t, "the client is gone", func() bool { return b.Stats().Clients == 0 && len(q.happened()) >= len(tt.want) })
			if diff := compare(tt.want, q.happened()); diff != "" {
				t.Errorf("the journal differs (-want +got):\n%s", diff)
			}
			for _, d := range q.disconnects() {
				if d.Client != "device" || d.Clean != tt.clean || d.At == 0 {
					t.Errorf("got %+v", d)
				}
			}
			for _, e := range q.events() {
				if e.Event.Route.String() == "will" && (string(e.Event.Payload) != offline || e.Tenant.Service != "d") {
					t.Errorf("the will is %+v of %s", e.Event, e.Tenant)
				}
			}
		})
	}
}

func do(f ...func(*mqtttest.Client)) []func(*mqtttest.Client) { return f }

func clean(*packets.Packet) {}

func publishElsewhere(c *mqtttest.Client) {
	c.Send(mqtttest.Publish(1, 1, "home/kitchen", good))
	c.Expect(packets.Puback)
}

func elsewhereWill(pk *packets.Packet) {
	will(pk)
	pk.Connect.WillTopic = "home/kitchen"
}

func delayedWill(seconds uint32) func(*packets.Packet) {
	return func(pk *packets.Packet) {
		will(pk)
		pk.Connect.WillProperties.WillDelayInterval = seconds
	}
}

func sendGarbage(c *mqtttest.Client) {
	c.SendRaw([]byte{0x36, 0})
	c.ExpectClosed()
}

func leaveWithWill(c *mqtttest.Client) {
	c.Send(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Disconnect}, ReasonCode: packets.CodeDisconnectWillMessage.Code})
	c.ExpectClosed()
}

func TestAWillThatIsDueLaterIsJournaledThen(t *testing.T) {
	t.Parallel()
	q := newQueue(t)
	q.auto = true
	c, _ := mqtttest.Connect(t, start(t, q).Addr(), 5, "device", delayedWill(1), func(pk *packets.Packet) {
		// Much later than the will: on a machine that stands still both would be due
		// at once, and the broker may forget the client first.
		pk.Properties.SessionExpiryInterval, pk.Properties.SessionExpiryIntervalFlag = 3600, true
	})
	c.Send(mqtttest.Publish(1, 1, alive, good))
	c.Expect(packets.Puback)
	c.Break()
	want := []string{"device mqtt", "device gone", "device will"}
	eventually(t, "the will comes", func() bool { return len(q.happened()) == len(want) })
	if diff := compare(want, q.happened()); diff != "" {
		t.Errorf("the journal differs (-want +got):\n%s", diff)
	}
}

// The broker looks for wills and for expired sessions once a second each, in any
// order.
func TestAWillThatIsDueWhenTheSessionEndsIsJournaledOnce(t *testing.T) {
	t.Parallel()
	q := newQueue(t)
	q.auto = true
	b := start(t, q)
	c, _ := mqtttest.Connect(t, b.Addr(), 5, "device", delayedWill(3600), persistentSession)
	c.Send(mqtttest.Publish(1, 1, alive, good))
	c.Expect(packets.Puback)
	c.Break()
	eventually(t, "the client is gone", func() bool { return len(q.happened()) == 2 && b.Stats().Clients == 0 })
	b.Expire("device")
	if diff := compare([]string{"device mqtt", "device gone", "device will"}, q.happened()); diff != "" {
		t.Errorf("the journal differs (-want +got):\n%s", diff)
	}
}

func TestAWillThatIsDueLaterIsNotJournaledWhenTheClientIsBack(t *testing.T) {
	t.Parallel()
	q := newQueue(t)
	q.auto = true
	b := start(t, q)
	const delay = time.Second
	// On a slow machine the will may be due before the client is back: then it
	// goes once more, as another client.
	for try := 0; ; try++ {
		id := fmt.Sprint("device ", try, ";")
		c, _ := mqtttest.Connect(t, b.Addr(), 5, id, delayedWill(uint32(delay.Seconds())), persistentSession)
		broken := time.Now()
		c.Break()
		eventually(t, "the client is gone", func() bool { return b.Stats().Clients == 0 })
		c, _ = mqtttest.Connect(t, b.Addr(), 5, id, persistentSession)
		if time.Since(broken) >= delay {
			c.Break()
			eventually(t, "the client is gone again", func() bool { return b.Stats().Clients == 0 })
			continue
		}
		housekeeping(t, b)
		c.ExpectNothing()
		for _, e := range q.happened() {
			if strings.HasPrefix(e, id) {
				t.Errorf("the journal has %q", e)
			}
		}
		return
	}
}

func TestATakeoverIsNoNewsForTheJournal(t *testing.T) {
	versions(t, func(t *testing.T, version byte) {
		for _, keep := range []bool{false, true} {
			q := newQueue(t)
			q.auto = true
			b := start(t, q)
			connect := func() *mqtttest.Client {
				c, ack := mqtttest.Connect(t, b.Addr(), version, "device", will, func(pk *packets.Packet) {
					if keep {
						persistentSession(pk)
					}
				})
				if want := keep && len(q.events()) > 0; ack.SessionPresent != want {
					t.Errorf("session present is %v, want %v", ack.SessionPresent, want)
				}
				return c
			}
			c := connect()
			c.Send(mqtttest.Publish(1, 1, alive, good))
			c.Expect(packets.Puback)
			for range 10 {
				next := connect()
				if version == 5 {
					expectCode(t, c, packets.Disconnect, 0, packets.ErrSessionTakenOver.Code)
				}
				c.ExpectClosed()
				c = next
			}
			if diff := compare([]string{"device mqtt"}, q.happened()); diff != "" {
				t.Errorf("the journal differs (-want +got):\n%s", diff)
			}
			c.Break() // it has published nothing, but the client has
			want := []string{"device mqtt", "device will", "device gone"}
			eventually(t, "the client is gone", func() bool { return len(q.happened()) == len(want) })
			if diff := compare(want, q.happened()); diff != "" {
				t.Errorf("the journal differs (-want +got):\n%s", diff)
			}
		}
	})
}

// Mochi's own way of ending its clients' connections can stop for ever then, though
// seldom: see listener.Close.
func TestClientsLeaveWhileTheBrokerStops(t *testing.T) {
	const rounds, clients = 10, 50
	nc := connection(t)
	for round := range rounds {
		b := startOn(t, nc, newQueue(t))
		var left sync.WaitGroup
		leave := make(chan struct{})
		for i := range clients {
			c, _ := mqtttest.Connect(t, b.Addr(), 4, fmt.Sprint("client-", round, "-", i))
			left.Go(func() {
				<-leave
				c.Break()
			})
		}
		close(leave)
		stop(t, b)
		left.Wait()
	}
}

func TestTheBrokersStopIsNoNewsForTheJournal(t *testing.T) {
	versions(t, func(t *testing.T, version byte) {
		q := newQueue(t)
		q.auto = true
		b := start(t, q)
		c, _ := mqtttest.Connect(t, b.Addr(), version, "device", will)
		c.Send(mqtttest.Publish(1, 1, alive, good))
		c.Expect(packets.Puback)
		b.StopAccepting()
		stop(t, b)
		if version == 5 {
			expectCode(t, c, packets.Disconnect, 0, packets.ErrServerShuttingDown.Code)
		}
		c.ExpectClosed()
		if diff := compare([]string{"device mqtt"}, q.happened()); diff != "" {
			t.Errorf("the journal differs (-want +got):\n%s", diff)
		}
	})
}
