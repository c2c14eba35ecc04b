package scrape

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"weir/pkg/schema"
	"weir/pkg/schema/packed"
	"weir/pkg/schema/pulltopic"
	"weir/services/ingest/internal/boardtest"
	"weir/services/ingest/internal/pull"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// job is a job of one target, looked at often.
func job(target, more string) string {
	return fmt.Sprintf("- {job_name: boards, service: factory, subservice: line1, scrape_interval: 100ms, static_configs: [{targets: [%q]}]%s}\n", target, more)
}

func TestABoardIsScrapedWhateverItDoes(t *testing.T) {
	const plain = "text/plain"
	for _, c := range []struct {
		name    string
		page    string
		fault   boardtest.Fault
		more    string
		want    pulltopic.Report
		body    string
		samples int
	}{
		{"as it is", boardtest.Page, boardtest.None, "", pulltopic.Report{Up: true, Status: 200, ContentType: plain}, boardtest.Page, 7},
		{"without the series named None", boardtest.Page, boardtest.None, ", drop_none_series: true", pulltopic.Report{Up: true, Status: 200, ContentType: plain}, boardtest.Page, 4},
		{"reset behind the body", boardtest.Page, boardtest.Reset, "", pulltopic.Report{Up: true, Status: 200, ContentType: plain}, boardtest.Page, 7},
		{"values that are none", "a None\nb True\nc 1", boardtest.None, "", pulltopic.Report{Up: true, Status: 200, ContentType: plain}, "a None\nb True\nc 1", 1},
		{"nothing to show", "", boardtest.None, "", pulltopic.Report{Up: true, Status: 200, ContentType: plain}, "", 0},
		{"headers beyond what it reads", boardtest.Page, boardtest.None, fmt.Sprintf(", authorization: {credentials: %q}", strings.Repeat("x", 2000)), pulltopic.Report{Up: true, Status: 200, ContentType: plain}, boardtest.Page, 7},
		{"cut off within the body", boardtest.Page, boardtest.Cut, "", pulltopic.Report{Error: "connection reset by peer"}, "", 0},
		{"closed without an answer", boardtest.Page, boardtest.Closed, "", pulltopic.Report{Error: "EOF"}, "", 0},
		{"no answer in time", boardtest.Page, boardtest.Silence, "", pulltopic.Report{Error: late}, "", 0},
		{"a query, which it does not know", boardtest.Page, boardtest.None, ", params: {x: ['1']}", pulltopic.Report{Status: 404, ContentType: plain, Error: "the server returned HTTP status 404 Not Found"}, "", 0},
		{"a page that is too large", boardtest.Page, boardtest.None, ", body_size_limit: 100B", pulltopic.Report{Error: "the body is too large: 370 bytes, at most 100"}, "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			board := boardtest.Start(t)
			board.Show(c.page, c.fault)
			s, j, env := start(t, job(board.Addr, c.more))
			scrapes := func() []schema.Event {
				if c.want.Error == late {
					return j.of("/scrape?")
				}
				return j.scrapes(t)
			}
			var status pull.Status
			eventually(t, "it is scraped twice", func() bool {
				if len(scrapes()) < 2 {
					return false
				}
				status = env.Meter.Targets()[0]
				return status.Err == nil || c.want.Error == late || status.Err.Error() != late
			})
			s.Stop()
			e := scrapes()[1]
			got, body := report(t, e)
			if c.want.Error != "" && strings.Contains(got.Error, c.want.Error) {
				got.Error = c.want.Error // what stands before it has ports
			}
			if diff := cmp.Diff(c.want, got); diff != "" || body != c.body {
				t.Errorf("%s%q", diff, body)
			}
			if e.Client != board.Addr || e.Route != schema.RoutePull {
				t.Errorf("%+v", e)
			}
			if status.Samples != c.samples || (status.Err == nil) != c.want.Up {
				t.Errorf("%+v", status)
			}
		})
	}
}

func TestARequestFitsIntoWhatABoardReads(t *testing.T) {
	board := boardtest.Start(t)
	_, j, _ := start(t, job(board.Addr, ""))
	eventually(t, "it is scraped", func() bool { return len(j.of("/scrape?")) >= 1 && len(board.Requests()) >= 1 })
	request := board.Requests()[0]
	if !strings.HasPrefix(request, "GET /metrics HTTP/1.1\r\n") || !strings.HasSuffix(request, "\r\n\r\n") || len(request) > 400 || !strings.Contains(request, "Connection: close\r\n") {
		t.Errorf("%d bytes: %q", len(request), request)
	}
}

func TestTheTopicSaysHowTheTextIsRead(t *testing.T) {
	board := boardtest.Start(t)
	_, j, _ := start(t, fmt.Sprintf(`
- job_name: boards
  service: factory
  subservice: line1
  scrape_interval: 100ms
  counter_tolerance: 1
  drop_none_series: true
  honor_timestamps: false
  static_configs: [{targets: [%q], labels: {zone: a, subservice: line2, instance: kiln}}]
`, board.Addr))
	eventually(t, "it is scraped", func() bool { return len(j.of("/scrape?")) >= 1 })
	const want = "/scrape?counter_tolerance=1&drop_none=1&ignore_timestamps=1&instance=kiln&interval=100ms&job=boards&label.zone=a&service=factory&subservice=line2"
	if got := j.of("")[0].Topic; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestALargePageIsStoredPacked(t *testing.T) {
	var page strings.Builder
	for i := 0; page.Len() < 5<<20; i++ {
		fmt.Fprintf(&page, "http_requests_total{path=\"/things/%d\",code=\"200\"} %d\n", i, i)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, page.String()) }))
	defer server.Close()
	_, j, env := start(t, strings.Replace(job(server.Listener.Addr().String(), ""), "100ms", "2s", 1))
	var s pull.Status
	eventually(t, "it is scraped, and that is noted", func() bool {
		for _, s = range env.Meter.Targets() {
			return s.Err == nil
		}
		return false
	})
	r, body := report(t, j.scrapes(t)[0])
	text, err := packed.Unpack([]byte(body))
	if !r.Up || !r.Packed || len(body) > pull.DefaultMaxBody || string(text) != page.String() || err != nil {
		t.Errorf("%+v, %d bytes, %v", r, len(body), err)
	}
	if s.Samples < 50_000 {
		t.Errorf("%+v", s)
	}
}

func TestAPageThatDoesNotBecomeSmallEnoughIsAFailure(t *testing.T) {
	noise := make([]byte, 1<<20)
	rand.NewChaCha8([32]byte{}).Read(noise)
	page := "# " + base64.StdEncoding.EncodeToString(noise) + "\na 1\n"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, page) }))
	defer server.Close()
	_, j, _ := start(t, strings.Replace(job(server.Listener.Addr().String(), ""), "100ms", "2s", 1))
	eventually(t, "it is scraped", func() bool { return len(j.scrapes(t)) >= 1 })
	if r, body := report(t, j.scrapes(t)[0]); r.Up || body != "" || !strings.HasPrefix(r.Error, "the body is too large: 1398111 bytes, which are ") {
		t.Errorf("%+v %q", r, body)
	}
}

func TestCompressedTextIsStoredPlain(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/openmetrics-text; version=1.0.0; charset=utf-8")
		w.Header().Set("Content-Encoding", "gzip")
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write([]byte("# TYPE a counter\na_total 1 1700000000.5\n# EOF\n"))
		_ = z.Close()
		_, _ = w.Write(b.Bytes())
	}))
	defer server.Close()
	_, j, _ := start(t, job(server.Listener.Addr().String(), ""))
	eventually(t, "it is scraped", func() bool { return len(j.scrapes(t)) >= 1 })
	r, body := report(t, j.scrapes(t)[0])
	if !r.Up || !strings.HasPrefix(r.ContentType, "application/openmetrics-text") || body != "# TYPE a counter\na_total 1 1700000000.5\n# EOF\n" {
		t.Errorf("%+v %q", r, body)
	}
}

func TestATextThatCannotBeReadIsKeptAndTheTargetIsDown(t *testing.T) {
	board := boardtest.Start(t)
	board.Show("a 1\n<html>", boardtest.None)
	s, j, env := start(t, job(board.Addr, ""))
	eventually(t, "it is scraped", func() bool { return len(j.scrapes(t)) >= 2 })
	s.Stop()
	first, body := report(t, j.scrapes(t)[0])
	second, none := report(t, j.scrapes(t)[1])
	if !first.Up || body != "a 1\n<html>" || second.Up || none != "" || second.Error != `the text cannot be read: line 2: there is no value behind "<html>"` {
		t.Errorf("%+v %q, %+v %q", first, body, second, none)
	}
	if c := env.Meter.Figures().ByKind[pull.KindScrape]; c.Failures != c.Pulls || c.Pulls == 0 {
		t.Errorf("%+v", c)
	}
}

func TestATargetThatIsGoneEnds(t *testing.T) {
	a, b := boardtest.Start(t), boardtest.Start(t)
	both := fmt.Sprintf("- {job_name: boards, service: s, subservice: t, scrape_interval: 100ms, static_configs: [{targets: [%q, %q]}]}\n", a.Addr, b.Addr)
	s, j, env := start(t, both)
	eventually(t, "both are scraped", func() bool { return len(env.Meter.Targets()) == 2 })
	s.Apply(jobs(t, strings.Replace(both, fmt.Sprintf(", %q", b.Addr), "", 1)))
	all := j.of(strings.ReplaceAll(b.Addr, ":", "%3A"))
	if r, _ := report(t, all[len(all)-1]); !r.Ended || r.Up {
		t.Errorf("%+v", r)
	}
	if n := len(env.Meter.Targets()); n != 1 {
		t.Errorf("%d targets", n)
	}
	// What stops with us does not end.
	s.Stop()
	all = j.of(strings.ReplaceAll(a.Addr, ":", "%3A"))
	if r, _ := report(t, all[len(all)-1]); r.Ended {
		t.Errorf("%+v", r)
	}
}

func TestATargetThatTwoJobsHaveIsScrapedForTheFirst(t *testing.T) {
	board := boardtest.Start(t)
	_, j, env := start(t, job(board.Addr, "")+fmt.Sprintf(`
- job_name: others
  service: factory
  subservice: line1
  scrape_interval: 100ms
  honor_labels: true
  static_configs: [{targets: [%q], labels: {job: boards}}]
`, board.Addr))
	eventually(t, "it is scraped", func() bool { return len(j.of("/scrape?")) >= 3 })
	if len(j.of("honor_labels")) > 0 {
		t.Error("both scrape it")
	}
	want := fmt.Sprintf("target %q: the job boards has one of the same tenant, job and instance", board.Addr)
	if got := fault(env, "job others"); got != want {
		t.Errorf("got %q", got)
	}
}
