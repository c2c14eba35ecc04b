package decode_test

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/encoding/protodelim"
	"google.golang.org/protobuf/proto"

	"weir/pkg/schema"
	"weir/pkg/schema/decode"
	"weir/pkg/schema/packed"
)

func TestWhatATopicMeansDependsOnTheWay(t *testing.T) {
	const all = "mqtt will http replay rule pull"
	for _, c := range []struct{ topic, routes string }{
		{"m/d/c/ch/metrics/proplet", "mqtt will replay"},
		{"expo/s/u/board/metrics", "mqtt will replay"},
		{"weir/recorded", "rule"},
		{"/notices?path=%2F&service=s", "http replay"},
		{"/metrics/job/a?method=PUT&service=s&subservice=u", "http replay"},
		{"/write?service=s&subservice=u", "http replay"},
		{"/scrape?instance=i&job=j&service=s&subservice=u", "replay pull"},
		{"/probe?name=n&service=s&subservice=u&target=tcp%3A%2F%2Fa%3A1", "replay pull"},
		{"/other", ""},
	} {
		for route := schema.RouteMQTT; route <= schema.RoutePull; route++ {
			topic, ours := decode.ParseEvent(route, c.topic)
			if want := strings.Contains(" "+c.routes+" ", " "+route.String()+" "); ours != want || ours && topic.Kind == decode.TopicBad {
				t.Errorf("%s by %s: %+v, %v", c.topic, route, topic, ours)
			}
			if !strings.Contains(all, route.String()) {
				t.Errorf("the route %d has no name", route)
			}
		}
	}
	for _, topic := range []string{"/notices?service=s-1", "/write?service=s"} {
		if got, ours := decode.ParseEvent(schema.RouteHTTP, topic); !ours || got.Kind != decode.TopicBad || got.Detail == "" {
			t.Errorf("%s: %+v, %v", topic, got, ours)
		}
		if got, ours := decode.ParseEvent(schema.RouteReplay, topic); ours {
			t.Errorf("%s put in again: %+v", topic, got)
		}
	}
	if got, ours := decode.ParseEvent(schema.RoutePull, "/scrape?x=1"); !ours || got.Kind != decode.TopicBad {
		t.Errorf("a bad scrape: %+v, %v", got, ours)
	}
}

// showOpen puts readings of sources that name their values themselves into words,
// a line each.
func showOpen(readings []schema.Reading) string {
	var b strings.Builder
	for i := range readings {
		r := &readings[i]
		if r.Tenant != nil {
			fmt.Fprintf(&b, "%s ", r.Tenant)
		}
		fmt.Fprintf(&b, "%s %q", r.Kind, r.ID)
		for _, l := range r.Dims {
			fmt.Fprintf(&b, " %s=%s", l.Name, l.Value)
		}
		if r.Labels != nil {
			b.WriteString(" [")
			for k, l := range r.Labels {
				fmt.Fprintf(&b, "%s%s=%s", strings.Repeat(" ", min(k, 1)), l.Name, l.Value)
			}
			b.WriteString("]")
		}
		for _, l := range r.Attributes {
			fmt.Fprintf(&b, " (%s=%s)", l.Name, l.Value)
		}
		if r.Presence != schema.PresenceAlive && !r.Ended {
			fmt.Fprintf(&b, " %s", r.Presence)
		}
		if r.Time != 0 {
			fmt.Fprintf(&b, " @%d", r.Time/1e6)
		}
		if r.Ended {
			fmt.Fprintf(&b, " ended all=%v", r.All)
			if r.Presence == schema.PresenceOffline {
				b.WriteString(" for good")
			}
			for _, v := range r.Named {
				b.WriteString(" " + v.Name)
			}
			b.WriteByte('\n')
			continue
		}
		if r.Interval == schema.UntilEnded {
			b.WriteString(" holds")
		}
		for _, f := range r.Fields {
			fmt.Fprintf(&b, " %s:%v", pathOf(f.Field), f.Value)
		}
		for _, v := range r.Named {
			fmt.Fprintf(&b, " %s:%v", v.Name, v.Value)
			if v.Type != "" {
				fmt.Fprintf(&b, "/%s", v.Type)
			}
			if v.Unit != "" {
				fmt.Fprintf(&b, "/%s", v.Unit)
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// boardText is what prometheus_express prints.
const boardText = `# HELP plant_boots restarts since flash
# TYPE plant_boots counter
plant_boots 3
# HELP plant_temp temperature
# TYPE plant_temp gauge
plant_temp{probe="None"} 0
plant_temp{probe="a"} 21.5
# HELP plant_read read latency
# TYPE plant_read summary
plant_read_count{bus="i2c"} 2
plant_read_total{bus="i2c"} 0.75
# TYPE plant_door gauge
plant_door None`

const (
	scrapeTopic = "/scrape?instance=10.0.0.7%3A8080&job=boards&label.zone=a&service=factory&subservice=line1"
	pushTopic   = "/metrics/job/backup/instance/db1?method=PUT&service=factory&subservice=line1"
	upLine      = "# weir-scrape up=1 duration=0.25\n"
	downLine    = "# weir-scrape up=0 duration=10 error=\"timeout\"\n"
	pushLine    = "# weir-push at=1767323045500000000\n"
	endedLine   = "# weir-scrape up=0 duration=0 ended=1\n"
	target      = `target "boards/10.0.0.7:8080"`
	itsLabels   = "[instance=10.0.0.7:8080 job=boards zone=a]"
)

func TestOpenReadings(t *testing.T) {
	for _, c := range []struct {
		name, topic, payload, want string
	}{
		{"a board's page over MQTT", "expo/factory/line1/board-7/metrics", boardText, `device "board-7" plant_boots:3/counter
device "board-7" probe=None plant_temp:0/gauge
device "board-7" probe=a plant_temp:21.5/gauge
device "board-7" bus=i2c plant_read_count:2/summary plant_read_sum:0.75/summary plant_read_total:0.75/summary
`},
		{"a board's page that was scraped", scrapeTopic + "&drop_none=1", upLine + boardText,
			target + " " + itsLabels + ` plant_boots:3/counter scrape_duration_seconds:0.25/gauge/seconds scrape_samples_dropped:1/gauge scrape_samples_scraped:4/gauge up:1/gauge
` + target + ` probe=a ` + itsLabels + ` plant_temp:21.5/gauge
` + target + ` bus=i2c ` + itsLabels + ` plant_read_count:2/summary plant_read_sum:0.75/summary plant_read_total:0.75/summary
` + target + " ended all=true\n"},
		{"a target that does not answer", scrapeTopic, downLine,
			target + " ended all=true\n" + target + " " + itsLabels + " offline scrape_duration_seconds:10/gauge/seconds scrape_samples_scraped:0/gauge up:0/gauge\n"},
		{"a target that is not scraped any more", scrapeTopic, endedLine, target + " ended all=true for good\n"},
		{"a page that is packed", scrapeTopic, "# weir-scrape up=1 duration=0.25 encoding=zstd\n" + string(packed.Pack([]byte("a 1\n"))),
			target + " " + itsLabels + " a:1 scrape_duration_seconds:0.25/gauge/seconds scrape_samples_scraped:1/gauge up:1/gauge\n" + target + " ended all=true\n"},
		{"samples of a scrape cannot say that it failed", scrapeTopic, upLine + "up 0\nscrape_duration_seconds 9\n",
			target + " " + itsLabels + " scrape_duration_seconds:0.25/gauge/seconds scrape_samples_scraped:2/gauge up:1/gauge\n" + target + " ended all=true\n"},
		{"a sample's label that is the target's, too", scrapeTopic, upLine + `a{job="x",b="1"} 1`,
			target + " " + itsLabels + " scrape_duration_seconds:0.25/gauge/seconds scrape_samples_scraped:1/gauge up:1/gauge\n" + target + " b=1 job=x " + itsLabels + " a:1\n" + target + " ended all=true\n"},
		{"a sample's label that stands", scrapeTopic + "&honor_labels=1", upLine + `a{job="x"} 1`,
			target + " " + itsLabels + " scrape_duration_seconds:0.25/gauge/seconds scrape_samples_scraped:1/gauge up:1/gauge\n" + target + " job=x [instance=10.0.0.7:8080 zone=a] a:1\n" + target + " ended all=true\n"},
		{"samples with times of their own", scrapeTopic, upLine + "a 1 1767323045000\nb 2\n",
			target + " " + itsLabels + " b:2 scrape_duration_seconds:0.25/gauge/seconds scrape_samples_scraped:2/gauge up:1/gauge\n" + target + " " + itsLabels + " @1767323045000 a:1\n" + target + " ended all=true\n"},
		{"times that do not count", scrapeTopic + "&ignore_timestamps=1", upLine + "a 1 1767323045000\n",
			target + " " + itsLabels + " a:1 scrape_duration_seconds:0.25/gauge/seconds scrape_samples_scraped:1/gauge up:1/gauge\n" + target + " ended all=true\n"},
		{"OpenMetrics by its media type", scrapeTopic, "# weir-scrape up=1 duration=0 content_type=\"application/openmetrics-text; version=1.0.0\"\na 1 1767323045.5\n",
			target + " " + itsLabels + " scrape_duration_seconds:0/gauge/seconds scrape_samples_scraped:1/gauge up:1/gauge\n" + target + " " + itsLabels + " @1767323045500 a:1\n" + target + " ended all=true\n"},
		{"a histogram", "expo/s/u/b/metrics", "# TYPE h histogram\nh_bucket{le=\"+Inf\"} 2\nh_sum 3\nh_count 2\nh_created 5\n",
			"device \"b\" le=+Inf h_bucket:2/histogram\ndevice \"b\" h_count:2/histogram h_created:5/gauge h_sum:3/histogram\n"},
		{"a summary with a sum of its own", "expo/s/u/b/metrics", "# TYPE x summary\nx_total 1\nx_sum 2\n", "device \"b\" x_sum:2/summary x_total:1/summary\n"},
		{"values that are no numbers", "expo/s/u/b/metrics", "a nan\nb -inf\n", "device \"b\" a:NaN b:-Inf\n"},
		{"an empty page", "expo/s/u/b/metrics", "", ""},

		{"a group that is pushed", pushTopic, "last_success 5\nfiles{disk=\"a\",job=\"other\"} 7\n", `target "backup/instance/db1" ended all=true
target "backup/instance/db1" [instance=db1 job=backup] holds last_success:5
target "backup/instance/db1" disk=a [instance=db1 job=backup] holds files:7
`},
		{"a sample that is there twice, of before pushes had a head", pushTopic, "d 3\nd 4\n", `target "backup/instance/db1" ended all=true
target "backup/instance/db1" [instance=db1 job=backup] holds d:4
`},
		{"a group that is pushed at a time", pushTopic, pushLine + "files{disk=\"a\"} 7\npush_time_seconds 9\n", `target "backup/instance/db1" ended all=true
target "backup/instance/db1" [instance=db1 job=backup] holds push_failure_time_seconds:0/gauge/seconds push_time_seconds:1.7673230455e+09/gauge/seconds
target "backup/instance/db1" disk=a [instance=db1 job=backup] holds files:7
`},
		{"a group of which a push was refused before", pushTopic, strings.Replace(pushLine, "\n", " failed=1500000000\n", 1), `target "backup/instance/db1" ended all=true
target "backup/instance/db1" [instance=db1 job=backup] holds push_failure_time_seconds:1.5/gauge/seconds push_time_seconds:1.7673230455e+09/gauge/seconds
`},
		{"a push that was refused", pushTopic, "# weir-push at=1500000000 refused=1\n", "target \"backup/instance/db1\" [instance=db1 job=backup] holds push_failure_time_seconds:1.5/gauge/seconds\n"},
		{"a group that is pushed packed", pushTopic, "# weir-push at=1500000000 encoding=zstd\n" + string(packed.Pack([]byte("a 1\n"))), `target "backup/instance/db1" ended all=true
target "backup/instance/db1" [instance=db1 job=backup] holds a:1 push_failure_time_seconds:0/gauge/seconds push_time_seconds:1.5/gauge/seconds
`},
		{"a group that is added to: what had the names ends", strings.Replace(pushTopic, "PUT", "POST", 1), pushLine + "a{x=\"1\"} 1\na 2\nb 3\n", `target "backup/instance/db1" ended all=true a b
target "backup/instance/db1" [instance=db1 job=backup] holds a:2 b:3 push_failure_time_seconds:0/gauge/seconds push_time_seconds:1.7673230455e+09/gauge/seconds
target "backup/instance/db1" x=1 [instance=db1 job=backup] holds a:1
`},
		{"nothing that is added", strings.Replace(pushTopic, "PUT", "POST", 1), "", ""},
		{"a group that is deleted", strings.Replace(pushTopic, "PUT", "DELETE", 1), "", "target \"backup/instance/db1\" ended all=true for good\n"},

		{"a notification", "/notices?path=%2Fline1&service=factory", `{"data":[{"id":"sensor:7","type":"Room","temperature":{"type":"Number","value":31.5,"metadata":{"unit":{"type":"Text","value":"C"}}},"open":{"type":"Boolean","value":true},"name":{"type":"Text","value":"lab"}}]}`,
			"device \"sensor:7\" [type=Room] (name=lab) open:1 temperature:31.5/C\n"},
		{"a notification of several paths", "/notices?path=%2Fa%2C%2F&service=s", `{"data":[{"id":"a","type":"T","x":1},{"id":"b","type":"T","TimeInstant":{"type":"DateTime","value":"2026-01-02T03:04:05Z"},"x":2}]}`,
			"device \"a\" [type=T] x:1\ns/root-subserv device \"b\" [type=T] (TimeInstant=2026-01-02T03:04:05Z) @1767323045000 x:2\n"},
		{"an entity without a number", "/notices?path=%2Fa&service=s", `{"data":[{"id":"a","n":"x"}]}`, "device \"a\" [] (n=x)\n"},

		{"lines", "/write?precision=s&service=s&subservice=u", "weather,host=h,room=b temperature=21.5 1767323045\n", "device \"h\" room=b @1767323045000 weather_temperature:21.5\n"},

		{"a data node's health that was fetched", "/datamgmt/health?label.zone=a&node=dn-1&service=s&subservice=u", "# weir-scrape up=1 duration=0.5 status=200\n" + `{"status":"healthy","p2p":{"running":true,"peers":12}}`,
			"datamgmt \"dn-1\" [zone=a] (status=healthy) status:1 components.p2p_network:1 p2p.peers:12 scrape_duration_seconds:0.5/gauge/seconds up:1/gauge\n"},
		{"a data node that says with 503 that it is not well", "/datamgmt/health?node=dn-1&service=s&subservice=u", "# weir-scrape up=0 duration=0.5 status=503\n" + `{"status":"unhealthy","error":"x"}`,
			"datamgmt \"dn-1\" (status=unhealthy) status:0 scrape_duration_seconds:0.5/gauge/seconds up:0/gauge\n"},
		{"a data node that does not answer", "/datamgmt/health?node=dn-1&service=s&subservice=u", downLine, "datamgmt \"dn-1\" offline scrape_duration_seconds:10/gauge/seconds up:0/gauge\n"},
		{"a page of an error stands for nothing", "/datamgmt/health?node=dn-1&service=s&subservice=u", "# weir-scrape up=0 duration=0.5 status=502\n<html>", "datamgmt \"dn-1\" offline scrape_duration_seconds:0.5/gauge/seconds up:0/gauge\n"},
		{"a data node's stats that were fetched", "/datamgmt/stats?node=dn-1&service=s&subservice=u", upLine + `{"total_peers":15,"data_sent":1024}`, "datamgmt \"dn-1\" total_peers:15 data_sent:1024\n"},
		{"stats that were not", "/datamgmt/stats?node=dn-1&service=s&subservice=u", downLine, ""},
		{"a data node that is not polled any more", "/datamgmt/stats?node=dn-1&service=s&subservice=u", endedLine, "datamgmt \"dn-1\" ended all=true for good\n"},

		{"a gateway that was polled", "/spore?gateway=gw-1&service=s&subservice=u", upLine + `{"nodes":[{"hostname":"n1","cpu":{"usage_percent":20},"labels":{"zone":"a"}}]}`,
			"spore_node \"n1\" [zone=a] cpu.usage_percent:20\ndevice \"gw-1\" scrape_duration_seconds:0.25/gauge/seconds up:1/gauge\n"},
		{"a node that was polled", "/spore?gateway=node-1&service=s&subservice=u", upLine + `{"cpu":{"current_usage":20},"memory":{"free_heap":1,"total_heap":2}}`,
			"spore_node \"node-1\" cpu.usage_percent:20 memory.total_bytes:2 memory.free_bytes:1 memory.used_bytes:1 memory.usage_percent:50\ndevice \"node-1\" scrape_duration_seconds:0.25/gauge/seconds up:1/gauge\n"},
		{"a gateway that does not answer", "/spore?gateway=gw-1&service=s&subservice=u", downLine, "device \"gw-1\" offline scrape_duration_seconds:10/gauge/seconds up:0/gauge\n"},
		{"a node's status has its labels", "/spore/status?gateway=node-1&service=s&subservice=u", upLine + `{"freeHeap":1,"labels":{"version":"1.1.0"}}`, "spore_node \"node-1\" [version=1.1.0]\n"},
		{"a status that was not fetched", "/spore/status?gateway=node-1&service=s&subservice=u", downLine, ""},

		{"a probe", "/probe?name=site&service=s&subservice=u&target=https%3A%2F%2Fexample.org", `{"metrics":[{"name":"probe_success","value":1},{"name":"probe_http_duration_seconds","labels":{"phase":"connect"},"value":0.5}]}`,
			"target \"probe site\" [instance=https://example.org job=site] probe_success:1/gauge\ntarget \"probe site\" phase=connect [instance=https://example.org job=site] probe_http_duration_seconds:0.5/gauge\ntarget \"probe site\" ended all=true\n"},
		{"a probe that failed", "/probe?name=site&service=s&subservice=u&target=https%3A%2F%2Fexample.org", `{"error":"x","metrics":[{"name":"probe_success","value":0}]}`,
			"target \"probe site\" [instance=https://example.org job=site] offline probe_success:0/gauge\ntarget \"probe site\" ended all=true\n"},
		{"a probe that is not made any more", "/probe?name=site&service=s&subservice=u&target=https%3A%2F%2Fexample.org", `{"ended":true}`, "target \"probe site\" ended all=true for good\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			readings, rejection := decodeEvent(t, c.topic, []byte(c.payload))
			if rejection != nil {
				t.Fatal(rejection)
			}
			if got := showOpen(readings); got != c.want {
				t.Errorf("got\n%swant\n%s", got, c.want)
			}
		})
	}
}

func decodeEvent(t testing.TB, text string, payload []byte) ([]schema.Reading, *schema.Rejection) {
	t.Helper()
	topic, ours := decode.ParseEvent(schema.RouteReplay, text)
	if !ours || topic.Kind == decode.TopicBad {
		t.Fatalf("%s is no topic: %+v", text, topic)
	}
	return decode.New().Decode(topic, payload)
}

func TestOpenPayloadsThatAreRejected(t *testing.T) {
	for _, c := range []struct {
		name, topic, payload, want string
	}{
		{"a page that is none", "expo/s/u/b/metrics", "a 1\n<html>", `unknown_shape: line 2: there is no value behind "<html>": expected metrics as text (at byte 4)`},
		{"a scraped page that is none", scrapeTopic, upLine + "a 1\n<html>", `unknown_shape: line 2: there is no value behind "<html>": expected metrics as text (at byte 37)`},
		{"a scrape without its first line", scrapeTopic, "a 1\n", "unknown_shape: the payload does not begin with the line that says how it was fetched"},
		{"bytes that are no text", "expo/s/u/b/metrics", "a{x=\"\xff\"} 1", `unknown_shape: line 1: "\xff" is not UTF-8: expected metrics as text (at byte 0)`},
		{"pushed times", pushTopic, "a 1 1767323045000\n", `unknown_shape: pushed metrics must not have timestamps: "a" has one`},
		{"a sample that is pushed twice", pushTopic, pushLine + "d 3\nd 4\n", `unknown_shape: "d" was collected before with the same name and label values`},
		{"one that the group's labels make the same", pushTopic, pushLine + "d{job=\"a\",x=\"1\"} 3\nd{x=\"1\"} 4\n", `unknown_shape: "d" was collected before with the same name and label values`},
		{"a pushed page that is none", pushTopic, pushLine + "a 1\n<html>", `unknown_shape: line 2: there is no value behind "<html>": expected metrics as text (at byte 39)`},
		{"a page that is not packed as it says", scrapeTopic, "# weir-scrape up=1 duration=0.25 encoding=zstd\na 1\n", "unknown_shape: the packed text is damaged: "},
		{"a group that is not packed as it says", pushTopic, "# weir-push at=1 encoding=zstd\na 1\n", "unknown_shape: the packed text is damaged: "},
		{"a packed page that is none", scrapeTopic, "# weir-scrape up=1 duration=0.25 encoding=zstd\n" + string(packed.Pack([]byte("<html>"))), `unknown_shape: line 1: there is no value behind "<html>": expected metrics as text`},
		{"protobuf that is none", pushTopic + "&format=protobuf", "a 1\n", "unknown_shape: the family at byte 0: not a MetricFamily behind its length"},
		{"a notification that is no JSON", "/notices?path=%2F&service=s", `{"data":`, "not_json: the JSON ends too early: expected a whole JSON object (at byte 8)"},
		{"a notification without data", "/notices?path=%2F&service=s", `{}`, "unknown_shape: ContextResponses is not an array (undefined)"},
		{"a notification of too few entities", "/notices?path=%2Fa%2C%2Fb&service=s", `{"data":[{"id":"a"}]}`, "unknown_shape: Number of servicepath items does not match ContextResponses(2,1)"},
		{"a health that is none, of a node that answered", "/datamgmt/health?node=dn-1&service=s&subservice=u", upLine + "<html>", "not_json: invalid character '<' looking for beginning of value: expected a JSON object (at byte 33)"},
		{"a gateway's document that is none", "/spore?gateway=g&service=s&subservice=u", upLine + `{"nodes":7}`, "unknown_shape: nodes is a number: expected an array of node objects"},
		{"a probe that is none", "/probe?name=n&service=s&subservice=u&target=x", `{`, "not_json: the payload is not JSON"},
		{"lines that are none", "/write?service=s&subservice=u", "\"", "unknown_shape: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, rejection := decodeEvent(t, c.topic, []byte(c.payload))
			if rejection == nil || !strings.HasPrefix(rejection.Error(), c.want) || c.want == "" {
				t.Errorf("got %v, want %s", rejection, c.want)
			}
		})
	}
}

func TestAGroupThatIsPushedInProtobuf(t *testing.T) {
	family := func(name string, typ dto.MetricType, metrics ...*dto.Metric) *dto.MetricFamily {
		return &dto.MetricFamily{Name: &name, Type: &typ, Metric: metrics, Help: proto.String("Help.")}
	}
	label := []*dto.LabelPair{{Name: proto.String("z"), Value: proto.String("1")}, {Name: proto.String("a"), Value: proto.String("")}}
	var body bytes.Buffer
	for _, f := range []*dto.MetricFamily{
		family("c", dto.MetricType_COUNTER, &dto.Metric{Label: label, Counter: &dto.Counter{Value: proto.Float64(5)}}),
		family("g", dto.MetricType_GAUGE, &dto.Metric{Gauge: &dto.Gauge{Value: proto.Float64(math.Inf(1))}}),
		family("u", dto.MetricType_UNTYPED, &dto.Metric{Untyped: &dto.Untyped{Value: proto.Float64(2)}}),
		family("s", dto.MetricType_SUMMARY, &dto.Metric{Summary: &dto.Summary{SampleCount: proto.Uint64(3), SampleSum: proto.Float64(1.5), Quantile: []*dto.Quantile{{Quantile: proto.Float64(0.5), Value: proto.Float64(0.4)}}}}),
		family("h", dto.MetricType_HISTOGRAM, &dto.Metric{Histogram: &dto.Histogram{SampleCount: proto.Uint64(4), SampleSum: proto.Float64(2), Bucket: []*dto.Bucket{{UpperBound: proto.Float64(0.1), CumulativeCount: proto.Uint64(1)}}}}),
		family("n", dto.MetricType_HISTOGRAM, &dto.Metric{Histogram: &dto.Histogram{SampleCount: proto.Uint64(4), SampleSum: proto.Float64(2), Schema: proto.Int32(3)}}),
	} {
		if _, err := protodelim.MarshalTo(&body, f); err != nil {
			t.Fatal(err)
		}
	}
	readings, rejection := decodeEvent(t, "/metrics/job/j?format=protobuf&method=POST&service=s&subservice=u", body.Bytes())
	if rejection != nil {
		t.Fatal(rejection)
	}
	const want = `target "j" ended all=true c g h_bucket h_count h_sum n_count n_sum s s_count s_sum u
target "j" z=1 [job=j] holds c:5/counter
target "j" [job=j] holds g:+Inf/gauge h_count:4/histogram h_sum:2/histogram n_count:4/histogram n_sum:2/histogram s_count:3/summary s_sum:1.5/summary u:2
target "j" quantile=0.5 [job=j] holds s:0.4/summary
target "j" le=0.1 [job=j] holds h_bucket:1/histogram
target "j" le=+Inf [job=j] holds h_bucket:4/histogram
`
	if got := showOpen(readings); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if readings[1].Named[0].Help != "Help." {
		t.Errorf("the help is %q", readings[1].Named[0].Help)
	}
}

func FuzzOpenEvents(f *testing.F) {
	topics := []string{"expo/s/u/b/metrics", scrapeTopic, pushTopic, pushTopic + "&format=protobuf", "/notices?path=%2Fa%2C%2F&service=s", "/write?service=s&subservice=u",
		"/datamgmt/health?node=dn-1&service=s&subservice=u", "/spore?gateway=g&service=s&subservice=u", "/spore/status?gateway=g&service=s&subservice=u", "/probe?name=n&service=s&subservice=u&target=x"}
	for i, payload := range []string{boardText, upLine + boardText, "a{b=\"c\"} 1\n", "\x05\x0a\x01a\x12\x00", `{"data":[{"id":"a","x":1},{"id":"b"}]}`, "m,host=h f=1 5\n", upLine + `{"status":"healthy"}`, upLine + `{"nodes":[]}`, upLine + `{"labels":{"a":"b"}}`, `{"metrics":[{"name":"probe_success","labels":{"a":"b"},"value":1}]}`} {
		f.Add(uint8(i), []byte(payload))
	}
	used := decode.New()
	f.Fuzz(func(t *testing.T, which uint8, payload []byte) {
		topic, _ := decode.ParseEvent(schema.RouteReplay, topics[int(which)%len(topics)])
		readings, rejection := decode.New().Decode(topic, payload)
		if rejection != nil && (rejection.Detail == "" || len(rejection.Detail) > 1000 || rejection.Offset > len(payload) || len(readings) > 0) {
			t.Errorf("rejected with %+v", rejection)
		}
		for i := range readings {
			checkOpen(t, &readings[i])
		}
		first := showOpen(readings)
		again, _ := used.Decode(topic, payload)
		if got := showOpen(again); got != first {
			t.Errorf("a used decoder reads\n%s, a new one\n%s", got, first)
		}
	})
}

func checkOpen(t *testing.T, r *schema.Reading) {
	t.Helper()
	if r.ID == "" || r.Kind == 0 || r.Ended && len(r.Fields) > 0 {
		t.Errorf("%+v", r)
	}
	for _, labels := range [][]schema.Label{r.Dims, r.Labels, r.Attributes} {
		for i := range labels {
			if labels[i].Name == "" || i > 0 && labels[i-1].Name >= labels[i].Name {
				t.Errorf("labels in disorder: %q", labels)
			}
		}
	}
	for i := range r.Named {
		if r.Named[i].Name == "" || i > 0 && r.Named[i-1].Name >= r.Named[i].Name {
			t.Errorf("values in disorder: %+v", r.Named)
		}
	}
}
