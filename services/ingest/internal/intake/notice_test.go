package intake_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/pkg/schema"
)

const room = `{"subscriptionId":"65a0","data":[{"id":"sensor:7","type":"Room","temperature":{"type":"Number","value":31.5,"metadata":{"unit":{"type":"Text","value":"C"}}}}]}`

const oneEntity, twoEntities = `{"data":[{"id":"a","x":1}]}`, `{"data":[{"id":"a","x":1},{"id":"b","x":2}]}`

// The rows are those of Perseo's behaviour.
func TestNotices(t *testing.T) {
	const root = "/notices?path=%2F&service=unknownt"
	for _, c := range []struct {
		name    string
		body    string
		headers []string
		code    int
		want    string // the answer; one that ends in "…" is its beginning
		topic   string // of the event; "" for none
		refused string // how the event is
	}{
		{"a notification as Orion sends it", room, []string{"Fiware-Service: Factory", "Fiware-ServicePath: /line1", "Content-Type: application/json; charset=utf-8"}, 200,
			`{"error":null,"data":[{"code":200,"body":"stored"}]}`, "/notices?path=%2Fline1&service=factory", ""},
		{"without headers it belongs to the default service and the root", oneEntity, []string{inJSON}, 200, `{"error":null,"data":[{"code":200,"body":"stored"}]}`, root, ""},
		{"two paths for two entities", twoEntities, []string{inJSON, "Fiware-ServicePath: /a,/b"}, 200, `{"error":null,"data":[{"code":200,"body":"stored"},{"code":200,"body":"stored"}]}`, "/notices?path=%2Fa%2C%2Fb&service=unknownt", ""},
		{"one path for two entities", twoEntities, []string{inJSON, "Fiware-ServicePath: /a"}, 200, `{"error":null,"data":[{"code":200,"body":"stored"},{"code":200,"body":"stored"}]}`, "/notices?path=%2Fa&service=unknownt", ""},
		{"JSON of a kind of its own", oneEntity, []string{"Content-Type: application/ld+json"}, 200, `{"error":null,"data":[{"code":200,"body":"stored"}]}`, root, ""},

		{"nothing in it", `{}`, []string{inJSON}, 400, `{"error":"ContextResponses is not an array (undefined)","data":null}`, root, ""},
		{"data that is an object", `{"data":{}}`, []string{inJSON}, 400, `{"error":"invalid NGSIv2 notice format data must be an array, not a object","data":null}`, root, ""},
		{"two paths for one entity", oneEntity, []string{inJSON, "Fiware-ServicePath: /a,/b"}, 400, `{"error":"Number of servicepath items does not match ContextResponses(2,1)","data":null}`, "/notices?path=%2Fa%2C%2Fb&service=unknownt", ""},
		{"no entity", `{"data":[]}`, []string{inJSON}, 400, `{"error":"Number of servicepath items does not match ContextResponses(1,0)","data":null}`, root, ""},
		{"an attribute that is null", `{"data":[{"id":"a","t":null}]}`, []string{inJSON}, 400, `{"error":["data[0] has the attribute \"t\", which is null"],"data":null}`, root, ""},
		{"NGSIv1", `{"contextResponses":[]}`, []string{inJSON}, 400, `{"error":["NGSIv1 …`, root, ""},
		{"a wrong content type", oneEntity, []string{"Content-Type: text/plain"}, 400, `{"message":"invalid content-type"}`, root, `unknown_shape invalid content-type "text/plain": expected application/json`},
		{"no content type", oneEntity, nil, 400, `{"message":"invalid content-type"}`, root, `unknown_shape invalid content-type "": expected application/json`},
		{"broken JSON", `{"data":`, []string{inJSON}, 500, `{"error":"…`, root, ""},
		{"a body that is too large", `{"data":"` + strings.Repeat("x", maxBody) + `"}`, []string{inJSON}, 413, `{"error":"more than 2000 bytes","data":null}`, root, "too_large more than 2000 bytes"},

		{"a service with a dash is no tenant", oneEntity, []string{inJSON, "Fiware-Service: a-b"}, 400, `{"error":"service/subservice: invalid character '-'","data":null}`, "", ""},
		{"a path with a dash is none", oneEntity, []string{inJSON, "Fiware-ServicePath: /a,/b-c"}, 400, `{"error":"service/subservice: invalid character '-'","data":null}`, "", ""},
		{"a path with too many levels is none", oneEntity, []string{inJSON, "Fiware-ServicePath: /1/2/3/4/5/6/7/8/9/0"}, 400, `{"error":"service/subservice: …`, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, j, o := newIntake()
			w := send(h, "POST /notices", c.body, c.headers...)
			got := w.Body.String()
			if begin, cut := strings.CutSuffix(c.want, "…"); w.Code != c.code || got != c.want && (!cut || !strings.HasPrefix(got, begin)) {
				t.Errorf("got %d %s, want %d %s", w.Code, got, c.code, c.want)
			}
			if want := fmt.Sprint("/notices ", c.code); cmp.Diff([]string{want}, o.served) != "" || len(o.failed) > 0 || o.panicked > 0 {
				t.Errorf("the observer was told of %v, %v", o.served, o.failed)
			}
			if c.topic == "" {
				if len(j.events) > 0 {
					t.Errorf("stored: %+v", j.events)
				}
				return
			}
			want := schema.Event{Topic: c.topic, Client: "10.0.0.7", Received: received.UnixNano(), Route: schema.RouteHTTP, Payload: []byte(c.body)}
			if c.code == 413 {
				want.Payload = want.Payload[:keep]
			}
			e := j.events[0]
			if want.Correlator = w.Header().Get("Fiware-Correlator"); want.Correlator == "" {
				t.Error("there is no correlator")
			}
			refused := ""
			if e.Refused != nil {
				refused = e.Refused.Reason.String() + " " + e.Refused.Detail
			}
			e.Refused = nil
			if diff := cmp.Diff(want, e); diff != "" || len(j.events) != 1 || refused != c.refused || j.answers[0] != len(got) {
				t.Errorf("%d events, refused: %s, an answer of %d bytes (-want +got):\n%s", len(j.events), refused, j.answers[0], diff)
			}
		})
	}
}

func TestTheCorrelatorIsCarriedThrough(t *testing.T) {
	h, j, o := newIntake()
	const given = "abc; cbnotif=1"
	for _, body := range []string{oneEntity, `{}`} {
		if w := send(h, "POST /notices", body, inJSON, "Fiware-Correlator: "+given); w.Header().Get("Fiware-Correlator") != given {
			t.Errorf("got %q", w.Header().Get("Fiware-Correlator"))
		}
	}
	send(h, "POST /write?service=a&subservice=b", "m v=1", "Fiware-Correlator: "+given)
	send(h, "POST /write?service=a&subservice=b", "m v=1")
	send(h, "POST /notices", oneEntity, "Fiware-Service: a-b", "Fiware-Correlator: "+given)
	var stored []string
	for _, e := range j.events {
		stored = append(stored, e.Correlator)
	}
	if diff := cmp.Diff([]string{given, given, given, ""}, stored); diff != "" {
		t.Errorf("events' correlators (-want +got):\n%s", diff)
	}
	refused := []string{
		given + `: {"error":"ContextResponses is not an array (undefined)","data":null}`,
		given + ": service/subservice: invalid character '-'",
	}
	if diff := cmp.Diff(refused, o.refused); diff != "" {
		t.Errorf("refused (-want +got):\n%s", diff)
	}
	uuid := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	for _, header := range []string{inJSON, "Fiware-Service: a-b"} { // also where there is no tenant
		if w := send(h, "POST /notices", oneEntity, header); !uuid.MatchString(w.Header().Get("Fiware-Correlator")) {
			t.Errorf("got %q", w.Header().Get("Fiware-Correlator"))
		}
	}
}
