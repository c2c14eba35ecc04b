package broker_test

import (
	"context"
	"net"
	"testing"

	paho5 "github.com/eclipse/paho.golang/paho"
	paho3 "github.com/eclipse/paho.mqtt.golang"

	"weir/services/ingest/internal/broker/mqtttest"
)

// message is a message as a subscriber gets it.
type message struct {
	Topic, Payload string
	QoS            byte
	Retained       bool
}

// client is one of the usual client libraries.
type client interface {
	subscribe(filter string, qos byte)
	publish(topic, payload string, qos byte, retain bool)
	messages() <-chan message
	leave()
}

// connect connects with the library for the version, until the test ends.
func connect(t *testing.T, addr string, version byte, id string) client {
	t.Helper()
	if version == 5 {
		return connect5(t, addr, id)
	}
	return connect3(t, addr, id)
}

type client3 struct {
	t    *testing.T
	c    paho3.Client
	came chan message
}

func connect3(t *testing.T, addr, id string) *client3 {
	t.Helper()
	c := &client3{t: t, came: make(chan message, 1000)}
	c.c = paho3.NewClient(paho3.NewClientOptions().AddBroker("tcp://" + addr).SetClientID(id).SetAutoReconnect(false).
		SetDefaultPublishHandler(func(_ paho3.Client, m paho3.Message) {
			c.came <- message{m.Topic(), string(m.Payload()), m.Qos(), m.Retained()}
		}))
	c.done("connect", c.c.Connect())
	t.Cleanup(c.leave)
	return c
}

func (c *client3) done(what string, token paho3.Token) {
	c.t.Helper()
	if !token.WaitTimeout(mqtttest.Patience) {
		c.t.Fatalf("%s: no answer in time", what)
	}
	if err := token.Error(); err != nil {
		c.t.Fatalf("%s: %v", what, err)
	}
}

func (c *client3) subscribe(filter string, qos byte) {
	c.t.Helper()
	c.done("subscribe", c.c.Subscribe(filter, qos, nil))
}

func (c *client3) publish(topic, payload string, qos byte, retain bool) {
	c.t.Helper()
	c.done("publish", c.c.Publish(topic, qos, retain, payload))
}

func (c *client3) messages() <-chan message { return c.came }
func (c *client3) leave()                   { c.c.Disconnect(100) }

type client5 struct {
	t    *testing.T
	c    *paho5.Client
	came chan message
}

func connect5(t *testing.T, addr, id string) *client5 {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	c := &client5{t: t, came: make(chan message, 1000)}
	c.c = paho5.NewClient(paho5.ClientConfig{Conn: conn, PacketTimeout: mqtttest.Patience, OnPublishReceived: []func(paho5.PublishReceived) (bool, error){
		func(p paho5.PublishReceived) (bool, error) {
			c.came <- message{p.Packet.Topic, string(p.Packet.Payload), p.Packet.QoS, p.Packet.Retain}
			return true, nil
		}}})
	ctx, cancel := context.WithTimeout(t.Context(), mqtttest.Patience)
	defer cancel()
	if _, err := c.c.Connect(ctx, &paho5.Connect{ClientID: id, CleanStart: true, KeepAlive: 30}); err != nil {
		t.Fatalf("connect: %v", err)
	}
	t.Cleanup(c.leave)
	return c
}

func (c *client5) subscribe(filter string, qos byte) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), mqtttest.Patience)
	defer cancel()
	if _, err := c.c.Subscribe(ctx, &paho5.Subscribe{Subscriptions: []paho5.SubscribeOptions{{Topic: filter, QoS: qos}}}); err != nil {
		c.t.Fatalf("subscribe: %v", err)
	}
}

func (c *client5) publish(topic, payload string, qos byte, retain bool) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), mqtttest.Patience)
	defer cancel()
	// A rejection is an error, and an answer all the same.
	if r, err := c.c.Publish(ctx, &paho5.Publish{Topic: topic, Payload: []byte(payload), QoS: qos, Retain: retain}); err != nil && r == nil {
		c.t.Fatalf("publish: %v", err)
	}
}

func (c *client5) messages() <-chan message { return c.came }
func (c *client5) leave()                   { _ = c.c.Disconnect(&paho5.Disconnect{}); <-c.c.Done() }
