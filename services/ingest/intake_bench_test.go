package ingest_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// BenchmarkNotices is POST /notices by as many clients as -cpu says times 32, each
// answered when it is stored.
func BenchmarkNotices(b *testing.B) {
	nc, _ := run(b, b.TempDir())
	app := start(b, nc, withIntake)
	transport := &http.Transport{MaxIdleConnsPerHost: 1000}
	defer transport.CloseIdleConnections()
	client := http.Client{Transport: transport}
	url := "http://" + app.IntakeAddr() + "/notices"
	b.SetParallelism(32)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			resp, err := client.Post(url, "application/json", strings.NewReader(entity))
			if err != nil {
				b.Error(err)
				return
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if resp.StatusCode != 200 {
				b.Errorf("answered with %s", resp.Status)
			}
		}
	})
}
