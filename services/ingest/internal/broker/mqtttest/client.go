// Package mqtttest is an MQTT client that does nothing by itself: tests see
// every packet that a broker sends, in order, and send whatever they like.
package mqtttest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
)

// Patience bounds the wait for what must come, on a machine that stands still for
// seconds.
const Patience = time.Minute

// Client is a connection to a broker.
type Client struct {
	tb      testing.TB
	Conn    net.Conn
	r       *bufio.Reader
	version byte
}

// Dial connects to a broker, until the test ends. version is 4 for MQTT 3.1.1,
// or 5.
func Dial(tb testing.TB, addr string, version byte) *Client {
	tb.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { conn.Close() })
	return &Client{tb: tb, Conn: conn, r: bufio.NewReader(conn), version: version}
}

// Connect dials and says CONNECT with a clean session, and without a keepalive,
// unless change wants it otherwise. It returns the client and the CONNACK, which
// must be a success.
func Connect(tb testing.TB, addr string, version byte, id string, change ...func(*packets.Packet)) (*Client, packets.Packet) {
	tb.Helper()
	c := Dial(tb, addr, version)
	c.Send(ConnectPacket(version, id, change...))
	ack := c.Expect(packets.Connack)
	if ack.ReasonCode != 0 {
		tb.Fatalf("client %s: CONNACK has code %#x, %s", id, ack.ReasonCode, ack.Properties.ReasonString)
	}
	return c, ack
}

// ConnectPacket returns what Connect sends.
func ConnectPacket(version byte, id string, change ...func(*packets.Packet)) packets.Packet {
	pk := packets.Packet{
		FixedHeader: packets.FixedHeader{Type: packets.Connect},
		Connect:     packets.ConnectParams{ProtocolName: []byte("MQTT"), Clean: true, ClientIdentifier: id},
	}
	for _, f := range change {
		f(&pk)
	}
	pk.ProtocolVersion = version
	return pk
}

// Publish returns a PUBLISH.
func Publish(qos byte, id uint16, topic, payload string) packets.Packet {
	return packets.Packet{
		FixedHeader: packets.FixedHeader{Type: packets.Publish, Qos: qos},
		TopicName:   topic, Payload: []byte(payload), PacketID: id,
	}
}

// Dup returns a PUBLISH as it is sent again.
func Dup(pk packets.Packet) packets.Packet {
	pk.FixedHeader.Dup = true
	return pk
}

// Retain returns a PUBLISH that is to be retained.
func Retain(pk packets.Packet) packets.Packet {
	pk.FixedHeader.Retain = true
	return pk
}

// Answer returns a packet that holds little more than a packet id.
func Answer(typ byte, id uint16) packets.Packet {
	pk := packets.Packet{FixedHeader: packets.FixedHeader{Type: typ}, PacketID: id}
	if typ == packets.Pubrel {
		pk.FixedHeader.Qos = 1
	}
	return pk
}

// Encode returns a packet's bytes.
func (c *Client) Encode(pks ...packets.Packet) []byte {
	c.tb.Helper()
	var buf bytes.Buffer
	for _, pk := range pks {
		pk.ProtocolVersion = c.version
		if err := encode(&pk, &buf); err != nil {
			c.tb.Fatalf("encode a %s: %v", packets.PacketNames[pk.FixedHeader.Type], err)
		}
	}
	return buf.Bytes()
}

func encode(pk *packets.Packet, buf *bytes.Buffer) error {
	switch pk.FixedHeader.Type {
	case packets.Connect:
		return pk.ConnectEncode(buf)
	case packets.Publish:
		return pk.PublishEncode(buf)
	case packets.Puback:
		return pk.PubackEncode(buf)
	case packets.Pubrec:
		return pk.PubrecEncode(buf)
	case packets.Pubrel:
		return pk.PubrelEncode(buf)
	case packets.Pubcomp:
		return pk.PubcompEncode(buf)
	case packets.Subscribe:
		pk.FixedHeader.Qos = 1
		return pk.SubscribeEncode(buf)
	case packets.Unsubscribe:
		pk.FixedHeader.Qos = 1
		return pk.UnsubscribeEncode(buf)
	case packets.Pingreq:
		return pk.PingreqEncode(buf)
	case packets.Disconnect:
		return pk.DisconnectEncode(buf)
	}
	return errors.New("clients do not send it")
}

// Send sends packets, in one write.
func (c *Client) Send(pks ...packets.Packet) {
	c.tb.Helper()
	c.SendRaw(c.Encode(pks...))
}

// SendRaw sends bytes.
func (c *Client) SendRaw(b []byte) {
	c.tb.Helper()
	if err := c.Conn.SetWriteDeadline(time.Now().Add(Patience)); err != nil {
		c.tb.Fatal(err)
	}
	if _, err := c.Conn.Write(b); err != nil {
		c.tb.Fatalf("write: %v", err)
	}
}

// Next returns the next packet, or io.EOF once the broker has closed.
func (c *Client) Next() (packets.Packet, error) {
	if err := c.Conn.SetReadDeadline(time.Now().Add(Patience)); err != nil {
		return packets.Packet{}, err
	}
	first, err := c.r.ReadByte()
	if err != nil {
		return packets.Packet{}, closed(err)
	}
	pk := packets.Packet{ProtocolVersion: c.version}
	if err := pk.FixedHeader.Decode(first); err != nil {
		return pk, err
	}
	if pk.FixedHeader.Remaining, _, err = packets.DecodeLength(c.r); err != nil {
		return pk, closed(err)
	}
	body := make([]byte, pk.FixedHeader.Remaining)
	if _, err := io.ReadFull(c.r, body); err != nil {
		return pk, closed(err)
	}
	return pk, decode(&pk, body)
}

// closed makes io.EOF of a connection that was reset: what differs is only how
// much the broker had not read when it closed.
func closed(err error) error {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return err
	}
	return io.EOF
}

func decode(pk *packets.Packet, body []byte) error {
	switch pk.FixedHeader.Type {
	case packets.Connack:
		return pk.ConnackDecode(body)
	case packets.Publish:
		return pk.PublishDecode(body)
	case packets.Puback:
		return pk.PubackDecode(body)
	case packets.Pubrec:
		return pk.PubrecDecode(body)
	case packets.Pubrel:
		return pk.PubrelDecode(body)
	case packets.Pubcomp:
		return pk.PubcompDecode(body)
	case packets.Suback:
		return pk.SubackDecode(body)
	case packets.Unsuback:
		return pk.UnsubackDecode(body)
	case packets.Pingresp:
		return nil
	case packets.Disconnect:
		return pk.DisconnectDecode(body)
	}
	return errors.New("brokers do not send it")
}

// Expect returns the next packet, which must be of the given type.
func (c *Client) Expect(typ byte) packets.Packet {
	c.tb.Helper()
	pk, err := c.Next()
	if err != nil {
		c.tb.Fatalf("waiting for a %s: %v", packets.PacketNames[typ], err)
	}
	if pk.FixedHeader.Type != typ {
		c.tb.Fatalf("got %s, want a %s", Describe(pk), packets.PacketNames[typ])
	}
	return pk
}

// Describe says what a packet is.
func Describe(pk packets.Packet) string {
	return fmt.Sprintf("a %s (id %d, topic %q, code %#x %s)", packets.PacketNames[pk.FixedHeader.Type], pk.PacketID, pk.TopicName,
		pk.ReasonCode, pk.Properties.ReasonString)
}

// ExpectNothing checks that the broker sends nothing in answer to all that was
// sent before: its next packet answers a PINGREQ.
func (c *Client) ExpectNothing() {
	c.tb.Helper()
	c.Send(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Pingreq}})
	c.Expect(packets.Pingresp)
}

// ExpectClosed checks that the broker closes without sending anything more.
func (c *Client) ExpectClosed() {
	c.tb.Helper()
	if pk, err := c.Next(); !errors.Is(err, io.EOF) {
		c.tb.Fatalf("got %s, %v: want the connection closed", Describe(pk), err)
	}
}

// Subscribe subscribes and waits for the SUBACK, which it returns.
func (c *Client) Subscribe(filters ...packets.Subscription) packets.Packet {
	c.tb.Helper()
	c.Send(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Subscribe}, PacketID: 65535, Filters: filters})
	return c.Expect(packets.Suback)
}

// Leave says DISCONNECT and waits until the broker has closed.
func (c *Client) Leave() {
	c.tb.Helper()
	c.Send(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Disconnect}})
	c.ExpectClosed()
}

// Break closes the connection without a DISCONNECT.
func (c *Client) Break() { c.Conn.Close() }
