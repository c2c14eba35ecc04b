package api_test

import (
	"encoding/json"
	"testing"

	"weir/pkg/read/readclient"
	"weir/pkg/schema"
	"weir/services/query/internal/api"
)

func letter() schema.DeadLetter {
	return schema.DeadLetter{
		Seq: 7, Reason: schema.ReasonNotJSON, Detail: "expected a value (at byte 1)", Tenant: schema.Tenant{Service: "factory", Subservice: "line1"},
		Event: schema.Event{Topic: "m/factory/c/line1/metrics/proplet", Client: "b1a2", Received: now.UnixNano(), Payload: []byte("{")},
	}
}

const letterBody = `{"seq":7,"time":"2026-01-02T03:04:05Z","reason":"not_json","detail":"expected a value (at byte 1)","service":"factory","subservice":"line1",` +
	`"topic":"m/factory/c/line1/metrics/proplet","client_id":"b1a2","payload":"{","encoding":"utf-8"}`

func TestDeadLettersAskForWhatMatches(t *testing.T) {
	for name, row := range map[string]struct{ query, want string }{
		"everything":                        {"", `{"offset":0,"limit":100}`},
		"a page":                            {"?offset=3&limit=2", `{"offset":3,"limit":2}`},
		"a page that is too long":           {"?limit=100000", `{"offset":0,"limit":1000}`},
		"a tenant and a reason":             {"?service=factory&subservice=line1&reason=not_json", `{"service":"factory","subservice":"line1","reason":"not_json","offset":0,"limit":100}`},
		"what has no tenant":                {"?service=&subservice=", `{"service":"","subservice":"","offset":0,"limit":100}`},
		"an empty reason does not restrict": {"?reason=", `{"offset":0,"limit":100}`},
	} {
		t.Run(name, func(t *testing.T) {
			var asked []byte
			f := &fake{deadLetters: func(r schema.DeadLettersRequest) ([]schema.DeadLetter, uint64, error) {
				asked, _ = json.Marshal(r)
				return []schema.DeadLetter{letter()}, 9, nil
			}}
			w := call(f, api.External, "GET /api/deadletters"+row.query)
			if string(asked) != row.want {
				t.Errorf("asked for %s, want %s", asked, row.want)
			}
			if w.Code != 200 {
				t.Errorf("got %d %s", w.Code, w.Body)
			}
		})
	}
	f := &fake{deadLetters: func(schema.DeadLettersRequest) ([]schema.DeadLetter, uint64, error) {
		return []schema.DeadLetter{letter()}, 9, nil
	}}
	expect(t, call(f, api.Internal, "GET /api/deadletters?limit=1"), 200, `{"offset":0,"limit":1,"total":9,"deadletters":[`+letterBody+`]}`)
}

func TestOneDeadLetter(t *testing.T) {
	one := func(r schema.DeadLettersRequest) ([]schema.DeadLetter, uint64, error) {
		if r.Seq != 7 {
			return nil, 0, nil
		}
		return []schema.DeadLetter{letter()}, 1, nil
	}
	tooLarge := func(schema.DeadLettersRequest) ([]schema.DeadLetter, uint64, error) {
		d := letter()
		d.Reason = schema.ReasonTooLarge
		return []schema.DeadLetter{d}, 1, nil
	}
	accepted := func(d *schema.DeadLetter) (schema.ReplayAnswer, error) {
		return schema.ReplayAnswer{JournalSeq: 90 + d.Seq, Accepted: true}, nil
	}
	rejected := func(*schema.DeadLetter) (schema.ReplayAnswer, error) {
		return schema.ReplayAnswer{JournalSeq: 97, Reason: "not_json", Detail: "expected a value"}, nil
	}
	gone := func(*schema.DeadLetter) (schema.ReplayAnswer, error) {
		return schema.ReplayAnswer{}, readclient.ErrNoIngest
	}
	for name, row := range map[string]struct {
		fake    fake
		request string
		code    int
		body    string
	}{
		"it is shown":                                   {fake{deadLetters: one}, "GET /api/deadletters/7", 200, letterBody},
		"there is none of that number":                  {fake{deadLetters: one}, "GET /api/deadletters/8", 404, `{"error":"no such dead letter: 8"}`},
		"a number that is none":                         {fake{deadLetters: one}, "GET /api/deadletters/x", 400, `{"error":"seq must be a whole number from 1, not \"x\""}`},
		"0 numbers no dead letter":                      {fake{deadLetters: one}, "GET /api/deadletters/0", 400, `{"error":"seq must be a whole number from 1, not \"0\""}`},
		"it is replayed":                                {fake{deadLetters: one, replay: accepted}, "POST /api/deadletters/7/replay", 200, `{"seq":7,"journal_seq":97,"accepted":true}`},
		"it is rejected again":                          {fake{deadLetters: one, replay: rejected}, "POST /api/deadletters/7/replay", 200, `{"seq":7,"journal_seq":97,"accepted":false,"reason":"not_json","detail":"expected a value"}`},
		"none to replay":                                {fake{deadLetters: one, replay: accepted}, "POST /api/deadletters/8/replay", 404, `{"error":"no such dead letter: 8"}`},
		"no number to replay":                           {fake{deadLetters: one, replay: accepted}, "POST /api/deadletters/-1/replay", 400, `{"error":"seq must be a whole number from 1, not \"-1\""}`},
		"only the beginning was kept":                   {fake{deadLetters: tooLarge, replay: accepted}, "POST /api/deadletters/7/replay", 409, `{"error":"dead letter 7 was too large: only the beginning of its payload was kept"}`},
		"no ingest to replay it":                        {fake{deadLetters: one, replay: gone}, "POST /api/deadletters/7/replay", 503, `{"error":"the ingest does not answer"}`},
		"a reason that is none":                         {fake{}, "GET /api/deadletters?reason=bad", 400, `{"error":"reason must be not_json or not_an_object or missing_source or bad_number or too_large or bad_topic or unknown_shape or bad_source or series_limit or source_limit or name_limit, not \"bad\""}`},
		"an offset that is none":                        {fake{}, "GET /api/deadletters?offset=-1", 400, `{"error":"offset must be a whole number from 0, not \"-1\""}`},
		"no dead letter at all":                         {fake{}, "GET /api/deadletters", 200, `{"offset":0,"limit":100,"total":0,"deadletters":[]}`},
		"accounting passes through without any tenants": {fake{}, "GET /api/accounting", 200, `{"tenants":[],"sum":{"received":0,"applied":0,"duplicate":0,"rejected":0,"pending":0}}`},
	} {
		t.Run(name, func(t *testing.T) {
			expect(t, call(&row.fake, api.Internal, row.request), row.code, row.body)
		})
	}
}
