package wire_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"testing"

	"weir/devices/internal/packet"
	"weir/devices/internal/wire"
)

// reads is a connection of which each read brings one of the parts.
type reads struct {
	net.Conn
	parts [][]byte
}

func (r *reads) Read(b []byte) (int, error) {
	if len(r.parts) == 0 {
		return 0, io.EOF
	}
	n := copy(b, r.parts[0])
	if r.parts[0] = r.parts[0][n:]; len(r.parts[0]) == 0 {
		r.parts = r.parts[1:]
	}
	return n, nil
}

func publish(size int) []byte {
	b, _ := packet.AppendPublish(nil, packet.V311, packet.Publish{Topic: "t", Payload: make([]byte, size)})
	return b
}

func TestPacketsAreCutHoweverTheyCome(t *testing.T) {
	ack := packet.AppendAck(nil, packet.PUBACK, 258)
	for _, row := range []struct {
		name  string
		parts [][]byte
		want  []int // the lengths of the bodies
		end   error
	}{
		{"one at a time", [][]byte{ack, ack}, []int{2, 2}, io.ErrUnexpectedEOF},
		{"several at once", [][]byte{bytes.Repeat(ack, 4)}, []int{2, 2, 2, 2}, io.ErrUnexpectedEOF},
		{"byte by byte", [][]byte{ack[:1], ack[1:2], ack[2:3], ack[3:]}, []int{2}, io.ErrUnexpectedEOF},
		{"one and a half, then the rest", [][]byte{append(bytes.Clone(ack), ack[:2]...), ack[2:]}, []int{2, 2}, io.ErrUnexpectedEOF},
		{"longer than the buffer", [][]byte{ack, publish(1000), ack}, []int{2, 1003, 2}, io.ErrUnexpectedEOF},
		{"longer than any buffer", [][]byte{ack, publish(64 << 10)}, []int{2}, packet.ErrMalformed},
		{"cut off in the middle", [][]byte{ack, ack[:3]}, []int{2}, io.ErrUnexpectedEOF},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := wire.New(&reads{parts: row.parts}, 16)
			for i, want := range row.want {
				if p, err := w.Next(); err != nil || len(p.Body) != want {
					t.Fatalf("packet %d: %v of %d bytes, %v", i+1, p.Type, len(p.Body), err)
				}
			}
			if _, err := w.Next(); !errors.Is(err, row.end) {
				t.Errorf("it ends with %v", err)
			}
		})
	}
}

// pipe is a dialer to a server that reads CONNECT and says what it is given.
type pipe struct{ says []byte }

func (p pipe) DialContext(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	go func() {
		if _, err := wire.New(server, 16).Next(); err == nil && p.says != nil {
			server.Write(p.says)
		}
	}()
	return client, nil
}

func TestDial(t *testing.T) {
	connect := packet.Connect{Version: packet.V5, ClientID: "c", Clean: true}
	w, answer, err := wire.Dial(t.Context(), pipe{[]byte{0x20, 6, 1, 0, 3, 0x21, 0, 10}}, "", connect, 16)
	if err != nil || !answer.SessionPresent || answer.ReceiveMaximum != 10 {
		t.Fatalf("%+v, %v", answer, err)
	}
	w.Conn.Close()
	for _, row := range []struct {
		version byte
		says    []byte
		want    string
	}{
		{packet.V5, []byte{0x20, 9, 0, 0x86, 6, 0x1f, 0, 3, 'b', 'a', 'd'}, "code 0x86 bad"},
		{packet.V5, []byte{0x20, 3, 0, 0x87, 0}, "code 0x87"},
		{packet.V311, []byte{0x20, 2, 0, 5}, "code 0x05 not authorized"},
		{packet.V311, []byte{0x20, 2, 0, 9}, "code 0x09"},
	} {
		connect.Version = row.version
		if _, _, err := wire.Dial(t.Context(), pipe{row.says}, "", connect, 16); !errors.Is(err, wire.ErrRefused) || err.Error() != "the server refused the connection: "+row.want {
			t.Errorf("refused: %v, want %s", err, row.want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	dialed := make(chan error)
	go func() {
		_, _, err := wire.Dial(ctx, pipe{}, "", connect, 16)
		dialed <- err
	}()
	cancel()
	if err := <-dialed; err == nil {
		t.Error("a server that answers nothing is taken for one that accepts")
	}
}
