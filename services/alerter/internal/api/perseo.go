package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"weir/pkg/schema"
	"weir/services/alerter/internal/alert"
)

// call is a request to one of Perseo's routes.
type call struct {
	*http.Request
	tenant alert.Tenant
	body   []byte // what was read of it

	read   int // bytes that count as the request's size
	counts []schema.CounterDelta
}

// count counts an operation: that it was asked for, and how it ended.
func (c *call) count(asked, ok, failed schema.Counter, err error) {
	outcome := ok
	if err != nil {
		outcome = failed
	}
	c.counts = append(c.counts, schema.CounterDelta{Counter: asked, Delta: 1}, schema.CounterDelta{Counter: outcome, Delta: 1})
}

// answer is what a call is answered with: Perseo's wrapper, unless bare is set.
type answer struct {
	code  int // 0 for 200
	data  any
	err   string
	count *int // of rules in all
	bare  any
}

func (x *answer) encode() []byte {
	if x.bare != nil {
		return bytes.TrimSuffix(encode(x.bare), []byte("\n"))
	}
	wrapper := struct {
		Error *string `json:"error"`
		Data  any     `json:"data"`
		Count *int    `json:"count,omitempty"`
	}{nil, x.data, x.count}
	if x.err != "" {
		wrapper.Error = &x.err
	}
	return bytes.TrimSuffix(encode(wrapper), []byte("\n"))
}

// problem is an error with the status that it is answered with.
type problem struct {
	code int
	text string
}

func (p *problem) Error() string { return p.text }

func fail(err error) answer {
	if p := (*problem)(nil); errors.As(err, &p) {
		return answer{code: p.code, err: p.text}
	}
	return answer{code: http.StatusInternalServerError, err: err.Error()}
}

// counted serves a call of a tenant and counts it. A request whose tenant is
// none is refused and counts nowhere.
func (a *api) counted(f func(*call) answer) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		began := a.Now()
		w.Header().Set(correlatorHeader, a.correlator(r))
		tenant, err := requestTenant(r.Header)
		if err != nil {
			send(w, answer{code: http.StatusBadRequest, err: err.Error()})
			return
		}
		c := &call{Request: r, tenant: tenant}
		x, ok := c.readBody()
		if ok {
			x = f(c)
		}
		if x.count != nil {
			w.Header().Set(totalCountHeader, fmt.Sprint(*x.count))
		}
		c.finish(a.Counters, x.code, send(w, x), a.Now().Sub(began))
	}
}

// correlator is the client's, or a new one.
func (a *api) correlator(r *http.Request) string {
	if id := r.Header.Get(correlatorHeader); id != "" {
		return id
	}
	return a.NewID()
}

// send returns how many bytes it sent.
func send(w http.ResponseWriter, x answer) int {
	b := x.encode()
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	if x.code != 0 {
		w.WriteHeader(x.code)
	}
	w.Write(b)
	return len(b)
}

// readBody reads the body of a call that has one. The answers are Perseo's, the
// sizes counted too: none for what is no JSON.
func (c *call) readBody() (answer, bool) {
	if c.Method != http.MethodPost && c.Method != http.MethodPut {
		return answer{}, true
	}
	body, err := io.ReadAll(c.Body)
	if tooLong := (*http.MaxBytesError)(nil); errors.As(err, &tooLong) {
		return answer{code: http.StatusRequestEntityTooLarge, err: fmt.Sprintf("body longer than %d bytes", tooLong.Limit)}, false
	}
	if err != nil {
		return answer{code: http.StatusBadRequest, err: "read the body: " + err.Error()}, false
	}
	if !isJSON(c.Request) {
		c.read = len(body)
		return answer{code: http.StatusBadRequest, bare: map[string]string{"message": "invalid content-type"}}, false
	}
	var anything json.RawMessage
	if err := json.Unmarshal(body, &anything); err != nil {
		return answer{code: http.StatusInternalServerError, err: err.Error()}, false
	}
	c.body, c.read = body, len(body)
	return answer{}, true
}

// finish counts the call.
func (c *call) finish(counters Counters, code, sent int, took time.Duration) {
	ops := schema.Operations{Tenant: schema.Tenant(c.tenant)}
	add := func(counter schema.Counter, n int) {
		if n > 0 {
			ops.Counters = append(ops.Counters, schema.CounterDelta{Counter: counter, Delta: uint64(n)})
		}
	}
	add(schema.IncomingTransactions, 1)
	add(schema.IncomingRequestSize, c.read)
	add(schema.IncomingResponseSize, sent)
	if code >= http.StatusBadRequest {
		add(schema.IncomingErrors, 1)
	}
	ops.Counters = append(ops.Counters, c.counts...) // these come later in the table
	ops.ServiceTime.Add(uint64(max(took, 0)))
	counters.Count(ops)
}
