package loadgen

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/klauspost/compress/s2"
)

// seriesOfInstance is how many series an instance has that is written remotely. A
// request has so many of each of several instances.
const seriesOfInstance = 50

// bodies makes the requests of a run. It is safe for concurrent use.
type bodies struct {
	config  *HTTPConfig
	headers string
	size    int // of the first request's body, bytes
	append  func(b []byte, n uint64, now time.Time) []byte
	writes  [][]byte // remote write: messages in which values and times are still to be set
	patches [][]int  // where they stand: the value's eight bytes, then the time's six behind a tag
}

func newBodies(c *HTTPConfig) *bodies {
	b := &bodies{config: c}
	switch c.Kind {
	case Notices:
		b.append = b.notice
		b.headers = fmt.Sprintf("Content-Type: application/json\r\nFiware-Service: %s\r\nFiware-ServicePath: /%s\r\n", c.Service, c.Subservice)
	case Exposition:
		b.append = b.exposition
		b.headers = "Content-Type: text/plain; version=0.0.4\r\n"
	case RemoteWrite:
		b.append = b.remoteWrite
		b.headers = "Content-Type: application/x-protobuf\r\nContent-Encoding: snappy\r\nX-Prometheus-Remote-Write-Version: 0.1.0\r\n"
		b.makeWrites()
	}
	b.size = len(b.append(nil, 0, time.Now()))
	return b
}

func (b *bodies) source(n uint64) int { return int(n % uint64(b.config.Sources)) }

// appendPath appends the n-th request's path.
func (b *bodies) appendPath(to []byte, n uint64) []byte {
	tenant := "?service=" + b.config.Service + "&subservice=" + b.config.Subservice
	switch b.config.Kind {
	case Notices:
		return append(to, "/notices"...)
	case Exposition:
		return fmt.Appendf(to, "/metrics/job/bench/instance/host-%05d%s", b.source(n), tenant)
	}
	return append(append(to, "/api/v1/write"...), tenant...)
}

// value is the n-th request's value of its i-th series: two decimals, 10.00 to 99.99.
func value(n uint64, i int) float64 {
	return float64(1000+(n*7919+uint64(i)*104729)%9000) / 100
}

func (b *bodies) notice(to []byte, n uint64, _ time.Time) []byte {
	to = fmt.Appendf(to, `{"subscriptionId":"51c0ac9ed714fb3b37d7d5a8","data":[{"id":"sensor-%05d","type":"Sensor"`, b.source(n))
	for i := range b.config.Samples {
		to = fmt.Appendf(to, `,"attribute%d":{"type":"Number","value":`, i)
		to = strconv.AppendFloat(to, value(n, i), 'f', 2, 64)
		to = append(to, `,"metadata":{}}`...)
	}
	return append(to, "}]}"...)
}

func (b *bodies) exposition(to []byte, n uint64, _ time.Time) []byte {
	to = append(to, "# HELP bench_disk_usage_percent How full a disk is.\n# TYPE bench_disk_usage_percent gauge\n"...)
	for i := range b.config.Samples {
		to = append(to, `bench_disk_usage_percent{disk="sd`...)
		to = strconv.AppendInt(to, int64(i), 10)
		to = append(to, `"} `...)
		to = strconv.AppendFloat(to, value(n, i), 'f', 2, 64)
		to = append(to, '\n')
	}
	return to
}

// makeWrites makes the messages, of which each has other series.
func (b *bodies) makeWrites() {
	series := max(b.config.Sources*seriesOfInstance, b.config.Samples)
	for first := 0; first+b.config.Samples <= series; first += b.config.Samples {
		var message []byte
		var patches []int
		for k := first; k < first+b.config.Samples; k++ {
			one, at := timeSeries([][2]string{
				{"__name__", fmt.Sprintf("bench_metric_%02d_seconds", k%seriesOfInstance/5)},
				{"handler", fmt.Sprintf("/api/v1/handler-%d", k%5)},
				{"instance", fmt.Sprintf("host-%05d:9100", k/seriesOfInstance)},
				{"job", "bench"},
			})
			message = binary.AppendUvarint(append(message, 1<<3|2), uint64(len(one)))
			patches = append(patches, len(message)+at)
			message = append(message, one...)
		}
		b.writes, b.patches = append(b.writes, message), append(b.patches, patches)
	}
}

// timeSeries returns a prometheus.TimeSeries of one sample, in protobuf's form, and
// where the sample's value stands.
func timeSeries(labels [][2]string) (message []byte, at int) {
	bytes := func(to []byte, field byte, value []byte) []byte {
		return append(binary.AppendUvarint(append(to, field<<3|2), uint64(len(value))), value...)
	}
	for _, l := range labels {
		message = bytes(message, 1, bytes(bytes(nil, 1, []byte(l[0])), 2, []byte(l[1])))
	}
	sample := make([]byte, 1+8+1+timeWidth)
	sample[0], sample[9] = 1<<3|1, 2<<3
	message = bytes(message, 2, sample)
	return message, len(message) - len(sample) + 1
}

// timeWidth is the bytes of milliseconds since 1970 in this century, as a varint.
const timeWidth = 6

func (b *bodies) remoteWrite(to []byte, n uint64, now time.Time) []byte {
	which := n % uint64(len(b.writes))
	message := append([]byte(nil), b.writes[which]...)
	for i, at := range b.patches[which] {
		binary.LittleEndian.PutUint64(message[at:], math.Float64bits(value(n, i)))
		binary.PutUvarint(message[at+9:at+9+timeWidth], uint64(now.UnixMilli()))
	}
	return append(to, s2.EncodeSnappy(nil, message)...)
}
