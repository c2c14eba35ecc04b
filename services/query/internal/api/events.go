package api

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"weir/pkg/schema"
	"weir/services/query/internal/accounting"
	"weir/services/query/internal/deadletters"
	"weir/services/query/internal/params"
)

// maxDeadLetters is the longest page of dead letters: each may carry a payload
// of hundreds of kilobytes.
const maxDeadLetters = 1000

// deadLetters serves GET /api/deadletters.
func deadLetters(a *API, r *http.Request, b []byte) (reply, error) {
	q := r.URL.Query()
	page, err := params.ParsePage(q, maxDeadLetters)
	if err != nil {
		return reply{}, err
	}
	reason, err := params.OneOf(q, "reason", reasonNames()...)
	if err != nil {
		return reply{}, err
	}
	letters, total, err := a.Client.DeadLetters(r.Context(), schema.DeadLettersRequest{
		Service: given(q, "service"), Subservice: given(q, "subservice"), Reason: reason,
		Offset: page.Offset, Limit: page.Limit,
	})
	if err != nil {
		return reply{}, err
	}
	page.Total = total
	return reply{body: deadletters.AppendPage(b, page, letters)}, nil
}

// given returns a parameter's value, nil if it is not there: ?service= asks for
// what has no service.
func given(q url.Values, name string) *string {
	if !q.Has(name) {
		return nil
	}
	s := q.Get(name)
	return &s
}

func reasonNames() []string {
	var names []string
	for _, r := range schema.Reasons() {
		names = append(names, r.String())
	}
	return names
}

// deadLetter serves GET /api/deadletters/{seq}.
func deadLetter(a *API, r *http.Request, b []byte) (reply, error) {
	d, err := a.deadLetter(r)
	if err != nil {
		return reply{}, err
	}
	return reply{body: deadletters.Append(b, d)}, nil
}

// deadLetter asks for the dead letter that a request's path names.
func (a *API) deadLetter(r *http.Request) (*schema.DeadLetter, error) {
	text := r.PathValue("seq")
	seq, err := strconv.ParseUint(text, 10, 63)
	if err != nil || seq == 0 {
		return nil, &params.Error{Name: "seq", Got: text, Want: "a whole number from 1"}
	}
	letters, _, err := a.Client.DeadLetters(r.Context(), schema.DeadLettersRequest{Seq: seq, Limit: 1})
	if err != nil {
		return nil, err
	}
	if len(letters) == 0 {
		return nil, &problem{http.StatusNotFound, fmt.Sprintf("no such dead letter: %d", seq)}
	}
	return &letters[0], nil
}

// replay serves POST /api/deadletters/{seq}/replay. What ingest makes of the
// letter, accepted or rejected again, is a 200. A letter that was too large
// cannot be replayed: only its beginning was kept.
func replay(a *API, r *http.Request, b []byte) (reply, error) {
	d, err := a.deadLetter(r)
	if err != nil {
		return reply{}, err
	}
	if d.Reason == schema.ReasonTooLarge {
		return reply{}, &problem{http.StatusConflict, fmt.Sprintf("dead letter %d was too large: only the beginning of its payload was kept", d.Seq)}
	}
	answer, err := a.Client.Replay(r.Context(), d)
	if err != nil {
		return reply{}, err
	}
	return reply{body: deadletters.AppendReplay(b, d.Seq, answer)}, nil
}

// accounts serves GET /api/accounting.
func accounts(a *API, r *http.Request, b []byte) (reply, error) {
	all, err := a.Client.Accounting(r.Context())
	if err != nil {
		return reply{}, err
	}
	return reply{body: accounting.Append(b, all)}, nil
}
