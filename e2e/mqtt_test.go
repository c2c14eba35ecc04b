package e2e

import (
	"context"
	"net/url"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/autopaho"
	paho5 "github.com/eclipse/paho.golang/paho"
	paho3 "github.com/eclipse/paho.mqtt.golang"
)

type client3 struct {
	paho3.Client
	t testing.TB
}

// connect3 connects an MQTT 3.1.1 client.
func connect3(t testing.TB, addr, id string, options ...func(*paho3.ClientOptions)) client3 {
	t.Helper()
	o := paho3.NewClientOptions().AddBroker("tcp://" + addr).SetClientID(id).SetConnectTimeout(patience)
	for _, option := range options {
		option(o)
	}
	c := client3{paho3.NewClient(o), t}
	c.await(c.Connect())
	t.Cleanup(func() { c.Disconnect(100) })
	return c
}

func (c client3) await(token paho3.Token) {
	c.t.Helper()
	if !token.WaitTimeout(patience) {
		c.t.Fatal("no answer from the broker")
	}
	if err := token.Error(); err != nil {
		c.t.Fatal(err)
	}
}

func (c client3) publish(topic string, qos byte, payload []byte) {
	c.t.Helper()
	c.await(c.Publish(topic, qos, false, payload))
}

type client5 struct {
	*autopaho.ConnectionManager
	t testing.TB
}

// connect5 connects an MQTT 5 client.
func connect5(t testing.TB, addr, id string) client5 {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cm, err := autopaho.NewConnection(context.Background(), autopaho.ClientConfig{
		ServerUrls: []*url.URL{{Scheme: "mqtt", Host: addr}},
		KeepAlive:  30, CleanStartOnInitialConnection: true,
		ClientConfig: paho5.ClientConfig{ClientID: id, PacketTimeout: patience},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = cm.Disconnect(ctx)
	})
	if err := cm.AwaitConnection(ctx); err != nil {
		t.Fatal(err)
	}
	return client5{cm, t}
}

// send publishes and returns the broker's reason code, string and error.
func (c client5) send(topic string, qos byte, payload []byte) (*paho5.PublishResponse, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return c.Publish(ctx, &paho5.Publish{Topic: topic, QoS: qos, Payload: payload})
}

func (c client5) publish(topic string, qos byte, payload []byte) {
	c.t.Helper()
	if r, err := c.send(topic, qos, payload); err != nil {
		c.t.Fatalf("publish on %s: %v (%+v)", topic, err, r)
	}
}
