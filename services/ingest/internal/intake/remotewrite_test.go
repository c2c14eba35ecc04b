package intake_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/klauspost/compress/s2"
	"github.com/prometheus/prometheus/prompb"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"

	"weir/pkg/remotewrite"
	"weir/pkg/schema"
	"weir/pkg/schema/decode"
	"weir/services/ingest/internal/intake"
)

const (
	snappy = "Content-Encoding: snappy"
	v1Type = "Content-Type: application/x-protobuf"
	v2Type = "Content-Type: application/x-protobuf;proto=io.prometheus.write.v2.Request"
)

// written is a request of version 1 with one sample for each name.
func written(t *testing.T, names ...string) string {
	t.Helper()
	var w prompb.WriteRequest
	for _, name := range names {
		w.Timeseries = append(w.Timeseries, prompb.TimeSeries{
			Labels:  []prompb.Label{{Name: "__name__", Value: name}, {Name: "instance", Value: "i:1"}, {Name: "job", Value: "j"}},
			Samples: []prompb.Sample{{Value: 1, Timestamp: 1767323045000}},
		})
	}
	data, err := w.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return string(s2.EncodeSnappy(nil, data))
}

// written2 is the same of version 2.
func written2(t *testing.T, names ...string) string {
	t.Helper()
	w := writev2.Request{Symbols: []string{"", "__name__", "instance", "i:1"}}
	for _, name := range names {
		w.Symbols = append(w.Symbols, name)
		w.Timeseries = append(w.Timeseries, writev2.TimeSeries{
			LabelsRefs: []uint32{1, uint32(len(w.Symbols) - 1), 2, 3}, Samples: []writev2.Sample{{Value: 1, Timestamp: 1767323045000}},
		})
	}
	data, err := w.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return string(s2.EncodeSnappy(nil, data))
}

func TestRemoteWrites(t *testing.T) {
	for _, c := range []struct {
		name, body string
		headers    []string
		code       int
		want       string // in the answer
		samples    string // that version 2 says were written
		stored     bool
		applied    bool
	}{
		{"version 1", written(t, "a", "b"), []string{snappy, v1Type, "X-Prometheus-Remote-Write-Version: 0.1.0"}, 204, "", "", true, true},
		{"version 1 by its full name", written(t, "a"), []string{snappy, v1Type + ";proto=prometheus.WriteRequest"}, 204, "", "", true, true},
		{"version 2", written2(t, "a", "b"), []string{snappy, v2Type, "X-Prometheus-Remote-Write-Version: 2.0.0"}, 204, "", "2", true, true},
		{"nothing", written(t), []string{snappy, v1Type}, 204, "", "", true, true},
		{"a series without a name beside others", written2(t, "a", "", "b"), []string{snappy, v2Type}, 400, "1 samples were not taken (no_name)", "2", true, true},
		{"nothing but a series without a name", written(t, ""), []string{snappy, v1Type}, 400, "no sample can be taken", "", true, false},
		{"bytes that are not compressed", "abc", []string{snappy, v2Type}, 400, "snappy", "0", true, false},
		{"a body that is too large", strings.Repeat("x", maxBody+1), []string{snappy, v2Type}, 413, "more than 2000 bytes", "0", true, false},
		{"another content type", written(t, "a"), []string{snappy, inJSON}, 415, "expected application/x-protobuf", "", false, false},
		{"another message", written(t, "a"), []string{snappy, v1Type + ";proto=a.B"}, 415, "expected application/x-protobuf", "", false, false},
		{"another encoding", written(t, "a"), []string{"Content-Encoding: gzip", v1Type}, 415, "expected snappy", "", false, false},
		{"no encoding", written(t, "a"), []string{v1Type}, 415, "expected snappy", "", false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, j, _ := newIntake()
			w := send(h, "POST /api/v1/write?service=s&subservice=u", c.body, c.headers...)
			if w.Code != c.code || !strings.Contains(w.Body.String(), c.want) || c.code == 204 && w.Body.Len() > 0 {
				t.Errorf("got %d %s", w.Code, w.Body)
			}
			if got := w.Header().Get("X-Prometheus-Remote-Write-Samples-Written"); got != c.samples || (w.Header().Get("X-Prometheus-Remote-Write-Histograms-Written") != "") != (c.samples != "") {
				t.Errorf("it says that %q samples were written", got)
			}
			if (len(j.events) == 1) != c.stored || !c.stored {
				if c.stored {
					t.Errorf("stored %+v", j.events)
				}
				return
			}
			e := &j.events[0]
			topic, ours := decode.ParseEvent(e.Route, e.Topic)
			_, rejection := decode.New(decode.WithRemoteWrites(remotewrite.New())).Decode(topic, e.Payload)
			if applied := rejection == nil && e.Refused == nil; !ours || applied != c.applied || j.tenants[0] != topic.Tenant || !strings.HasPrefix(c.body, string(e.Payload)) {
				t.Errorf("stored %s, %v, %+v", e.Topic, rejection, e.Refused)
			}
			if want := fmt.Sprintf("/api/v1/write?service=s&subservice=u&version=%d", 1+strings.Count(strings.Join(c.headers, " "), "write.v2")); e.Topic != want {
				t.Errorf("stored %s, want %s", e.Topic, want)
			}
		})
	}
	configured := func(c *intake.Config) {
		c.WriteTenant = func() (schema.Tenant, bool) { return schema.Tenant{Service: "w", Subservice: "x"}, true }
	}
	for target, want := range map[string]string{"/api/v1/write": "w/x", "/api/v1/write?service=s": "s/root-subserv"} {
		h, j, _ := newIntake(configured)
		if w := send(h, "POST "+target, written(t, "a"), snappy, v1Type); w.Code != 204 || j.tenants[0].String() != want {
			t.Errorf("%s: %d %s, of %v", target, w.Code, w.Body, j.tenants)
		}
	}
	h, j, _ := newIntake()
	j.err = errJournal
	w := send(h, "POST /api/v1/write", written2(t, "a"), snappy, v2Type)
	if w.Code != 503 || w.Header().Get("X-Prometheus-Remote-Write-Samples-Written") != "0" {
		t.Errorf("without a journal: %d, %v", w.Code, w.Header())
	}
}
