// Package deadletters writes the documents of the dead-letter API.
package deadletters

import (
	"encoding/base64"
	"time"
	"unicode/utf8"

	"weir/pkg/schema"
	"weir/services/query/internal/jsonappend"
	"weir/services/query/internal/params"
)

// AppendPage appends the answer of GET /api/deadletters and a newline:
//
//	{"offset": …, "limit": …, "total": …, "deadletters": [letter…]}
//
// The letters are shown in the order given, newest first.
func AppendPage(b []byte, page params.Page, letters []schema.DeadLetter) []byte {
	b = page.Append(append(b, '{'))
	b = append(jsonappend.Key(b, "deadletters"), '[')
	for i := range letters {
		b = appendLetter(jsonappend.Comma(b), &letters[i])
	}
	return append(b, "]}\n"...)
}

// Append appends the answer of GET /api/deadletters/{seq} and a newline:
//
//	{"seq", "time": RFC 3339 of receipt, UTC, "reason", "detail", "service", "subservice",
//	 "topic", "client_id", "correlator", "payload", "encoding": "utf-8" or "base64"}
//
// correlator is there if the HTTP request that brought the event had one.
// payload is the text that the device sent, or base64 where that is not UTF-8.
func Append(b []byte, d *schema.DeadLetter) []byte { return append(appendLetter(b, d), '\n') }

func appendLetter(b []byte, d *schema.DeadLetter) []byte {
	b = jsonappend.Uint(append(b, '{'), "seq", d.Seq)
	b = jsonappend.Field(b, "time", time.Unix(0, d.Event.Received).UTC().Format(time.RFC3339Nano))
	b = jsonappend.Field(b, "reason", d.Reason.String())
	b = jsonappend.Field(b, "detail", d.Detail)
	b = jsonappend.Field(b, "service", d.Tenant.Service)
	b = jsonappend.Field(b, "subservice", d.Tenant.Subservice)
	b = jsonappend.Field(b, "topic", d.Event.Topic)
	b = jsonappend.Field(b, "client_id", d.Event.Client)
	if d.Event.Correlator != "" {
		b = jsonappend.Field(b, "correlator", d.Event.Correlator)
	}
	payload, encoding := encode(d.Event.Payload)
	b = jsonappend.Field(b, "payload", payload)
	b = jsonappend.Field(b, "encoding", encoding)
	return append(b, '}')
}

func encode(payload []byte) (text, encoding string) {
	if utf8.Valid(payload) {
		return string(payload), "utf-8"
	}
	return base64.StdEncoding.EncodeToString(payload), "base64"
}

// AppendReplay appends the answer of POST /api/deadletters/{seq}/replay and a
// newline:
//
//	{"seq", "journal_seq", "accepted": bool, "reason", "detail"}
//
// journal_seq is where the new event lies in the journal. The last two are
// there if it was rejected again.
func AppendReplay(b []byte, seq uint64, a schema.ReplayAnswer) []byte {
	b = jsonappend.Uint(append(b, '{'), "seq", seq)
	b = jsonappend.Uint(b, "journal_seq", a.JournalSeq)
	b = jsonappend.Bool(b, "accepted", a.Accepted)
	if !a.Accepted {
		b = jsonappend.Field(b, "reason", a.Reason)
		b = jsonappend.Field(b, "detail", a.Detail)
	}
	return append(b, '}', '\n')
}
