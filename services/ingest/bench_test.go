package ingest_test

import (
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"

	"weir/services/ingest/internal/broker/mqtttest"
)

const (
	benchClients = 50
	benchWindow  = 64 // messages a client has in flight
)

const taskMetrics = `{"task_id":"6f0c2d3e-0000-4000-8000-000000000001","proplet_id":"b1a2","metrics":{"cpu_percent":12.25,"memory_bytes":7340032,"memory_percent":0.4,"disk_read_bytes":4096,"disk_write_bytes":0,"network_rx_bytes":10,"network_tx_bytes":20,"uptime_seconds":7,"thread_count":3,"file_descriptor_count":11,"timestamp":"2026-01-02T03:04:05.000006789Z"}}`

// BenchmarkPublishQoS1 measures the whole way of a message: PUBLISH, a frame in
// the embedded journal, its sync, PUBACK. The clients run in the same process
// and do next to nothing.
func BenchmarkPublishQoS1(b *testing.B) {
	nc, _ := run(b, b.TempDir())
	app := start(b, nc)
	clients := make([]*mqtttest.Client, benchClients)
	for i := range clients {
		clients[i], _ = mqtttest.Connect(b, app.MQTTAddr(), 4, fmt.Sprintf("client-%d", i))
	}
	var done sync.WaitGroup
	b.ResetTimer()
	start := time.Now()
	for i, c := range clients {
		n := b.N / benchClients
		if i < b.N%benchClients {
			n++
		}
		done.Go(func() { pump(b, c, n) })
	}
	done.Wait()
	b.ReportMetric(float64(b.N)/time.Since(start).Seconds(), "events/s")
	b.StopTimer()
}

// pump publishes n messages and keeps benchWindow of them in flight.
func pump(b *testing.B, c *mqtttest.Client, n int) {
	var window [][]byte
	for id := range uint16(benchWindow) {
		window = append(window, c.Encode(mqtttest.Publish(1, id+1, "m/d/c/c/control/proplet/task_metrics", taskMetrics)))
	}
	sent, acked, ack := 0, 0, make([]byte, 4*benchWindow)
	var bufs net.Buffers
	for acked < n {
		bufs = bufs[:0]
		for sent < n && sent-acked < benchWindow {
			bufs = append(bufs, window[sent%benchWindow])
			sent++
		}
		if _, err := bufs.WriteTo(c.Conn); err != nil {
			b.Error(err)
			return
		}
		got, err := io.ReadAtLeast(c.Conn, ack, 4)
		if err != nil {
			b.Error(err)
			return
		}
		for got%4 != 0 {
			more, err := c.Conn.Read(ack[got:])
			if err != nil {
				b.Error(err)
				return
			}
			got += more
		}
		for at := 0; at < got; at += 4 {
			if ack[at] != packets.Puback<<4 {
				b.Errorf("got %x", ack[at:at+4])
				return
			}
			acked++
		}
	}
}
