package deadletters_test

import (
	"testing"

	"weir/pkg/golden"
	"weir/pkg/schema"
	"weir/services/query/internal/deadletters"
	"weir/services/query/internal/params"
)

func letters() []schema.DeadLetter {
	return []schema.DeadLetter{
		{Seq: 12, Reason: schema.ReasonNotJSON, Detail: "expected a value (at byte 1)",
			Tenant: schema.Tenant{Service: "factory", Subservice: "line1"},
			Event: schema.Event{Topic: "m/factory/c/line1/metrics/proplet", Client: "b1a2", Received: 1767323045_000006789,
				Payload: []byte("{\"grün\": \"<1>\"\n")}},
		{Seq: 11, Reason: schema.ReasonBadTopic, Detail: "level 2 is empty",
			Event: schema.Event{Topic: "m//c/line1/metrics/proplet", Client: "b1a2", Received: 1767323045_000000000, Correlator: "abc; cbnotif=1",
				Payload: []byte{0xff, 0x00, 0x01, 0xfe}}},
		{Seq: 3, Reason: schema.ReasonNotJSON, Detail: "the payload is empty",
			Tenant: schema.Tenant{Service: "factory", Subservice: "line1"},
			Event:  schema.Event{Topic: "m/factory/c/line1/metrics/proplet", Received: 1767323045_500000000}},
	}
}

func TestDocuments(t *testing.T) {
	all := letters()
	for file, got := range map[string][]byte{
		"page.json":            deadletters.AppendPage(nil, params.Page{Offset: 0, Limit: 100, Total: 3}, all),
		"page-empty.json":      deadletters.AppendPage(nil, params.Page{Offset: 9, Limit: 1, Total: 3}, nil),
		"letter.json":          deadletters.Append(nil, &all[1]),
		"replay-accepted.json": deadletters.AppendReplay(nil, 12, schema.ReplayAnswer{JournalSeq: 99, Accepted: true}),
		"replay-rejected.json": deadletters.AppendReplay(nil, 12, schema.ReplayAnswer{JournalSeq: 99, Reason: "not_json", Detail: "expected a value"}),
	} {
		golden.JSON(t, file, got)
	}
}
