package intake

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"weir/pkg/schema"
	"weir/pkg/schema/decode/ngsi"
	"weir/pkg/schema/pushtopic"
)

// notice takes a notification of a FIWARE context broker. Its answers are
// Perseo's, whose clients know them:
//
//	200 {"error":null,"data":[{"code":200,"body":…}, …]}   an item for each entity
//	400 {"error":"…" or […],"data":null}
//	400 {"message":"invalid content-type"}
//	500 {"error":"…","data":null}                          the body is not JSON
func notice(in *Intake, r *request) (answer, error) {
	id := correlator(r)
	a, err := in.notice(r, id)
	a.header = joined(http.Header{correlatorHeader: {id}}, a.header)
	switch {
	case err != nil:
		in.cfg.Observer.Refused(id, err.Error())
	case a.code >= 400:
		in.cfg.Observer.Refused(id, strings.TrimSpace(string(a.body)))
	}
	return a, err
}

func (in *Intake) notice(r *request, correlator string) (answer, error) {
	if err := in.authenticate(r); err != nil {
		return answer{}, err
	}
	tenants, err := in.fiwareTenants(r)
	if err != nil {
		return answer{}, err
	}
	b, err := in.read(r, in.cfg.MaxBody)
	if err != nil {
		return answer{}, err
	}
	topic := pushtopic.Topic{Kind: pushtopic.Notice, Tenants: tenants}
	e := schema.Event{Topic: topic.String(), Payload: b.data, Refused: b.refused, Correlator: correlator}
	a := noticeAnswer(r, &b, len(tenants), &e)
	return a, in.store(r, e, len(a.body))
}

// noticeAnswer finds out what a notification is answered with, once it is stored.
func noticeAnswer(r *request, b *body, paths int, e *schema.Event) answer {
	if b.refused != nil {
		return answer{code: b.code, body: wrapped(b.refused.Detail)}
	}
	if media, _ := mediaType(r); media != "application/json" && !strings.HasSuffix(media, "+json") {
		e.Refused = &schema.Refusal{Reason: schema.ReasonUnknownShape, Detail: fmt.Sprintf("invalid content-type %q: expected application/json", shown(r.Header.Get("Content-Type")))}
		return answer{code: http.StatusBadRequest, body: inJSON(map[string]string{"message": "invalid content-type"})}
	}
	n, err := ngsi.Parse(b.data, paths)
	if err == nil {
		return answer{body: taken(len(n.Entities))}
	}
	var fault *ngsi.Error
	if !errors.As(err, &fault) {
		return explain(err)
	}
	if fault.List {
		return answer{code: fault.Code, body: wrapped(fault.Texts)}
	}
	return answer{code: fault.Code, body: wrapped(fault.Error())}
}

// taken is the answer to a notification of a number of entities. The item's body
// stands where Perseo has its rule engine's answer.
func taken(entities int) []byte {
	type item struct {
		Code int    `json:"code"`
		Body string `json:"body"`
	}
	data := make([]item, entities)
	for i := range data {
		data[i] = item{http.StatusOK, "stored"}
	}
	return inJSON(struct {
		Error any    `json:"error"`
		Data  []item `json:"data"`
	}{Data: data})
}

// givenCorrelator returns what a request says of its transaction, "" for nothing.
func givenCorrelator(r *request) string {
	given := r.Header.Get(correlatorHeader)
	if len(given) > 256 {
		return ""
	}
	return strings.ToValidUTF8(given, "")
}

// correlator returns what follows a transaction through FIWARE's components: what
// the request says, or something new.
func correlator(r *request) string {
	if given := givenCorrelator(r); given != "" {
		return given
	}
	var b [16]byte
	_, _ = rand.Read(b[:]) // which never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	s := hex.EncodeToString(b[:])
	return strings.Join([]string{s[:8], s[8:12], s[12:16], s[16:20], s[20:]}, "-")
}
