package intake_test

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/push"
	"github.com/prometheus/common/expfmt"

	"weir/pkg/schema"
	"weir/pkg/schema/decode"
	"weir/pkg/schema/packed"
	"weir/pkg/schema/pushtopic"
	"weir/services/ingest/internal/intake"
)

func TestPushes(t *testing.T) {
	const tenant = "service=push&subservice=root-subserv"
	for _, c := range []struct {
		name, line, body string
		headers          []string
		code             int
		want             string
		topic            string
		refused          string
	}{
		{"PUT replaces a group", "PUT /metrics/job/backup/instance/db1", "a 1\n", nil, 200, "", "/metrics/job/backup/instance/db1?method=PUT&" + tenant, ""},
		{"POST adds to it", "POST /metrics/job/backup", "a 1\n", nil, 200, "", "/metrics/job/backup?method=POST&" + tenant, ""},
		{"DELETE ends it", "DELETE /metrics/job/backup", "", nil, 202, "", "/metrics/job/backup?method=DELETE&" + tenant, ""},
		{"values in base64", "PUT /metrics/job@base64/YS9i/path@base64/L3Zhci90bXA=", "a 1\n", nil, 200, "", "/metrics/job@base64/YS9i/path@base64/L3Zhci90bXA?method=PUT&" + tenant, ""},
		{"values that are escaped", "PUT /metrics/job/a%20b/path/%2Fvar", "a 1\n", nil, 200, "", "/metrics/job/a%20b/path@base64/L3Zhcg?method=PUT&" + tenant, ""},
		{"the tenant by parameters", "PUT /metrics/job/a?service=Factory&subservice=hall-1", "a 1\n", nil, 200, "", "/metrics/job/a?method=PUT&service=Factory&subservice=hall-1", ""},
		{"the service alone by a parameter", "PUT /metrics/job/a?service=factory", "a 1\n", nil, 200, "", "/metrics/job/a?method=PUT&service=factory&subservice=root-subserv", ""},
		{"the tenant by headers", "PUT /metrics/job/a", "a 1\n", []string{"Fiware-Service: Factory", "Fiware-ServicePath: /a/b"}, 200, "", "/metrics/job/a?method=PUT&service=factory&subservice=a%2Fb", ""},
		{"OpenMetrics", "PUT /metrics/job/a", "a 1\n# EOF\n", []string{"Content-Type: application/openmetrics-text; version=1.0.0"}, 200, "", "/metrics/job/a?format=openmetrics&method=PUT&" + tenant, ""},
		{"an empty group", "PUT /metrics/job/a", "", nil, 200, "", "/metrics/job/a?method=PUT&" + tenant, ""},

		{"a page of HTML", "PUT /metrics/job/a", "<html>", nil, 400, "pushed metrics are invalid or inconsistent with existing metrics: line 1: there is no value behind \"<html>\": expected metrics as text\n", "/metrics/job/a?method=PUT&" + tenant, ""},
		{"times", "PUT /metrics/job/a", "a 1 5\n", nil, 400, "pushed metrics are invalid or inconsistent with existing metrics: pushed metrics must not have timestamps: \"a\" has one\n", "/metrics/job/a?method=PUT&" + tenant, ""},
		{"text that says it is protobuf", "PUT /metrics/job/a", "a 1\n", []string{"Content-Type: application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"}, 400,
			"pushed metrics are invalid or inconsistent with existing metrics: the family at byte 0: not a MetricFamily behind its length\n", "/metrics/job/a?format=protobuf&method=PUT&" + tenant, ""},
		{"too many bytes", "PUT /metrics/job/a", strings.Repeat("a 1\n", maxBody), nil, 413, "more than 2000 bytes\n", "/metrics/job/a?method=PUT&" + tenant, "too_large more than 2000 bytes"},
		{"bytes that are not compressed as it says", "PUT /metrics/job/a", "a 1\n", []string{"Content-Encoding: gzip"}, 400, "the body cannot be decompressed as gzip: unexpected EOF\n", "/metrics/job/a?method=PUT&" + tenant, "unknown_shape the body cannot be decompressed as gzip: unexpected EOF"},

		{"a path that is odd", "PUT /metrics/job/a/instance", "a 1\n", nil, 400, "odd number of components in label string \"job/a/instance\"\n", "", ""},
		{"no job", "PUT /metrics/job/", "a 1\n", nil, 400, "job name is required\n", "", ""},
		{"a label that is none", "PUT /metrics/job/a/b-c/d", "a 1\n", nil, 400, "improper label name \"b-c\"\n", "", ""},
		{"a tenant that is none", "PUT /metrics/job/a?service=a/b", "a 1\n", nil, 400, `{"error":"service is \"a/b\": expected 1 to 128 ASCII letters, digits, '_', '-' or '.'"}`, "", ""},
		{"headers that name none", "PUT /metrics/job/a", "a 1\n", []string{"Fiware-Service: a-b"}, 400, `{"error":"service/subservice: invalid character '-'"}`, "", ""},
		{"headers that name two", "PUT /metrics/job/a", "a 1\n", []string{"Fiware-ServicePath: /a,/b"}, 400, `{"error":"service/subservice: several paths are for notifications only"}`, "", ""},
		{"an encoding that nobody knows", "PUT /metrics/job/a", "a 1\n", []string{"Content-Encoding: br"}, 415, `{"error":"the content encoding \"br\" is not supported: expected one of gzip, deflate, zstd, snappy"}`, "", ""},
		{"GET", "GET /metrics/job/a", "", nil, 405, `{"error":"/metrics/job/a does not take GET"}`, "", ""},
		{"a page of another site", "PUT /metrics/job/a", "a 1\n", []string{"Sec-Fetch-Site: cross-site"}, 403, `{"error":"pages of other sites are not answered"}`, "", ""},
		{"another path", "PUT /metrics/jobs/a", "a 1\n", nil, 404, `{"error":"no such route: PUT /metrics/jobs/a"}`, "", ""},

		{"lines of InfluxDB's protocol", "POST /write?db=telegraf&precision=s", "cpu,host=h usage=5 1767323045\n", nil, 204, "", "/write?precision=s&" + tenant, ""},
		{"those of version 2", "POST /api/v2/write?org=o&bucket=b&precision=ns", "cpu,host=h usage=5\n", nil, 204, "", "/write?" + tenant, ""},
		{"lines that are none", "POST /write", "cpu\n", nil, 400, "*unable to parse: ", "/write?" + tenant, ""},
		{"lines of which one is none", "POST /write", "cpu,host=h usage=5\ncpu\n", nil, 400, "*partial write: ", "/write?" + tenant, ""},
		{"those of version 2 that are none", "POST /api/v2/write", "cpu\n", nil, 400, `*{"code":"invalid","message":"unable to parse: `, "/write?" + tenant, ""},
		{"a precision that is none", "POST /write?precision=y", "cpu f=1\n", nil, 400, `{"error":"invalid precision \"y\": expected ns, us, ms, s, m or h"}`, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, j, o := newIntake()
			w := send(h, c.line, c.body, c.headers...)
			got := w.Body.String()
			part, isPart := strings.CutPrefix(c.want, "*")
			if w.Code != c.code || got != c.want && (!isPart || !strings.Contains(got, part)) {
				t.Errorf("got %d %s, want %d %s", w.Code, got, c.code, c.want)
			}
			if len(o.served) != 1 || !strings.HasSuffix(o.served[0], fmt.Sprint(c.code)) || len(o.failed)+o.panicked > 0 {
				t.Errorf("the observer was told of %v, %v", o.served, o.failed)
			}
			stored := 1
			switch {
			case c.topic == "":
				stored = 0
			case c.code >= 400 && strings.HasPrefix(c.topic, "/metrics/"):
				stored = 2 // the second says that it was refused
				if last := j.events[len(j.events)-1]; last.Topic != c.topic || string(last.Payload) != "# weir-push at=1767323045000000000 refused=1\n" {
					t.Errorf("stored at last: %s %q", last.Topic, last.Payload)
				}
			}
			if len(j.events) != stored {
				t.Fatalf("stored: %+v", j.events)
			}
			if c.topic == "" {
				return
			}
			e, refused := j.events[0], ""
			if e.Refused != nil {
				refused = e.Refused.Reason.String() + " " + e.Refused.Detail
			}
			if e.Topic != c.topic || refused != c.refused || j.answers[0] != len(got) || !strings.HasPrefix(c.body, sent(&e)) {
				t.Errorf("stored %s, refused %q, %d bytes of an answer", e.Topic, refused, j.answers[0])
			}
			checkVerdict(t, &e, j.tenants[0], w.Code)
		})
	}
}

// sent returns what the sender of an event sent.
func sent(e *schema.Event) string {
	_, body := pushtopic.CutHead(e.Payload)
	return string(body)
}

// checkVerdict checks that the fold will decide as the answer says, and account
// for the event to the tenant that it was submitted for.
func checkVerdict(t *testing.T, e *schema.Event, tenant schema.Tenant, code int) {
	t.Helper()
	topic, ours := decode.ParseEvent(e.Route, e.Topic)
	if !ours || topic.Tenant != tenant {
		t.Errorf("%s is of %s, submitted for %s", e.Topic, topic.Tenant, tenant)
	}
	_, rejection := decode.New().Decode(topic, e.Payload)
	if rejected := rejection != nil || e.Refused != nil; rejected != (code >= 400) && topic.Kind != decode.TopicInflux {
		t.Errorf("answered with %d, and decoded with %v", code, rejection)
	}
}

func TestBodiesAreDecompressed(t *testing.T) {
	const text = "a 1\n"
	compressed := map[string]func(b *bytes.Buffer, text string){
		"gzip":    func(b *bytes.Buffer, s string) { z := gzip.NewWriter(b); z.Write([]byte(s)); z.Close() },
		"deflate": func(b *bytes.Buffer, s string) { z := zlib.NewWriter(b); z.Write([]byte(s)); z.Close() },
		"zstd":    func(b *bytes.Buffer, s string) { z, _ := zstd.NewWriter(b); z.Write([]byte(s)); z.Close() },
		"snappy":  func(b *bytes.Buffer, s string) { b.Write(s2.EncodeSnappy(nil, []byte(s))) },
		"Snappy": func(b *bytes.Buffer, s string) {
			z := s2.NewWriter(b, s2.WriterSnappyCompat())
			z.Write([]byte(s))
			z.Close()
		},
		"identity": func(b *bytes.Buffer, s string) { b.WriteString(s) },
	}
	for encoding, compress := range compressed {
		h, j, _ := newIntake()
		var b bytes.Buffer
		compress(&b, text)
		w := send(h, "POST /metrics/job/a", b.String(), "Content-Encoding: "+encoding)
		if w.Code != 200 || sent(&j.events[0]) != text {
			t.Errorf("%s: %d %s, stored %+v", encoding, w.Code, w.Body, j.events)
		}
		b.Reset() // a bomb
		compress(&b, strings.Repeat(text, 1<<20))
		if w := send(h, "POST /metrics/job/a", b.String(), "Content-Encoding: "+encoding); w.Code != 413 || len(sent(&j.events[1])) != keep {
			t.Errorf("%s: %d %s", encoding, w.Code, w.Body)
		}
	}
}

// The Pushgateway's own client pushes protobuf, or what it is told to.
func TestTheUsualClientPushes(t *testing.T) {
	h, j, _ := newIntake()
	s := httptest.NewServer(h)
	defer s.Close()
	done := prometheus.NewGauge(prometheus.GaugeOpts{Name: "backup_last_success", Help: "When."})
	done.Set(5)
	took := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "backup_seconds", Help: "How long.", Buckets: []float64{1, 2}})
	took.Observe(1.5)
	pusher := func() *push.Pusher {
		return push.New(s.URL, "nightly/backup").Grouping("instance", "db1").Grouping("zone", "").Collector(done).Collector(took)
	}
	for name, err := range map[string]error{
		"Push": pusher().Push(), "Add": pusher().Add(), "Delete": pusher().Delete(),
		"as text": pusher().Format(expfmt.NewFormat(expfmt.TypeTextPlain)).Push(), "as OpenMetrics": pusher().Format(expfmt.NewFormat(expfmt.TypeOpenMetrics)).Push(),
	} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	const path, tenant = "/metrics/job@base64/bmlnaHRseS9iYWNrdXA/instance/db1?", "service=push&subservice=root-subserv"
	var topics []string
	for i := range j.events {
		topics = append(topics, j.events[i].Topic)
		checkVerdict(t, &j.events[i], j.tenants[i], 200)
	}
	want := []string{"format=protobuf&method=PUT&", "format=protobuf&method=POST&", "method=DELETE&", "method=PUT&", "format=openmetrics&method=PUT&"}
	for i := range want {
		want[i] = path + want[i] + tenant
	}
	if diff := cmp.Diff(want, topics); diff != "" {
		t.Errorf("topics (-want +got):\n%s", diff)
	}
}

func TestAGroupKnowsWhenAPushOfItWasRefused(t *testing.T) {
	now := received
	h, j, _ := newIntake(func(c *intake.Config) { c.Now = func() time.Time { return now } })
	var got []string
	for _, line := range []string{"PUT a 1", "PUT <html>", "PUT a 2", "POST a 3", "DELETE ", "PUT a 4"} {
		method, body, _ := strings.Cut(line, " ")
		now = now.Add(time.Second)
		send(h, method+" /metrics/job/a", body+"\n")
		send(h, "PUT /metrics/job/other", "b 1\n")
	}
	for i := range j.events {
		if strings.HasPrefix(j.events[i].Topic, "/metrics/job/a?") && len(j.events[i].Payload) > 0 {
			got = append(got, strings.ReplaceAll(strings.TrimSpace(string(j.events[i].Payload)), "17673230", ""))
		}
	}
	want := []string{
		"# weir-push at=46000000000\na 1",
		"# weir-push at=47000000000\n<html>", "# weir-push at=47000000000 refused=1",
		"# weir-push at=48000000000 failed=47000000000\na 2", "# weir-push at=49000000000 failed=47000000000\na 3",
		"# weir-push at=51000000000\na 4",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
}

func TestLargeTextIsStoredPacked(t *testing.T) {
	h, j, _ := newIntake(func(c *intake.Config) { c.MaxBody, c.MaxText = 768<<10, 2<<20 })
	line := func(i int) string { return fmt.Sprintf("http_requests_total{path=\"/things/%d\"} %d\n", i, i) }
	var text strings.Builder
	for i := 0; text.Len() < 1<<20; i++ {
		text.WriteString(line(i))
	}
	if w := send(h, "PUT /metrics/job/a", text.String()); w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	head, body := pushtopic.CutHead(j.events[0].Payload)
	got, err := packed.Unpack(body)
	if !head.Packed || len(body) > 200<<10 || string(got) != text.String() || err != nil {
		t.Errorf("%+v, %d bytes, %v", head, len(body), err)
	}
	checkVerdict(t, &j.events[0], j.tenants[0], 200)
	noise := make([]byte, 1<<20)
	rand.NewChaCha8([32]byte{}).Read(noise)
	for _, c := range []struct{ name, body, want string }{
		{"more than there may be", strings.Repeat("a 1\n", 1<<19+1), "more than 2097152 bytes\n"},
		{"what does not become smaller", "# " + base64.StdEncoding.EncodeToString(noise), "1398106 bytes, which are "},
	} {
		w := send(h, "PUT /metrics/job/a", c.body)
		e := j.events[len(j.events)-2]
		if w.Code != 413 || !strings.HasPrefix(w.Body.String(), c.want) || e.Refused == nil || sent(&e) != c.body[:keep] {
			t.Errorf("%s: %d %s, stored %+v", c.name, w.Code, w.Body, e)
		}
	}
}
