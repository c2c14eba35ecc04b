package aggregator

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/services/aggregator/internal/foldtest"

	"weir/pkg/schema"
	"weir/pkg/schema/wire"
)

// compareSummaries sees summaries by their bytes: their buckets are not exported.
var compareSummaries = cmp.Comparer(func(a, b schema.Summary) bool {
	return string(a.AppendBinary(nil)) == string(b.AppendBinary(nil))
})

func TestTheReadPortAnswersWhatWasFolded(t *testing.T) {
	c := newCluster(t)
	// So many that each tenant has events, also the one that is seldom met, and
	// each task some pages of rows.
	frames := randomFrames(foldtest.Seed(t), 4500)
	put(t, c.journal, frames...)
	a := c.start(t)
	c.folded(t, a)
	want := settled(frames)
	want.Order()

	t.Run("sources", func(t *testing.T) {
		q := schema.SourcesRequest{Service: "factory", Kinds: []schema.Kind{schema.KindTask, schema.KindSporeNode}}
		answer, _ := c.ask(t, schema.ReadSources, q)
		_, got := records[schema.Source](t, answer, false)
		var all []schema.Source
		want.Sources(&q, func(s *schema.Source) { all = append(all, *s) })
		if diff := cmp.Diff(all, got); diff != "" || len(got) == 0 {
			t.Errorf("%d sources (-want +got):\n%s", len(got), diff)
		}
	})
	t.Run("rows", func(t *testing.T) {
		answer, _ := c.ask(t, schema.ReadRows, schema.RowsRequest{Kind: schema.KindTask, ID: "task-1", Limit: 10_000})
		head, got := rowsOf(t, answer)
		total, newest := uint64(0), int64(0)
		want.Sources(&schema.SourcesRequest{Kinds: []schema.Kind{schema.KindTask}, ID: "task-1"}, func(s *schema.Source) {
			total, newest = total+s.Readings, max(newest, s.ReadingTime)
		})
		if head.Total != total || uint64(len(got)) != total || total < 30 || got[0].Time != newest {
			t.Fatalf("%d of %d rows, want of %d, the newest at %d", len(got), head.Total, total, newest)
		}
		for i := 1; i < len(got); i++ {
			if got[i].Time > got[i-1].Time {
				t.Errorf("row %d is newer than the one before it", i)
			}
		}
		page, _ := c.ask(t, schema.ReadRows, schema.RowsRequest{Kind: schema.KindTask, ID: "task-1", Offset: 3, Limit: 20})
		if _, few := rowsOf(t, page); cmp.Diff(got[3:23], few) != "" {
			t.Errorf("a page (-want +got):\n%s", cmp.Diff(got[3:23], few))
		}
	})
	t.Run("rows of what is not known are an empty page", func(t *testing.T) {
		answer, _ := c.ask(t, schema.ReadRows, schema.RowsRequest{Kind: schema.KindTask, ID: "none", Limit: 10})
		if head, got := rowsOf(t, answer); head.Total != 0 || len(got) != 0 {
			t.Errorf("%d of %d", len(got), head.Total)
		}
	})
	t.Run("tenants", func(t *testing.T) {
		answer, _ := c.ask(t, schema.ReadTenants, nil)
		cursor, got := records[schema.TenantState](t, answer, true)
		var all []schema.TenantState
		want.Tenants(func(t *schema.TenantState) { all = append(all, t.Clone()) })
		if diff := cmp.Diff(all, got, compareSummaries); diff != "" || cursor != uint64(len(frames)) {
			t.Errorf("cursor %d (-want +got):\n%s", cursor, diff)
		}
	})
	t.Run("accounting", func(t *testing.T) {
		account := c.accounting(t)
		for _, a := range append(account.Tenants, schema.TenantAccount{AccountNumbers: account.Sum}) {
			if a.Received != a.Applied+a.Duplicate+a.Rejected || a.Pending != 0 {
				t.Errorf("the account does not balance: %+v", a)
			}
		}
		if len(account.Tenants) != 5 || account.Sum.Duplicate == 0 {
			t.Errorf("account %+v", account)
		}
	})
	t.Run("health", func(t *testing.T) {
		eventually(t, func() error { // the journal has but half a second to say how long it is
			h := c.health(t)
			if h.Cursor != uint64(len(frames)) || h.JournalEnd != h.Cursor || h.Sources != want.SourceCount() || h.JournalError != "" || h.StoreError != "" || h.StoreBytes == 0 {
				return fmt.Errorf("health %+v", h)
			}
			return nil
		})
	})
	t.Run("metrics", func(t *testing.T) {
		eventually(t, func() error { // a frame is counted just after it is folded
			text := metricsText(a)
			for _, line := range []string{
				fmt.Sprintf("weir_aggregator_frames_total %d\n", len(frames)),
				fmt.Sprintf("weir_aggregator_cursor %d\n", len(frames)),
				fmt.Sprintf("weir_aggregator_sources %d\n", want.SourceCount()),
				"# HELP weir_aggregator_events_total Events folded, by verdict.\n# TYPE weir_aggregator_events_total counter\n",
				`weir_aggregator_events_total{verdict="duplicate"}`,
			} {
				if !strings.Contains(text, line) {
					return fmt.Errorf("%q is not in\n%s", line, text)
				}
			}
			return nil
		})
	})
}

func TestBadRequestsAreRefused(t *testing.T) {
	c := newCluster(t)
	c.start(t)
	for _, test := range []struct {
		name, endpoint string
		request        any
		want           string
	}{
		{"what is not JSON", schema.ReadSources, "{", "400 bad request"},
		{"rows of no source", schema.ReadRows, schema.RowsRequest{Limit: 1}, "400 bad request: kind and id must be given"},
		{"a reason that does not exist", schema.ReadDeadLetters, schema.DeadLettersRequest{Reason: "bad_mood"}, `400 bad request: no such reason as "bad_mood"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, _, err := c.tryAsk(t, test.endpoint, test.request)
			if err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

func TestALargeAnswerComesInParts(t *testing.T) {
	c := newCluster(t)
	const nodes = 2000
	f := &schema.Frame{Writer: "w", Number: 1}
	tenant := schema.Tenant{Service: "farm", Subservice: "yard"}
	for i := range nodes {
		host := fmt.Sprintf("node-%05d", i)
		f.Events = append(f.Events, schema.Event{Topic: foldtest.SporeTopic(tenant, host), Received: foldtest.Start, Payload: foldtest.SporeNode(host, "z", 1, foldtest.Start)})
	}
	put(t, c.journal, f)
	a := c.start(t)
	c.folded(t, a)
	answer, messages := c.ask(t, schema.ReadSources, schema.SourcesRequest{})
	if _, got := records[schema.Source](t, answer, false); len(got) != nodes || got[0].ID != "node-00000" || got[nodes-1].ID != "node-01999" {
		t.Errorf("%d sources", len(got))
	}
	if least := len(answer)/schema.ReadPortChunk + 1; messages < 2 || messages < least || messages > least+1 {
		t.Errorf("%d bytes in %d messages", len(answer), messages)
	}
}

func TestDeadLettersAreListedAcrossTheCheckpoint(t *testing.T) {
	c := newCluster(t)
	seed := foldtest.Seed(t)
	frames := randomFrames(seed, 1500)
	want := settled(frames)
	var all []schema.DeadLetter // newest first
	for _, letter := range want.PendingDeadLetters() {
		all = append([]schema.DeadLetter{letter.DeadLetter}, all...)
	}
	put(t, c.journal, frames[:len(frames)/2]...)
	a := c.start(t)
	put(t, c.journal, frames[len(frames)/2:]...)
	c.folded(t, a)
	rng := foldtest.Rand(seed)
	service, empty := "factory", ""
	for range 60 {
		q := schema.DeadLettersRequest{Offset: rng.Uint64N(30), Limit: rng.Uint64N(30)}
		switch rng.IntN(4) {
		case 0:
			q.Service = &service
		case 1:
			q.Service, q.Subservice = &empty, &empty
		case 2:
			q.Reason = "not_json"
		}
		answer, _ := c.ask(t, schema.ReadDeadLetters, q)
		total, got := records[schema.DeadLetter](t, answer, true)
		wantTotal, wantPage := plainPage(all, q)
		if diff := cmp.Diff(wantPage, got); diff != "" || total != wantTotal {
			t.Fatalf("%+v: total %d, want %d (-want +got):\n%s", q, total, wantTotal, diff)
		}
	}
	t.Run("one by its number", func(t *testing.T) {
		answer, _ := c.ask(t, schema.ReadDeadLetters, schema.DeadLettersRequest{Seq: 2})
		total, got := records[schema.DeadLetter](t, answer, true)
		if total != 1 || len(got) != 1 || cmp.Diff(all[len(all)-2], got[0]) != "" {
			t.Errorf("%d: %+v", total, got)
		}
	})
	t.Run("a number that is not there", func(t *testing.T) {
		answer, _ := c.ask(t, schema.ReadDeadLetters, schema.DeadLettersRequest{Seq: 1 << 40})
		if total, got := records[schema.DeadLetter](t, answer, true); total != 0 || len(got) != 0 {
			t.Errorf("%d: %+v", total, got)
		}
	})
}

func plainPage(newestFirst []schema.DeadLetter, q schema.DeadLettersRequest) (total uint64, page []schema.DeadLetter) {
	for _, letter := range newestFirst {
		if (q.Service != nil && *q.Service != letter.Tenant.Service) || (q.Subservice != nil && *q.Subservice != letter.Tenant.Subservice) ||
			(q.Reason != "" && q.Reason != letter.Reason.String()) {
			continue
		}
		if total >= q.Offset && total < q.Offset+q.Limit {
			page = append(page, letter)
		}
		total++
	}
	return total, page
}

// rowsOf reads an answer of the rows endpoint.
func rowsOf(t *testing.T, answer []byte) (head schema.RowsHead, rows []schema.StoredReading) {
	t.Helper()
	r := wire.NewReader(answer)
	head.ReadBinary(r)
	_, rows = records[schema.StoredReading](t, r.Rest(), false)
	return head, rows
}
