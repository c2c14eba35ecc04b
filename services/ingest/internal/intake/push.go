package intake

import (
	"cmp"
	"net/http"
	"strings"
	"sync"

	"weir/pkg/schema"
	"weir/pkg/schema/packed"
	"weir/pkg/schema/pushtopic"
)

const plainText = "text/plain; charset=utf-8"

// push takes a group of metrics as a Pushgateway does:
//
//	200, empty    PUT and POST
//	202, empty    DELETE
//	400, a text   what cannot be read
//
// One that is refused is a dead letter, and a second event says of the group when
// that was.
func push(in *Intake, r *request) (answer, error) {
	if err := in.authenticate(r); err != nil {
		return answer{}, err
	}
	tenants, err := in.tenant(r, DefaultTenant)
	if err != nil {
		return answer{}, err
	}
	group, err := pushtopic.ParseGroup(r.URL.EscapedPath())
	if err != nil {
		return answer{code: http.StatusBadRequest, contentType: plainText, body: []byte(err.Error() + "\n")}, nil
	}
	topic := pushtopic.Topic{Kind: pushtopic.Push, Tenants: tenants, Group: group, Method: r.Method}
	if r.Method == http.MethodDelete {
		in.failures.forget(&topic)
		return answer{code: http.StatusAccepted}, in.store(r, schema.Event{Topic: topic.String()}, 0)
	}
	topic.Format = format(r)
	b, err := in.read(r, cmp.Or(in.cfg.MaxText, in.cfg.MaxBody))
	if err != nil {
		return answer{}, err
	}
	e := schema.Event{Topic: topic.String(), Refused: b.refused, Received: in.cfg.Now().UnixNano()}
	head := pushtopic.Head{At: e.Received, Failed: in.failures.of(&topic)}
	in.pack(&b, &head, &e)
	a, taken := in.pushAnswer(&b, &e)
	if err := in.store(r, e, len(a.body)); err != nil || taken {
		return a, err
	}
	in.failures.note(&topic, e.Received)
	head = pushtopic.Head{At: e.Received, Refused: true}
	return a, in.store(r, schema.Event{Topic: e.Topic, Payload: head.Append(nil), Received: e.Received}, 0)
}

// pack makes an event's payload of a body: packed, if it is large.
func (in *Intake) pack(b *body, head *pushtopic.Head, e *schema.Event) {
	data := b.data
	switch {
	case b.refused != nil:
		data = data[:min(len(data), max(in.cfg.MaxBody-pushtopic.MaxHead, 0))]
	case len(data) > packed.From:
		data, head.Packed = packed.Pack(data), true
	}
	e.Payload = append(head.Append(nil), data...)
	if b.refused == nil && len(e.Payload) > in.cfg.MaxBody {
		*b = in.tooLarge(b.data, "%d bytes, which are %d when they are compressed: expected at most %d then", len(b.data), len(data), in.cfg.MaxBody)
		head.Packed = false
		e.Payload, e.Refused = append(head.Append(nil), b.data...), b.refused
	}
}

// pushAnswer finds out what a push is answered with, once it is stored.
func (in *Intake) pushAnswer(b *body, e *schema.Event) (a answer, taken bool) {
	if b.refused != nil {
		return answer{code: b.code, contentType: plainText, body: []byte(b.refused.Detail + "\n")}, false
	}
	if rejection := in.decode(e); rejection != nil {
		return answer{code: http.StatusBadRequest, contentType: plainText,
			body: []byte("pushed metrics are invalid or inconsistent with existing metrics: " + rejection.Detail + "\n")}, false
	}
	return answer{code: http.StatusOK}, true
}

// format returns the form of a pushed group by its media type; what is not known
// is read as text, as a Pushgateway does.
func format(r *request) string {
	media, parameters := mediaType(r)
	switch {
	case media == "application/openmetrics-text":
		return pushtopic.FormatOpenMetrics
	case media == "application/vnd.google.protobuf" &&
		parameters["proto"] == "io.prometheus.client.MetricFamily" && strings.EqualFold(parameters["encoding"], "delimited"):
		return pushtopic.FormatProtobuf
	}
	return pushtopic.FormatText
}

// failures remembers when the latest push of a group was refused, so that it is
// known through the pushes that are taken after it: each says all that there is of
// its group. It is forgotten with the process, or if there are too many.
type failures struct {
	mu sync.Mutex
	at map[string]int64 // unix nanoseconds, by the group's tenant and name
}

const maxFailures = 10_000

func groupKey(t *pushtopic.Topic) string { return t.Tenant().String() + " " + t.GroupName() }

func (f *failures) of(t *pushtopic.Topic) int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.at[groupKey(t)]
}

func (f *failures) note(t *pushtopic.Topic, at int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.at == nil || len(f.at) >= maxFailures {
		f.at = map[string]int64{}
	}
	f.at[groupKey(t)] = at
}

func (f *failures) forget(t *pushtopic.Topic) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.at, groupKey(t))
}
